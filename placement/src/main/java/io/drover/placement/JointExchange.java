package io.drover.placement;

import java.util.Arrays;
import java.util.stream.IntStream;

import org.jspecify.annotations.Nullable;

/**
 * The joint plan where there are too many devices to replay paths: the same goals on pair counts ({@link AffinityWeights}), by exchanges
 * of two replicas of a layer ({@link AffinitySearch}), mostly towards the devices of experts that are used together. From nothing it
 * starts where EPLB ends, with replicas in proportion to load. With a current placement, first spare replicas of cold experts become
 * replicas of hot ones, then replicas are exchanged, the largest gains first, each change only if it gains more than its moves cost.
 */
final class JointExchange {
    /** Exchanges tried per replica, at effort 100. */
    private static final double TRIES = 200;
    private static final double TRIES_FROM_CURRENT = 120;
    /** Temperatures, in what a replica's neighbours would save on one device. */
    private static final double HOTTEST = 0.05;
    private static final double COLDEST = 0.003;
    /** Gains asked for, one after the other, in the cost of the moves. */
    private static final double[] THRESHOLDS = {8, 3, 1};

    private final PlanRequest request;
    private final JointPlanner.Weights goals;
    private final AffinityWeights weights;
    private final double[][] calls;

    JointExchange(final PlanRequest request, final JointPlanner.Weights goals) {
        this.request = request;
        this.goals = goals;
        weights = AffinityWeights.traffic(request.statistics(), request.cost());
        calls = new double[weights.layers][];
        for (int layer = 0; layer < weights.layers; layer++) {
            final int model = weights.routed[layer];
            calls[layer] = IntStream.range(0, weights.experts[layer])
                    .mapToDouble(e -> request.statistics().calls(model, e) / Math.max(1, request.statistics().positions()))
                    .toArray();
        }
    }

    Placement plan() {
        return request.current() == null ? fromNothing() : fromCurrent();
    }

    private Placement fromNothing() {
        final Placement start = EplbPlanner.global().plan(request);
        final int[][] expert = new int[weights.layers][];
        final AffinitySearch search = search(start, expert);
        final double mean = weights.total() / Math.max(1, replicas(expert));
        search.anneal(AffinitySearch.Draw.TOWARDS_PARTNERS, tries(expert, TRIES), HOTTEST * mean, COLDEST * mean,
                (layer, r, s) -> keepsConstraints(search, layer, r, s));
        return placement(search);
    }

    private Placement fromCurrent() {
        final Assignment assignment = Assignment.ofCurrent(request);
        final long[] free = {request.maxMoves()};
        final Placement held = assignment.toPlacement();
        Restoration.complete(request, assignment);
        free[0] = Math.max(0, free[0] - CostModel.moves(held, assignment.toPlacement()));
        final double moveCost = moveCost();
        followLoad(assignment, free, moveCost);
        final int[][] expert = new int[weights.layers][];
        final AffinitySearch search = search(assignment.toPlacement(), expert);
        boolean spent = false;
        for (final double threshold : THRESHOLDS) {
            if (spent) {
                // The moves went to larger gains than this pass would ask for, and one more pass has given them better ones.
                break;
            }
            spent = free[0] <= 0;
            search.anneal(AffinitySearch.Draw.TOWARDS_PARTNERS, 1 + tries(expert, TRIES_FROM_CURRENT / THRESHOLDS.length), 0, 0,
                    (layer, r, s) -> pays(search, held, layer, r, s, threshold * moveCost, free));
        }
        return placement(search);
    }

    private double moveCost() {
        return (double) request.cost().expertBytes() / request.cost().wire().vectorBytes() / goals.horizonPositions();
    }

    private static long replicas(final int[][] expert) {
        return Arrays.stream(expert).mapToLong(layer -> layer.length).sum();
    }

    private long tries(final int[][] expert, final double each) {
        return (long) (replicas(expert) * each * request.effort() / 100);
    }

    private AffinitySearch search(final Placement start, final int[][] expert) {
        final Topology topology = request.topology();
        final int[][] device = new int[weights.layers][];
        for (int layer = 0; layer < weights.layers; layer++) {
            final int model = weights.routed[layer];
            final IntStream.Builder experts = IntStream.builder();
            final IntStream.Builder devices = IntStream.builder();
            for (int e = 0; e < weights.experts[layer]; e++) {
                for (int i = 0; i < start.replicas(model, e); i++) {
                    experts.add(e);
                    devices.add(topology.index(start.device(model, e, i)));
                }
            }
            expert[layer] = experts.build().toArray();
            device[layer] = devices.build().toArray();
        }
        final int[] host = IntStream.range(0, topology.size()).map(topology::host).toArray();
        return new AffinitySearch(weights,
                new AffinitySearch.Groups(host, JointRule.weight(topology, Tier.SAME_HOST), goals.balance(), calls), expert,
                device, request.seed());
    }

