package io.drover.placement;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Simulated annealing over {@link JointState}: picks a layer, draws changes there, screens them by {@link JointSurrogate} and tries
 * those that pass in full (delayed acceptance). Changes keep every constraint of the request:
 * <ul>
 * <li>two experts swap devices, mostly within a layer;
 * <li>a device drops a spare replica for another expert's, which is new or moves there;
 * <li>an expert gets a further replica, or moves, where a slot is free;
 * <li>a spare replica goes: fewer places can mean better balance.
 * </ul>
 * A replica that {@code current} does not have costs {@code moveCost} and counts towards the limit of moves.
 */
final class JointSearch {
    /** In a model of no more experts every change is tried in full: estimates leave out part of the balance. */
    static final int EXACT = 16;
    /** Most changes drawn per visit of a layer. */
    private static final int DRAWS = 3000;
    /** Changes kept per visit of a layer; more would rest on estimates that have aged. */
    private static final int KEPT = 30;

    private final Topology topology;
    private final JointState state;
    private final JointPaths paths;
    private final JointSurrogate surrogate;
    private final SplittableRandom random;
    private final int devices;
    private final int[] free;
    private final long[][] current;
    private final double moveCost;
    private final long maxMoves;
    private final int minNodes;
    private final boolean plainNodes;
    private final boolean screening;
    private long moves;
    private double temperature;
    private final long[][] best;
    private double bestObjective = Double.POSITIVE_INFINITY;
    private int kept;

    /**
     * @param current  [layer][expert] devices that hold the expert now; what is loaded elsewhere is a move
     * @param moveCost of one move, in the objective
     */
    JointSearch(final PlanRequest request, final JointState state, final long[][] current, final double moveCost,
            final long seed) {
        this.state = state;
        this.current = current;
        this.moveCost = moveCost;
        topology = request.topology();
        paths = state.paths;
        devices = state.devices;
        surrogate = new JointSurrogate(state);
        random = new SplittableRandom(seed);
        maxMoves = request.current() == null ? Long.MAX_VALUE : request.maxMoves();
        minNodes = request.budget().minReplicas();
        plainNodes = topology.nodes() == devices;
        screening = request.statistics().totalExperts() > EXACT;
        free = new int[devices];
        Arrays.setAll(free, request::slots);
        best = new long[paths.layers][];
        for (int layer = 0; layer < paths.layers; layer++) {
            for (int expert = 0; expert < paths.experts[layer]; expert++) {
                final long hosts = state.hosts[layer][expert];
                moves += Long.bitCount(hosts & ~current[layer][expert]);
                for (long rest = hosts; rest != 0; rest &= rest - 1) {
                    free[Long.numberOfTrailingZeros(rest)]--;
                }
            }
        }
        remember();
    }

    /**
     * Visits layers with the temperature falling geometrically; at temperature 0 only improvements are kept.
     *
     * @param visits of a layer, together
     */
    void anneal(final long visits, final double hottest, final double coldest) {
        for (long visit = 0; visit < visits; visit++) {
            temperature = hottest == 0 ? 0 : hottest * Math.pow(coldest / hottest, (double) visit / visits);
            visit(random.nextInt(paths.layers));
        }
    }

    /** Visits every layer at temperature 0 until a whole round keeps nothing, at most {@code rounds} times. */
    void improve(final int rounds) {
        temperature = 0;
        for (int round = 0; round < rounds; round++) {
            int before = 0;
            for (int layer = 0; layer < paths.layers; layer++) {
                visit(layer);
                before += kept;
            }
            if (before == 0) {
                return;
            }
        }
    }

    private void visit(final int layer) {
        surrogate.refresh(layer);
        kept = 0;
        final long experts = paths.experts[layer];
        final int draws = (int) Math.min(DRAWS, 10 * experts * experts * devices);
        for (int draw = 0; draw < draws && kept < KEPT; draw++) {
            switch (random.nextInt(16)) {
                case 0, 1, 2, 3, 4, 5 -> swap(layer, layer);
                case 6 -> swap(layer, random.nextInt(paths.layers));
                case 7, 8, 9 -> replace(layer, layer);
                case 10, 11, 12 -> replace(layer, random.nextInt(paths.layers));
                case 13 -> drop(layer);
                default -> useFree(layer);
            }
        }
    }

