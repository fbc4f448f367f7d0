package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import org.junit.jupiter.api.Test;

/** ExFlow's program: the solver against all assignments, the fast method against the solver, the planner against its constraints. */
final class ExFlowPlannerTest {
    private static final AffinityAssignment.Fit ANYWHERE = (layer, expert, group) -> true;

    private static AffinityWeights weights(final int layers, final int experts, final double affinity, final long seed) {
        return AffinityWeights.handOvers(new SyntheticRouting(SyntheticRouting.layers(layers, experts), 2, 0.8, affinity, seed)
                .statistics(400, new RoutingStatistics.Limits(256, 8, 0)));
    }

    private static int[][] dealt(final int layers, final int experts, final int groups) {
        final int[][] group = new int[layers][experts];
        for (final int[] layer : group) {
            Arrays.setAll(layer, e -> e % groups);
        }
        return group;
    }

    private static double crossed(final AffinityWeights weights, final int[] here, final int[] there, final int layer) {
        double crossed = 0;
        for (int a = 0; a < here.length; a++) {
            for (int b = 0; b < there.length; b++) {
                crossed += here[a] == there[b] ? 0 : weights.next[layer][a * there.length + b];
            }
        }
        return crossed;
    }

    private static double crossed(final AffinityWeights weights, final int[][] group) {
        double crossed = 0;
        for (int layer = 0; layer + 1 < group.length; layer++) {
            crossed += crossed(weights, group[layer], group[layer + 1], layer);
        }
        return crossed;
    }

    /** Every division of a layer's experts into groups of equal size. */
    private static void divisions(final int[] group, final int expert, final int[] room, final List<int[]> found) {
        if (expert == group.length) {
            found.add(group.clone());
            return;
        }
        for (int g = 0; g < room.length; g++) {
            if (room[g] > 0) {
                room[g]--;
                group[expert] = g;
                divisions(group, expert + 1, room, found);
                room[g]++;
            }
        }
    }

    /** The least that crosses, over all assignments: layers follow each other, so that the best way to each division is enough. */
    private static double least(final AffinityWeights weights, final int experts, final int groups) {
        final int[] room = new int[groups];
        Arrays.fill(room, experts / groups);
        final List<int[]> divisions = new ArrayList<>();
        divisions(new int[experts], 0, room, divisions);
        double[] best = new double[divisions.size()];
        for (int layer = 0; layer + 1 < weights.layers; layer++) {
            final double[] next = new double[best.length];
            Arrays.fill(next, Double.POSITIVE_INFINITY);
            for (int to = 0; to < next.length; to++) {
                for (int from = 0; from < best.length; from++) {
                    next[to] = Math.min(next[to],
                            best[from] + crossed(weights, divisions.get(from), divisions.get(to), layer));
                }
            }
            best = next;
        }
        return Arrays.stream(best).min().orElseThrow();
    }

    @Test
    void boundSolverAndFastMethodAgreeWithAllAssignments() {
        final int[][] shapes = {{2, 4, 2}, {4, 4, 4}, {3, 6, 2}, {4, 6, 3}, {5, 4, 2}, {3, 8, 2}, {2, 6, 6}};
        for (long seed = 1; seed <= 21; seed++) {
            final int[] shape = shapes[(int) (seed % shapes.length)];
            final AffinityWeights weights = weights(shape[0], shape[1], 0.1 * (seed % 9), seed);
            final int[][] start = dealt(shape[0], shape[1], shape[2]);
            final double least = least(weights, shape[1], shape[2]);
            final int[][] fast = new ExFlowSearch(weights, shape[2], ANYWHERE, 20).run(start, seed);
            final ExFlowSolver.Solution exact = ExFlowSolver.solve(weights, shape[2], start, ANYWHERE, 60, 1);

            assertThat(exact.proven()).as("seed %d", seed).isTrue();
            assertThat(exact.crossed()).as("seed %d", seed).isCloseTo(least, within(1e-3));
            assertThat(exact.bound()).as("seed %d", seed).isLessThanOrEqualTo(least + 1e-6).isGreaterThan(least - 0.01);
            assertThat(crossed(weights, fast)).as("seed %d", seed)
                    .isGreaterThan(least - 1e-6)
                    .isLessThanOrEqualTo(1.01 * least + 1e-6);
            assertThat(counts(fast, shape[2])).isEqualTo(counts(start, shape[2]));
        }
    }