    private boolean keepsConstraints(final AffinitySearch search, final int layer, final int r, final int s) {
        final int[] expert = search.expert[layer];
        final int[] device = search.group[layer];
        return request.topology().runs(device[s], weights.routed[layer], expert[r])
                && request.topology().runs(device[r], weights.routed[layer], expert[s])
                && keepsNodes(search, layer, r, device[s])
                && keepsNodes(search, layer, s, device[r]);
    }

    private boolean keepsNodes(final AffinitySearch search, final int layer, final int moved, final int goal) {
        if (request.budget().minReplicas() == 1) {
            return true;
        }
        final Topology topology = request.topology();
        final int e = search.expert[layer][moved];
        return IntStream.range(0, search.expert[layer].length)
                .filter(r -> search.expert[layer][r] == e)
                .map(r -> topology.node(r == moved ? goal : search.group[layer][r]))
                .distinct()
                .count() >= request.budget().minReplicas();
    }

    private boolean pays(
            final AffinitySearch search,
            final Placement held,
            final int layer,
            final int r,
            final int s,
            final double moveCost,
            final long[] free) {
        final int[] expert = search.expert[layer];
        final int[] device = search.group[layer];
        final int moves = loads(held, layer, expert[r], device[s]) - loads(held, layer, expert[r], device[r])
                + loads(held, layer, expert[s], device[r]) - loads(held, layer, expert[s], device[s]);
        if (moves > free[0]
                || search.exchange(layer, r, s) + Math.max(0, moves) * moveCost >= 0
                || !keepsConstraints(search, layer, r, s)) {
            return false;
        }
        free[0] -= moves;
        return true;
    }

    private int loads(final Placement held, final int layer, final int e, final int device) {
        return held.hosts(request.topology().ordinal(device), weights.routed[layer], e) ? 0 : 1;
    }

    /** Where an expert has become hot, the coldest spare replica of its layer makes room for one more of it. */
    private void followLoad(final Assignment assignment, final long[] free, final double moveCost) {
        for (int layer = 0; layer < weights.layers; layer++) {
            final double mean = Arrays.stream(calls[layer]).sum() / request.topology().size();
            boolean better = mean > 0;
            while (better && free[0] > 0) {
                final int hot = hottest(assignment, layer);
                final int @Nullable [] room = coldestSpare(assignment, layer, hot);
                better = false;
                if (room != null) {
                    final double before = perCopy(assignment, layer, hot, 0);
                    final double after = Math.max(perCopy(assignment, layer, hot, 1), perCopy(assignment, layer, room[0], -1));
                    if (goals.balance() * (before - after) / mean > moveCost) {
                        assignment.remove(weights.routed[layer], room[0], room[1]);
                        assignment.add(weights.routed[layer], hot, room[1]);
                        free[0]--;
                        better = true;
                    }
                }
            }
        }
    }

    private double perCopy(final Assignment assignment, final int layer, final int e, final int more) {
        return calls[layer][e] / (assignment.devices(weights.routed[layer], e).length + more);
    }

    private int hottest(final Assignment assignment, final int layer) {
        int hot = 0;
        for (int e = 1; e < calls[layer].length; e++) {
            if (perCopy(assignment, layer, e, 0) > perCopy(assignment, layer, hot, 0)) {
                hot = e;
            }
        }
        return hot;
    }

    /** {expert, device} */
    private int @Nullable [] coldestSpare(final Assignment assignment, final int layer, final int hot) {
        final int model = weights.routed[layer];
        int[] found = null;
        double least = Double.POSITIVE_INFINITY;
        for (int e = 0; e < calls[layer].length; e++) {
            final int[] devices = assignment.devices(model, e);
            if (devices.length > 1 && e != hot && perCopy(assignment, layer, e, -1) < least) {
                for (final int device : devices) {
                    if (assignment.spare(model, e, device)
                            && !assignment.has(model, hot, device)
                            && request.topology().runs(device, model, hot)) {
                        least = perCopy(assignment, layer, e, -1);
                        found = new int[]{e, device};
                    }
                }
            }
        }
        return found;
    }

    private Placement placement(final AffinitySearch search) {
        final int[][][] ordinals = new int[request.statistics().layers()][0][];
        for (int layer = 0; layer < weights.layers; layer++) {
            final int[][] of = new int[weights.experts[layer]][0];
            for (int r = 0; r < search.expert[layer].length; r++) {
                final int e = search.expert[layer][r];
                of[e] = Arrays.copyOf(of[e], of[e].length + 1);
                of[e][of[e].length - 1] = request.topology().ordinal(search.group[layer][r]);
            }
            ordinals[weights.routed[layer]] = of;
        }
        return Placement.of(Epoch.NONE, ordinals);
    }
}