    private int drawHost(final long hosts) {
        long rest = hosts;
        for (int skip = random.nextInt(Long.bitCount(hosts)); skip > 0; skip--) {
            rest &= rest - 1;
        }
        return Long.numberOfTrailingZeros(rest);
    }

    private void swap(final int layer, final int other) {
        final int a = random.nextInt(paths.experts[layer]);
        final int b = random.nextInt(paths.experts[other]);
        final long hostsA = state.hosts[layer][a];
        final long hostsB = state.hosts[other][b];
        final boolean across = layer != other;
        if (!across && (a == b || (hostsA & ~hostsB) == 0 || (hostsB & ~hostsA) == 0)) {
            return;
        }
        final int from = drawHost(across ? hostsA : hostsA & ~hostsB);
        final int to = drawHost(across ? hostsB : hostsB & ~hostsA);
        if ((hostsA >>> to & 1) != 0 || (hostsB >>> from & 1) != 0) {
            return;
        }
        final long newA = hostsA ^ 1L << from ^ 1L << to;
        final long newB = hostsB ^ 1L << from ^ 1L << to;
        final int newMoves = moved(layer, a, newA) + moved(other, b, newB);
        if (!allowed(layer, a, to, newA) || !allowed(other, b, from, newB) || moves + newMoves > maxMoves) {
            return;
        }
        surrogate.refreshOld(other);
        final double callsA = surrogate.calls(layer, a, from);
        final double callsB = surrogate.calls(other, b, to);
        final double estimate = (surrogate.move(layer, a, from, to) + surrogate.move(other, b, to, from)) * state.trafficUnit()
                + (across
                        ? shift(layer, from, to, callsA) + shift(other, to, from, callsB)
                        : shift(layer, from, to, callsA - callsB))
                + newMoves * moveCost;
        if (passes(estimate)) {
            state.change(layer, a, newA);
            state.change(other, b, newB);
            if (settle(estimate, newMoves)) {
                surrogate.changed(layer);
                surrogate.changed(other);
            }
        }
    }

    private double shift(final int layer, final int from, final int to, final double calls) {
        return state.balanceChange(layer, from, -calls, to, calls);
    }

    private void replace(final int layer, final int other) {
        final int device = random.nextInt(devices);
        final int gone = random.nextInt(paths.experts[layer]);
        final int come = random.nextInt(paths.experts[other]);
        final long bit = 1L << device;
        final long hosts = state.hosts[layer][gone];
        final long hostsCome = state.hosts[other][come];
        if ((hosts & bit) == 0 || hosts == bit || (hostsCome & bit) != 0) {
            return;
        }
        final int leaving = random.nextInt(4) == 0 ? drawHost(hostsCome) : -1;
        final long newCome = leaving < 0 ? hostsCome | bit : (hostsCome | bit) & ~(1L << leaving);
        final int newMoves = moved(layer, gone, hosts & ~bit) + moved(other, come, newCome);
        if (!enough(hosts & ~bit) || !allowed(other, come, device, newCome) || moves + newMoves > maxMoves) {
            return;
        }
        surrogate.refreshOld(other);
        double estimate = surrogate.drop(layer, gone, device) * state.trafficUnit() + newMoves * moveCost;
        if (leaving < 0) {
            estimate += surrogate.add(other, come, device) * state.trafficUnit();
        } else {
            estimate += surrogate.move(other, come, leaving, device) * state.trafficUnit()
                    + shift(other, leaving, device, surrogate.calls(other, come, leaving));
        }
        if (passes(estimate)) {
            state.change(layer, gone, hosts & ~bit);
            state.change(other, come, newCome);
            if (settle(estimate, newMoves)) {
                surrogate.changed(layer);
                surrogate.changed(other);
                if (leaving >= 0) {
                    free[leaving]++;
                }
            }
        }
    }

