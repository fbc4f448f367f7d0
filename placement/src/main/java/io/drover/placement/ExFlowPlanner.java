package io.drover.placement;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * ExFlow (arXiv 2401.08383): experts that follow each other are put together.
 *
 * <p>Goals, in order: each expert on f nodes; equal numbers of each layer's experts per device, as far as slots and kernel families allow;
 * least weight of hand-overs between nodes, from a layer's highest-gate expert to the next layer's; then least between devices of a
 * node (the staging of the paper). Loads, further experts of a position, the current placement and moves are not looked at, and slots
 * beyond the f replicas stay empty.
 */
public final class ExFlowPlanner implements Planner {
    /** How the program is solved. */
    public enum Method {
        /** Layer-wise assignment, exchanges, several starts; any size. */
        FAST,
        /** By CP-SAT, started from FAST's solution and limited by effort; small cases. */
        EXACT
    }

    private final Method method;

    public ExFlowPlanner() {
        this(Method.FAST);
    }

    public ExFlowPlanner(final Method method) {
        this.method = method;
    }

    @Override
    public String name() {
        return method == Method.FAST ? "exflow" : "exflow-exact";
    }

    @Override
    public Placement plan(final PlanRequest request) {
        request.checkFeasible();
        final AffinityWeights weights = AffinityWeights.handOvers(request.statistics());
        final Topology topology = request.topology();
        final int[][] device = equalCounts(request, weights);
        if (topology.nodes() > 1 && topology.nodes() < topology.size() && nodesOfOneFamily(topology)) {
            toNodes(request, weights, device);
            withinNodes(request, weights, device);
        } else {
            solve(request, weights, device, topology.size(), (layer, e, g) -> topology.runs(g, weights.routed[layer], e));
        }
        final Assignment assignment = Assignment.empty(request);
        for (int layer = 0; layer < device.length; layer++) {
            for (int e = 0; e < device[layer].length; e++) {
                if (device[layer][e] >= 0) {
                    assignment.add(weights.routed[layer], e, device[layer][e]);
                }
            }
        }
        Restoration.complete(request, assignment);
        final Placement plan = assignment.toPlacement();
        request.check(plan);
        FixedOrder.requireMoves(request, plan, name());
        return plan;
    }

    /** [layer][expert] device, each device with its share of each layer; -1 where slots or families do not allow that. */
    private static int[][] equalCounts(final PlanRequest request, final AffinityWeights weights) {
        final Topology topology = request.topology();
        final int devices = topology.size();
        final int[] free = new int[devices];
        Arrays.setAll(free, request::slots);
        final int usable = (int) Arrays.stream(free).filter(slots -> slots > 0).count();
        final int[][] device = new int[weights.layers][];
        int turn = 0;
        for (int layer = 0; layer < weights.layers; layer++) {
            final int experts = weights.experts[layer];
            final int share = (experts + usable - 1) / usable;
            final int[] taken = new int[devices];
            device[layer] = new int[experts];
            for (int e = 0; e < experts; e++) {
                device[layer][e] = -1;
                for (int step = 0; step < devices && device[layer][e] < 0; step++) {
                    final int d = (turn + step) % devices;
                    if (free[d] > 0 && taken[d] < share && topology.runs(d, weights.routed[layer], e)) {
                        device[layer][e] = d;
                        taken[d]++;
                        free[d]--;
                        turn = (d + 1) % devices;
                    }
                }
            }
        }
        return device;
    }

    private void toNodes(final PlanRequest request, final AffinityWeights weights, final int[][] device) {
        final Topology topology = request.topology();
        final int[][] node = new int[device.length][];
        final int[][][] room = new int[device.length][topology.nodes()][topology.size()];
        for (int layer = 0; layer < device.length; layer++) {
            node[layer] = Arrays.stream(device[layer]).map(d -> d < 0 ? -1 : topology.node(d)).toArray();
            for (final int d : device[layer]) {
                if (d >= 0) {
                    room[layer][topology.node(d)][d]++;
                }
            }
        }
        solve(request, weights, node, topology.nodes(), (layer, e, n) -> nodeRuns(request, weights.routed[layer], e, n));
        for (int layer = 0; layer < device.length; layer++) {
            for (int e = 0; e < node[layer].length; e++) {
                device[layer][e] = node[layer][e] < 0
                        ? -1
                        : takeRoom(request, weights.routed[layer], e, room[layer][node[layer][e]]);
            }
        }
    }

    private static boolean nodesOfOneFamily(final Topology topology) {
        for (int a = 0; a < topology.size(); a++) {
            for (int b = 0; b < a; b++) {
                if (topology.node(a) == topology.node(b)
                        && !topology.device(a).kernelFamily().equals(topology.device(b).kernelFamily())) {
                    return false;
                }
            }
        }
        return true;
    }

    private static boolean nodeRuns(final PlanRequest request, final int layer, final int e, final int node) {
        for (int d = 0; d < request.topology().size(); d++) {
            if (request.topology().node(d) == node) {
                return request.topology().runs(d, layer, e);
            }
        }
        return false;
    }

    private static int takeRoom(final PlanRequest request, final int layer, final int e, final int[] room) {
        for (int d = 0; d < room.length; d++) {
            if (room[d] > 0 && request.topology().runs(d, layer, e)) {
                room[d]--;
                return d;
            }
        }
        return -1;
    }

    private void withinNodes(final PlanRequest request, final AffinityWeights weights, final int[][] device) {
        final Topology topology = request.topology();
        for (int node = 0; node < topology.nodes(); node++) {
            final int[] members = members(topology, node);
            final int[][] mine = new int[device.length][];
            for (int layer = 0; layer < device.length; layer++) {
                mine[layer] = Arrays.stream(device[layer]).map(d -> d < 0 ? -1 : Arrays.binarySearch(members, d)).toArray();
                for (int e = 0; e < mine[layer].length; e++) {
                    mine[layer][e] = Math.max(-1, mine[layer][e]);
                }
            }
            solve(request, weights, mine, members.length,
                    (layer, e, member) -> topology.runs(members[member], weights.routed[layer], e));
            for (int layer = 0; layer < device.length; layer++) {
                for (int e = 0; e < device[layer].length; e++) {
                    device[layer][e] = mine[layer][e] >= 0 ? members[mine[layer][e]] : device[layer][e];
                }
            }
        }
    }

    private static int[] members(final Topology topology, final int node) {
        return IntStream.range(0, topology.size()).filter(d -> topology.node(d) == node).toArray();
    }

    private void solve(
            final PlanRequest request,
            final AffinityWeights weights,
            final int[][] group,
            final int groups,
            final AffinityAssignment.Fit fit) {
        int[][] found = new ExFlowSearch(weights, groups, fit, request.effort()).run(group, request.seed());
        if (method == Method.EXACT) {
            found = ExFlowSolver.solve(weights, groups, found, fit, request.effort(), (int) request.seed()).group();
        }
        System.arraycopy(found, 0, group, 0, group.length);
    }
}
