package io.drover.placement;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Puts the replicas of each layer on groups (devices, or nodes), so that {@link AffinityWeights} save most and no group is overloaded,
 * every group keeping the number of replicas that it has in each layer. What a replica would save anywhere is kept up to date, so that an
 * exchange is judged in constant time, whatever the size of the trace.
 *
 * <p>A pair's weight is saved where both are on one group, in the share of calls that the first one's replica there gets; a group's
 * host, if groups have hosts, saves a part of it. Minimised: {@code sum of weights - saved + balance * sum over layers of (busiest
 * group's load / mean)}, per position.
 */
final class AffinitySearch {
    private final AffinityWeights weights;
    private final int layers;
    private final int groups;
    private final int[] host;
    private final int hosts;
    private final float onHost;
    private final float onGroup;
    private final double balance;
    private final SplittableRandom random;
    /** [layer][replica] expert, and the group it is on. */
    final int[][] expert;
    final int[][] group;
    /** [layer][expert] replicas. */
    private final int[][] copies;
    /** [layer][expert * groups + group], [layer][expert * hosts + host]: what a replica there saves. */
    private final float[][] gain;
    private final float[][] hostGain;
    private final double[][] callsOfCopy;
    private final double[][] load;
    /** [layer] the three greatest loads' groups. */
    private final int[][] busiest;
    private final double[] meanLoad;

    /**
     * What a search needs to know of the groups.
     *
     * @param host       [group] its host
     * @param hostWeight cost of a vector between two groups of one host, of one between hosts: 0 to 1
     * @param balance    vectors per position and layer that one unit of imbalance is worth
     * @param calls      [layer][expert] token-expert calls per position; read only if balance is above 0
     */
    record Groups(int[] host, double hostWeight, double balance, double[][] calls) {
        /** Groups that differ in nothing, and whose load does not matter. */
        static Groups plain(final int groups) {
            final int[] own = new int[groups];
            Arrays.setAll(own, g -> g);
            return new Groups(own, 1, 0, new double[0][]);
        }
    }

    /**
     * @param expert [layer][replica]; kept and not changed
     * @param group  [layer][replica] the start; kept and changed
     */
    AffinitySearch(
            final AffinityWeights weights, final Groups groups, final int[][] expert, final int[][] group, final long seed) {
        this.weights = weights;
        this.expert = expert;
        this.group = group;
        layers = weights.layers;
        this.groups = groups.host().length;
        host = groups.host();
        hosts = Arrays.stream(host).max().orElseThrow() + 1;
        onHost = hosts == this.groups ? 0 : (float) (1 - groups.hostWeight());
        onGroup = 1 - onHost;
        balance = groups.balance();
        random = new SplittableRandom(seed);
        copies = new int[layers][];
        gain = new float[layers][];
        hostGain = new float[layers][];
        callsOfCopy = new double[layers][];
        load = new double[layers][this.groups];
        busiest = new int[layers][3];
        meanLoad = new double[layers];
        for (int layer = 0; layer < layers; layer++) {
            copies[layer] = new int[weights.experts[layer]];
            for (final int e : expert[layer]) {
                copies[layer][e]++;
            }
            gain[layer] = new float[weights.experts[layer] * this.groups];
            hostGain[layer] = new float[onHost == 0 ? 0 : weights.experts[layer] * hosts];
            callsOfCopy[layer] = new double[weights.experts[layer]];
        }
        for (int layer = 0; layer < layers; layer++) {
            for (int e = 0; e < callsOfCopy[layer].length && balance > 0; e++) {
                callsOfCopy[layer][e] = groups.calls()[layer][e] / Math.max(1, copies[layer][e]);
                meanLoad[layer] += groups.calls()[layer][e] / this.groups;
            }
            for (int r = 0; r < expert[layer].length; r++) {
                arrive(layer, expert[layer][r], group[layer][r], 1);
                load[layer][group[layer][r]] += callsOfCopy[layer][expert[layer][r]];
            }
            rank(layer);
        }
    }

    /** What neighbours would save beside this replica; a negative sign takes it back. */
    private void arrive(final int layer, final int e, final int at, final int sign) {
        final float share = (float) sign / copies[layer][e];
        if (layer + 1 < layers) {
            final int columns = weights.experts[layer + 1];
            for (int b = 0; b < columns; b++) {
                put(layer + 1, b, at, weights.next[layer][e * columns + b] * share);
            }
        }
        if (layer > 0) {
            final int columns = weights.experts[layer];
            for (int a = 0; a < weights.experts[layer - 1]; a++) {
                put(layer - 1, a, at, sign * weights.next[layer - 1][a * columns + e] / copies[layer - 1][a]);
            }
        }
        if (weights.within[layer].length > 0) {
            final int columns = weights.experts[layer];
            for (int b = 0; b < columns; b++) {
                final float both = weights.within[layer][e * columns + b] * share
                        + sign * weights.within[layer][b * columns + e] / Math.max(1, copies[layer][b]);
                put(layer, b, at, both);
            }
        }
    }

    private void put(final int layer, final int e, final int at, final float value) {
        gain[layer][e * groups + at] += value;
        if (onHost != 0) {
            hostGain[layer][e * hosts + host[at]] += value;
        }
    }

    /** What a replica on a group saves beside those of other experts. */
    double gain(final int layer, final int e, final int at) {
        final float here = gain[layer][e * groups + at];
        return onHost == 0 ? here : onGroup * here + onHost * hostGain[layer][e * hosts + host[at]];
    }

    private float between(final int layer, final int a, final int b) {
        final int columns = weights.experts[layer];
        return weights.within[layer].length == 0
                ? 0
                : weights.within[layer][a * columns + b] / copies[layer][a]
                        + weights.within[layer][b * columns + a] / copies[layer][b];
    }

    private void rank(final int layer) {
        final int[] top = busiest[layer];
        Arrays.fill(top, -1);
        for (int g = 0; g < groups; g++) {
            int at = g;
            for (int i = 0; i < top.length; i++) {
                if (top[i] < 0 || load[layer][at] > load[layer][top[i]]) {
                    final int pushed = top[i];
                    top[i] = at;
                    at = pushed;
                    if (at < 0) {
                        break;
                    }
                }
            }
        }
    }

    private double peakWith(final int layer, final int a, final double loadA, final int b, final double loadB) {
        double peak = Math.max(loadA, loadB);
        for (final int g : busiest[layer]) {
            if (g >= 0 && g != a && g != b) {
                return Math.max(peak, load[layer][g]);
            }
        }
        return peak;
    }

    /** What an exchange of two replicas of a layer adds to the objective. */
    double exchange(final int layer, final int r, final int s) {
        final int e = expert[layer][r];
        final int f = expert[layer][s];
        final int from = group[layer][r];
        final int to = group[layer][s];
        double saved = gain(layer, e, to) - gain(layer, e, from) + gain(layer, f, from) - gain(layer, f, to);
        saved -= 2 * (host[from] == host[to] ? onGroup : 1) * between(layer, e, f);
        if (balance == 0) {
            return -saved;
        }
        final double shift = callsOfCopy[layer][e] - callsOfCopy[layer][f];
        final double peak = load[layer][busiest[layer][0]];
        final double after = peakWith(layer, from, load[layer][from] - shift, to, load[layer][to] + shift);
        return balance * (after - peak) / meanLoad[layer] - saved;
    }

    /** Whether an exchange leaves each expert at most once per group. */
    boolean legal(final int layer, final int r, final int s) {
        return group[layer][r] != group[layer][s]
                && expert[layer][r] != expert[layer][s]
                && !holds(layer, expert[layer][r], group[layer][s])
                && !holds(layer, expert[layer][s], group[layer][r]);
    }

    private boolean holds(final int layer, final int e, final int at) {
        if (copies[layer][e] == 1) {
            return false;
        }
        for (int r = 0; r < expert[layer].length; r++) {
            if (expert[layer][r] == e && group[layer][r] == at) {
                return true;
            }
        }
        return false;
    }

    void apply(final int layer, final int r, final int s) {
        final int from = group[layer][r];
        final int to = group[layer][s];
        move(layer, r, to);
        move(layer, s, from);
        rank(layer);
    }

    private void move(final int layer, final int r, final int to) {
        final int e = expert[layer][r];
        final int from = group[layer][r];
        arrive(layer, e, from, -1);
        load[layer][from] -= callsOfCopy[layer][e];
        group[layer][r] = to;
        load[layer][to] += callsOfCopy[layer][e];
        arrive(layer, e, to, 1);
    }

    /**
     * Random exchanges, worse ones with a chance that falls with the temperature.
     *
     * @param tries    exchanges drawn
     * @param hottest  first temperature, in vectors per position; 0 for improvements only
     * @param coldest  last temperature
     * @param accepted says whether an exchange may be made at all
     */
    void anneal(final long tries, final double hottest, final double coldest, final Exchange accepted) {
        double temperature = hottest;
        final double cooling = hottest == 0 ? 1 : Math.pow(coldest / hottest, 1024.0 / tries);
        for (long i = 0; i < tries; i++) {
            if ((i & 1023) == 0) {
                temperature *= cooling;
            }
            final int layer = random.nextInt(layers);
            final int replicas = expert[layer].length;
            final int r = replicas < 2 ? 0 : random.nextInt(replicas);
            final int s = replicas < 2 ? 0 : random.nextInt(replicas);
            if (replicas < 2 || group[layer][r] == group[layer][s]) {
                continue;
            }
            final double worse = exchange(layer, r, s);
            if ((worse < 0 || temperature > 0 && random.nextDouble() < Math.exp(-worse / temperature))
                    && legal(layer, r, s)
                    && accepted.allows(layer, r, s)) {
                apply(layer, r, s);
            }
        }
    }

    /** Puts a layer's replicas on other groups, all at once. */
    void reassign(final int layer, final int[] goal) {
        boolean changed = false;
        for (int r = 0; r < goal.length; r++) {
            if (group[layer][r] != goal[r]) {
                move(layer, r, goal[r]);
                changed = true;
            }
        }
        if (changed) {
            rank(layer);
        }
    }

    /** A veto on exchanges. */
    @FunctionalInterface
    interface Exchange {
        boolean allows(int layer, int r, int s);
    }

    /**
     * Makes the best exchange of each replica, layer by layer, until nothing is gained or so many rounds are over.
     */
    void improve(final int rounds, final Exchange accepted) {
        boolean better = true;
        for (int round = 0; round < rounds && better; round++) {
            better = false;
            for (int layer = 0; layer < layers; layer++) {
                for (int r = 0; r < expert[layer].length; r++) {
                    better |= bestExchange(layer, r, accepted);
                }
            }
        }
    }

    private boolean bestExchange(final int layer, final int r, final Exchange accepted) {
        int best = -1;
        double least = -1e-9;
        for (int s = 0; s < expert[layer].length; s++) {
            if (group[layer][r] != group[layer][s]) {
                final double change = exchange(layer, r, s);
                if (change < least && legal(layer, r, s) && accepted.allows(layer, r, s)) {
                    least = change;
                    best = s;
                }
            }
        }
        if (best >= 0) {
            apply(layer, r, best);
        }
        return best >= 0;
    }

    /** Weights saved, per position. */
    double saved() {
        double twice = 0;
        for (int layer = 0; layer < layers; layer++) {
            for (int r = 0; r < expert[layer].length; r++) {
                twice += gain(layer, expert[layer][r], group[layer][r]);
            }
        }
        return twice / 2;
    }

    /** The objective: weights not saved, and what imbalance costs. */
    double cost() {
        double cost = weights.total() - saved();
        for (int layer = 0; layer < layers && balance > 0; layer++) {
            cost += balance * (load[layer][busiest[layer][0]] / meanLoad[layer]);
        }
        return cost;
    }
}