    @Test
    void theFastMethodIsWithinOnePercentOfWhatTheSolverProves() {
        int proven = 0;
        for (final int[] shape : new int[][]{{4, 8, 2}, {3, 8, 4}, {6, 8, 2}, {4, 12, 2}}) {
            final AffinityWeights weights = weights(shape[0], shape[1], 0.7, shape[0]);
            final int[][] start = dealt(shape[0], shape[1], shape[2]);
            final int[][] fast = new ExFlowSearch(weights, shape[2], ANYWHERE, 20).run(start, 1);
            final ExFlowSolver.Solution exact = ExFlowSolver.solve(weights, shape[2], fast, ANYWHERE, 4, 1);
            assertThat(exact.bound()).isLessThanOrEqualTo(exact.crossed() + 1e-3);
            if (exact.proven()) {
                proven++;
                assertThat(crossed(weights, fast)).as("%s", Arrays.toString(shape)).isLessThanOrEqualTo(1.01 * exact.crossed());
            }
        }
        assertThat(proven).isGreaterThanOrEqualTo(2);
    }

    private static int[][] counts(final int[][] group, final int groups) {
        return Arrays.stream(group).map(layer -> {
            final int[] count = new int[groups];
            for (final int g : layer) {
                count[g]++;
            }
            return count;
        }).toArray(int[][]::new);
    }

    private static PlanRequest onNodes(final int nodes, final int perNode, final double affinity) {
        final List<Device> devices = new ArrayList<>();
        for (int i = 0; i < nodes * perNode; i++) {
            devices.add(new Device(2 * i, "node-" + i / perNode, "host-" + i / perNode, "cpu", Long.MAX_VALUE, 40,
                    new ComputeRate(1e-4, 1e-5)));
        }
        final RoutingStatistics statistics = new SyntheticRouting(SyntheticRouting.layers(6, 16), 2, 0.3, affinity, 3)
                .statistics(1000, new RoutingStatistics.Limits(256, 8, 0));
        return new PlanRequest(statistics, Topology.of(devices, new Link(1e10, 0), new Link(1e9, 0)), null, Budget.UNLIMITED,
                new CostModel(Mode.WALK, new Wire(16, 4, 0, 0, 1, false), 100, 32, Double.POSITIVE_INFINITY), 1, 20);
    }

    @Test
    void followersShareANodeFirstAndADeviceSecond() {
        final PlanRequest request = onNodes(2, 2, 1);
        final Placement plan = new ExFlowPlanner().plan(request);
        double sameDevice = 0;
        double sameNode = 0;
        double all = 0;
        for (int layer = 0; layer + 1 < 6; layer++) {
            for (int a = 0; a < 16; a++) {
                for (int b = 0; b < 16; b++) {
                    final float count = request.statistics().pairs(Relation.OWNER_HANDOVER, layer, a, b);
                    final int from = request.topology().index(plan.device(layer, a, 0));
                    final int to = request.topology().index(plan.device(layer + 1, b, 0));
                    all += count;
                    sameDevice += from == to ? count : 0;
                    sameNode += request.topology().node(from) == request.topology().node(to) ? count : 0;
                }
            }
        }
        assertThat(sameNode / all).isGreaterThan(0.9);
        assertThat(sameDevice / all).isGreaterThan(0.85);
        assertThat(new ExFlowPlanner().plan(request)).isEqualTo(plan);
        for (int layer = 0; layer < 6; layer++) {
            final int[] count = new int[8];
            for (int e = 0; e < 16; e++) {
                count[plan.device(layer, e, 0)]++;
            }
            assertThat(count).containsExactly(4, 0, 4, 0, 4, 0, 4, 0);
        }
    }

    @Test
    void plansAreFeasibleExactlyWhereAnyPlacementIs() {
        int feasible = 0;
        for (long seed = 1; seed <= 120; seed++) {
            final PlanRequest request = PlannerCases.draw(seed);
            final boolean[] any = new boolean[1];
            PlannerCases.forEachFeasible(request, placement -> any[0] = true);
            boolean planned = true;
            try {
                new ExFlowPlanner(seed % 2 == 0 ? ExFlowPlanner.Method.EXACT : ExFlowPlanner.Method.FAST).plan(request);
            } catch (final PlanningException e) {
                planned = false;
            }
            assertThat(planned).as("seed %d", seed).isEqualTo(any[0]);
            feasible += planned ? 1 : 0;
        }
        assertThat(feasible).isGreaterThan(60);
    }
}