    private void drop(final int layer) {
        final int expert = random.nextInt(paths.experts[layer]);
        final long hosts = state.hosts[layer][expert];
        final int device = drawHost(hosts);
        final long newHosts = hosts & ~(1L << device);
        if (newHosts == 0 || !enough(newHosts)) {
            return;
        }
        final int newMoves = moved(layer, expert, newHosts);
        final double estimate = surrogate.drop(layer, expert, device) * state.trafficUnit()
                + shift(layer, device, Long.numberOfTrailingZeros(newHosts), surrogate.calls(layer, expert, device))
                + newMoves * moveCost;
        if (passes(estimate)) {
            state.change(layer, expert, newHosts);
            if (settle(estimate, newMoves)) {
                surrogate.changed(layer);
                free[device]++;
            }
        }
    }

    private void useFree(final int layer) {
        final int device = random.nextInt(devices);
        final int expert = random.nextInt(paths.experts[layer]);
        final long hosts = state.hosts[layer][expert];
        final long bit = 1L << device;
        if (free[device] == 0 || (hosts & bit) != 0 || !topology.runs(device, paths.routed[layer], expert)) {
            return;
        }
        final int leaving = random.nextBoolean() ? drawHost(hosts) : -1;
        final long newHosts = leaving < 0 ? hosts | bit : (hosts | bit) & ~(1L << leaving);
        final int newMoves = moved(layer, expert, newHosts);
        if (!enough(newHosts) || moves + newMoves > maxMoves) {
            return;
        }
        double estimate = newMoves * moveCost;
        if (leaving < 0) {
            estimate += surrogate.add(layer, expert, device) * state.trafficUnit();
        } else {
            estimate += surrogate.move(layer, expert, leaving, device) * state.trafficUnit()
                    + shift(layer, leaving, device, surrogate.calls(layer, expert, leaving));
        }
        if (passes(estimate)) {
            state.change(layer, expert, newHosts);
            if (settle(estimate, newMoves)) {
                surrogate.changed(layer);
                free[device]--;
                if (leaving >= 0) {
                    free[leaving]++;
                }
            }
        }
    }

    private boolean allowed(final int layer, final int expert, final int device, final long newHosts) {
        return topology.runs(device, paths.routed[layer], expert) && enough(newHosts);
    }

    private boolean enough(final long hosts) {
        if (plainNodes || minNodes == 1) {
            return Long.bitCount(hosts) >= minNodes;
        }
        int nodes = 0;
        for (long rest = hosts; rest != 0; rest &= rest - 1) {
            final int node = topology.node(Long.numberOfTrailingZeros(rest));
            boolean first = true;
            for (long earlier = hosts & (rest & -rest) - 1; earlier != 0; earlier &= earlier - 1) {
                first &= topology.node(Long.numberOfTrailingZeros(earlier)) != node;
            }
            nodes += first ? 1 : 0;
        }
        return nodes >= minNodes;
    }

    /** Moves that an expert's new hosts add to the plan's. */
    private int moved(final int layer, final int expert, final long newHosts) {
        final long held = current[layer][expert];
        return Long.bitCount(newHosts & ~held) - Long.bitCount(state.hosts[layer][expert] & ~held);
    }

    private boolean passes(final double worse) {
        return !screening || worse <= 0 || temperature > 0 && warmEnough(worse);
    }

    private void remember() {
        if (!screening && state.objective() + moves * moveCost < bestObjective - 1e-12) {
            bestObjective = state.objective() + moves * moveCost;
            for (int layer = 0; layer < best.length; layer++) {
                best[layer] = state.hosts[layer].clone();
            }
        }
    }

    /** [layer][expert] hosts of the best state of a small model so far, of others the present state. */
    long[][] best() {
        return screening ? state.hosts : best;
    }

    private boolean warmEnough(final double worse) {
        return random.nextDouble() < Math.exp(-worse / temperature);
    }

    /** Tries the changes in full; what the estimate already had to pass is not asked a second time. */
    private boolean settle(final double estimate, final int newMoves) {
        final double worse = state.evaluate() + newMoves * moveCost;
        final double rest = screening ? worse - Math.max(0, estimate) : worse;
        if (temperature > 0 ? rest <= 0 || warmEnough(rest) : worse < -1e-12) {
            state.keep();
            moves += newMoves;
            kept++;
            remember();
            return true;
        }
        state.takeBack();
        return false;
    }

}
