package io.drover.placement;

import java.util.Arrays;

/**
 * A placement under search, with what it costs on {@link JointPaths}. A change of up to two experts' hosts is tried by routing anew the
 * paths that use them, layer by layer until they are back on their old way, and then kept or taken back.
 *
 * <p>The objective, to be minimised, is {@code traffic + balance * (imbalance - 1) + moves * moveCost}: traffic in wire vectors over
 * the slowest tier per token-layer, imbalance the mean over layers of the busiest device's calls by the mean (each device's calls
 * divided by its relative speed).
 */
final class JointState {
    final JointPaths paths;
    final JointRule rule;
    final int devices;
    /** [layer][expert] set of devices. */
    final long[][] hosts;
    /** [layer * paths + path][rank] device. */
    final byte[] chosen;
    /** [layer][device] calls, divided by the device's relative speed. */
    final double[][] load;
    /** [device] what one call adds to its load. */
    final double[] loadOfCall;

    private final Mode mode;
    private final double balance;
    private final double trafficUnit;
    private final int[] cost;
    private long totalCost;

    private final long[] set;
    private final byte[] trial;
    private final int[] visitedAt;
    private int visit;
    private int journalled;
    private int[] journalIndex = new int[1 << 12];
    private int[] journalCost = new int[1 << 12];
    private byte[] journalChosen;
    private long trialCost;
    private final double[][] trialLoad;
    private final long[] touched;

    private final int[] changedLayer = new int[2];
    private final int[] changedExpert = new int[2];
    private final long[] formerHosts = new long[2];
    private int changed;

    JointState(final PlanRequest request, final JointPaths paths, final JointRule rule, final long[][] hosts,
            final double balance) {
        this.paths = paths;
        this.rule = rule;
        this.hosts = hosts;
        this.balance = balance;
        mode = request.cost().mode();
        devices = request.topology().size();
        loadOfCall = loadOfCall(request);
        trafficUnit = 1.0 / ((double) JointRule.UNIT * paths.paths * paths.layers);
        chosen = new byte[paths.layers * paths.paths * paths.topK];
        cost = new int[paths.layers * paths.paths];
        load = new double[paths.layers][devices];
        trialLoad = new double[paths.layers][devices];
        touched = new long[(paths.layers + 63) / 64];
        set = new long[paths.topK];
        trial = new byte[paths.topK];
        visitedAt = new int[paths.paths];
        journalChosen = new byte[journalIndex.length * paths.topK];
        routeAll();
    }

    private static double[] loadOfCall(final PlanRequest request) {
        final Topology topology = request.topology();
        final double[] seconds = new double[topology.size()];
        double speed = 0;
        for (int i = 0; i < seconds.length; i++) {
            seconds[i] = topology.device(i).rate().secondsPerCall();
            speed += 1 / seconds[i];
        }
        if (!(speed < Double.POSITIVE_INFINITY)) {
            Arrays.fill(seconds, 1);
            return seconds;
        }
        final double mean = speed / seconds.length;
        return Arrays.stream(seconds).map(s -> s * mean).toArray();
    }

    private void routeAll() {
        for (int path = 0; path < paths.paths; path++) {
            int from = paths.home[path];
            for (int layer = 0; layer < paths.layers; layer++) {
                final int at = paths.at(layer, path);
                final int index = layer * paths.paths + path;
                gather(layer, at);
                cost[index] = rule.choose(variant(layer, path), from, set, chosen, at);
                totalCost += cost[index];
                for (int rank = 0; rank < paths.topK; rank++) {
                    load[layer][chosen[at + rank]] += loadOfCall[chosen[at + rank]];
                }
                from = owner(from, chosen[at]);
            }
        }
    }

    private void gather(final int layer, final int at) {
        final long[] of = hosts[layer];
        for (int rank = 0; rank < set.length; rank++) {
            set[rank] = of[paths.expert[at + rank]];
        }
    }

    static int variant(final int layer, final int path) {
        return (layer + path) % JointRule.VARIANTS;
    }

    private int owner(final int from, final int deviceOfFirst) {
        return mode == Mode.HOME ? from : deviceOfFirst;
    }

    /** Whether a layer's outcome decides where the next one starts. */
    boolean walks() {
        return mode == Mode.WALK;
    }

    /** The device where a path is before a layer. */
    int from(final int layer, final int path) {
        return mode == Mode.HOME || layer == 0 ? paths.home[path] : chosen[paths.at(layer - 1, path)];
    }

    /** Cost of a path in a layer. */
    int cost(final int layer, final int path) {
        return cost[layer * paths.paths + path];
    }

    /** Wire vectors over the slowest tier per token-layer. */
    double traffic() {
        return totalCost * trafficUnit;
    }

    double imbalance() {
        double sum = 0;
        for (final double[] of : load) {
            sum += ratio(of);
        }
        return sum / load.length;
    }

    private double ratio(final double[] of) {
        double max = 0;
        for (final double calls : of) {
            max = Math.max(max, calls);
        }
        return max * devices / ((double) paths.paths * paths.topK);
    }

