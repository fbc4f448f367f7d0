package io.drover.placement;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

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
    /** Exchanges tried in one layer before another is drawn, a power of two: a layer's tables fit into a core's cache, all layers' do not. */
    private static final int BLOCK = 256;

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
    /** [layer][group * experts + expert], [layer][host * experts + expert]: what a replica there saves. */
    private final float[][] gain;
    private final float[][] hostGain;
    /** [layer][from * experts(layer + 1) + to], and [to * experts(layer) + from]: what one replica of each saves beside the other. */
    private final float[][] following;
    private final float[][] preceding;
    /** [layer][a * experts + b], the same within a layer; empty where pairs of a layer are of no account. */
    private final float[][] beside;
    /** [layer][group] replicas there. */
    private final int[][][] at;
    private final int[][] membersOfHost;
    private final AffinityPartners partners;
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
        following = new float[layers][];
        preceding = new float[layers][];
        beside = new float[layers][];
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
            share(layer);
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
        at = new int[layers][][];
        for (int layer = 0; layer < layers; layer++) {
            fillGroups(layer);
        }
        membersOfHost = members(host, hosts, IntStream.range(0, this.groups).toArray());
        partners = new AffinityPartners(weights.experts, expert, following, preceding, beside);
    }

    private void fillGroups(final int layer) {
        at[layer] = members(group[layer], groups, IntStream.range(0, group[layer].length).toArray());
    }

    private static int[][] members(final int[] of, final int sets, final int[] all) {
        return IntStream.range(0, sets)
                .mapToObj(set -> Arrays.stream(all).filter(i -> of[i] == set).toArray())
                .toArray(int[][]::new);
    }

    /** The weights in the share that one replica has of them, with rows for either end, so that {@link #arrive} reads memory in order. */
    private void share(final int layer) {
        final int rows = weights.experts[layer];
        final int columns = layer + 1 < layers ? weights.experts[layer + 1] : 0;
        following[layer] = new float[rows * columns];
        preceding[layer] = new float[columns * rows];
        beside[layer] = new float[weights.within[layer].length];
        for (int a = 0; a < rows; a++) {
            final int copiesOfA = Math.max(1, copies[layer][a]);
            for (int b = 0; b < columns; b++) {
                final float value = weights.next[layer][a * columns + b] / copiesOfA;
                following[layer][a * columns + b] = value;
                preceding[layer][b * rows + a] = value;
            }
            for (int b = 0; b < rows && beside[layer].length > 0; b++) {
                beside[layer][a * rows + b] = weights.within[layer][a * rows + b] / copiesOfA
                        + weights.within[layer][b * rows + a] / Math.max(1, copies[layer][b]);
            }
        }
    }

    /** What neighbours would save beside this replica; a negative sign takes it back. */
    private void arrive(final int layer, final int e, final int at, final int sign) {
        if (layer + 1 < layers) {
            put(layer + 1, following[layer], e, at, sign);
        }
        if (layer > 0) {
            put(layer - 1, preceding[layer - 1], e, at, sign);
        }
        if (beside[layer].length > 0) {
            put(layer, beside[layer], e, at, sign);
        }
    }

    private void put(final int layer, final float[] from, final int row, final int at, final int sign) {
        add(gain[layer], at, from, row, weights.experts[layer], sign);
        if (onHost != 0) {
            add(hostGain[layer], host[at], from, row, weights.experts[layer], sign);
        }
    }

    private static void add(
            final float[] to, final int toRow, final float[] from, final int fromRow, final int columns, final int sign) {
        final int first = toRow * columns;
        final int other = fromRow * columns;
        for (int column = 0; column < columns; column++) {
            to[first + column] += sign * from[other + column];
        }
    }

    /** What a replica on a group saves beside those of other experts. */
    double gain(final int layer, final int e, final int at) {
        final int experts = weights.experts[layer];
        final float here = gain[layer][at * experts + e];
        return onHost == 0 ? here : onGroup * here + onHost * hostGain[layer][host[at] * experts + e];
    }

    private float between(final int layer, final int a, final int b) {
        return beside[layer].length == 0 ? 0 : beside[layer][a * weights.experts[layer] + b];
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
        replace(at[layer][from], r, s);
        replace(at[layer][to], s, r);
    }

    private static void replace(final int[] replicas, final int gone, final int come) {
        int i = 0;
        while (replicas[i] != gone) {
            i++;
        }
        replicas[i] = come;
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

    /** Which exchanges are tried. */
    enum Draw {
        /** Of any two replicas of a layer: complete, for few groups. */
        ANY,
        /** Mostly of a replica with one on a group where the former saves something: there are few such among many groups. */
        TOWARDS_PARTNERS
    }

    /**
     * Random exchanges, worse ones with a chance that falls with the temperature.
     *
     * @param tries    exchanges drawn
     * @param hottest  first temperature, in vectors per position; 0 to make whatever is accepted
     * @param coldest  last temperature
     * @param accepted says whether an exchange may be made at all; at temperature 0 it alone says whether it is made, so that it can refuse
     *                 before it asks what is gained
     */
    void anneal(final Draw draw, final long tries, final double hottest, final double coldest, final Exchange accepted) {
        double temperature = hottest;
        final double cooling = hottest == 0 ? 1 : Math.pow(coldest / hottest, 1024.0 / tries);
        int layer = 0;
        for (long i = 0; i < tries; i++) {
            if ((i & 1023) == 0) {
                temperature *= cooling;
            }
            if (draw == Draw.ANY || (i & BLOCK - 1) == 0) {
                layer = random.nextInt(layers);
            }
            final int replicas = expert[layer].length;
            if (replicas < 2) {
                continue;
            }
            final int r = random.nextInt(replicas);
            final int s = draw == Draw.ANY ? random.nextInt(replicas) : opposite(layer, r);
            if (s < 0 || group[layer][r] == group[layer][s]) {
                continue;
            }
            if ((hottest == 0 || passes(exchange(layer, r, s), temperature))
                    && legal(layer, r, s)
                    && accepted.allows(layer, r, s)) {
                apply(layer, r, s);
            }
        }
    }

    private boolean passes(final double worse, final double temperature) {
        return worse < 0 || random.nextDouble() < Math.exp(-worse / temperature);
    }

    /** A replica on a group that a partner of r is on, or beside; of the busiest group; or any. -1 for none. */
    private int opposite(final int layer, final int r) {
        final int kind = random.nextInt(8);
        final int partner = kind < 2 ? -1 : partners.draw(layer, expert[layer][r], random);
        if (partner < 0) {
            return kind == 0 && balance > 0 ? oneOf(at[layer][busiest[layer][0]]) : random.nextInt(expert[layer].length);
        }
        final int goal = group[AffinityPartners.layer(partner)][AffinityPartners.replica(partner)];
        final boolean near = onHost != 0 && random.nextBoolean();
        return oneOf(at[layer][near ? oneOf(membersOfHost[host[goal]]) : goal]);
    }

    private int oneOf(final int[] values) {
        return values.length == 0 ? -1 : values[random.nextInt(values.length)];
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
            fillGroups(layer);
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