    /** What moving calls from one device's load to another's in a layer adds to the objective. */
    double balanceChange(final int layer, final int from, final double fromCalls, final int to, final double toCalls) {
        final double[] of = load[layer];
        double before = 0;
        double after = 0;
        for (int device = 0; device < devices; device++) {
            before = Math.max(before, of[device]);
            final double shift = (device == from ? fromCalls : 0) + (device == to ? toCalls : 0);
            after = Math.max(after, of[device] + shift * loadOfCall[device]);
        }
        return balance * (after - before) * devices / ((double) paths.paths * paths.topK) / paths.layers;
    }

    /** Factor from summed costs to the objective. */
    double trafficUnit() {
        return trafficUnit;
    }

    double objective() {
        return traffic() + balance * (imbalance() - 1);
    }

    /** Begins a trial: an expert's hosts become these. At most two before {@link #evaluate}. */
    void change(final int layer, final int expert, final long newHosts) {
        changedLayer[changed] = layer;
        changedExpert[changed] = expert;
        formerHosts[changed++] = hosts[layer][expert];
        hosts[layer][expert] = newHosts;
    }

    /** What the trial adds to the objective, moves not counted. */
    double evaluate() {
        visit++;
        journalled = 0;
        trialCost = totalCost;
        Arrays.fill(touched, 0);
        for (int i = 0; i < changed; i++) {
            final int layer = changedLayer[i];
            final int[] first = paths.firstUser[layer];
            for (int u = first[changedExpert[i]]; u < first[changedExpert[i] + 1]; u++) {
                final int path = paths.users[layer][u];
                if (visitedAt[path] != visit) {
                    visitedAt[path] = visit;
                    reroute(path);
                }
            }
        }
        double ratios = 0;
        for (int word = 0; word < touched.length; word++) {
            for (long rest = touched[word]; rest != 0; rest &= rest - 1) {
                final int layer = word * 64 + Long.numberOfTrailingZeros(rest);
                ratios += ratio(trialLoad[layer]) - ratio(load[layer]);
            }
        }
        return (trialCost - totalCost) * trafficUnit + balance * ratios / paths.layers;
    }

    private boolean uses(final int path, final int change) {
        final int at = paths.at(changedLayer[change], path);
        for (int rank = 0; rank < paths.topK; rank++) {
            if (paths.expert[at + rank] == changedExpert[change]) {
                return true;
            }
        }
        return false;
    }

    private void reroute(final int path) {
        int first = Integer.MAX_VALUE;
        int second = -1;
        for (int i = 0; i < changed; i++) {
            if (uses(path, i)) {
                first = Math.min(first, changedLayer[i]);
                second = Math.max(second, changedLayer[i]);
            }
        }
        int layer = first;
        int from = from(layer, path);
        while (layer < paths.layers) {
            final int at = paths.at(layer, path);
            final int index = layer * paths.paths + path;
            gather(layer, at);
            final int newCost = rule.choose(variant(layer, path), from, set, trial, 0);
            note(layer, index, at, newCost);
            final int old = owner(from(layer, path), chosen[at]);
            from = owner(from, trial[0]);
            layer++;
            if (from == old) {
                if (layer > second) {
                    return;
                }
                layer = second;
                from = from(layer, path);
            }
        }
    }

    private void note(final int layer, final int index, final int at, final int newCost) {
        boolean same = newCost == cost[index];
        for (int rank = 0; rank < paths.topK && same; rank++) {
            same = trial[rank] == chosen[at + rank];
        }
        if (same) {
            return;
        }
        if (journalled == journalIndex.length) {
            journalIndex = Arrays.copyOf(journalIndex, 2 * journalled);
            journalCost = Arrays.copyOf(journalCost, 2 * journalled);
            journalChosen = Arrays.copyOf(journalChosen, 2 * journalChosen.length);
        }
        journalIndex[journalled] = index;
        journalCost[journalled] = newCost;
        System.arraycopy(trial, 0, journalChosen, journalled * paths.topK, paths.topK);
        journalled++;
        trialCost += newCost - cost[index];
        final double[] loads = trialLoad[layer];
        if ((touched[layer >> 6] >>> layer & 1) == 0) {
            touched[layer >> 6] |= 1L << layer;
            System.arraycopy(load[layer], 0, loads, 0, devices);
        }
        for (int rank = 0; rank < paths.topK; rank++) {
            loads[chosen[at + rank]] -= loadOfCall[chosen[at + rank]];
            loads[trial[rank]] += loadOfCall[trial[rank]];
        }
    }

    void keep() {
        for (int i = 0; i < journalled; i++) {
            cost[journalIndex[i]] = journalCost[i];
            System.arraycopy(journalChosen, i * paths.topK, chosen, journalIndex[i] * paths.topK, paths.topK);
        }
        totalCost = trialCost;
        for (int word = 0; word < touched.length; word++) {
            for (long rest = touched[word]; rest != 0; rest &= rest - 1) {
                final int layer = word * 64 + Long.numberOfTrailingZeros(rest);
                System.arraycopy(trialLoad[layer], 0, load[layer], 0, devices);
            }
        }
        changed = 0;
    }

    void takeBack() {
        while (changed > 0) {
            changed--;
            hosts[changedLayer[changed]][changedExpert[changed]] = formerHosts[changed];
        }
    }
}
