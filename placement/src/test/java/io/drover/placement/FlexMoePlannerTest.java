package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import org.junit.jupiter.api.Test;

final class FlexMoePlannerTest {
    private static final Budget ANY = Budget.UNLIMITED;

    @Test
    void improvesAndEndsWhereNoStepOfItsKindDoes() {
        int improved = 0;
        for (long seed = 1; seed <= 200; seed++) {
            final PlanRequest request = PlannerCases.draw(seed);
            final Placement start;
            try {
                start = new ContiguousPlanner().plan(request);
            } catch (final PlanningException infeasible) {
                continue;
            }
            final Placement plan = new FlexMoePlanner(1).plan(request.withCurrent(start));
            final double before = PlannerCases.seconds(request, start);
            final double after = PlannerCases.seconds(request, plan);
            assertThat(after).as("seed %d", seed).isLessThanOrEqualTo(before * (1 + 1e-9));
            improved += after < before * 0.999 ? 1 : 0;
            for (final Placement neighbour : migrations(request, plan)) {
                assertThat(PlannerCases.seconds(request, neighbour))
                        .as("seed %d, from %s to %s", seed, plan, neighbour)
                        .isGreaterThan(after * (1 - 1e-6));
            }
        }
        assertThat(improved).isGreaterThan(60);
    }

    /** All placements that differ by one replica moved into a free slot. */
    private static List<Placement> migrations(final PlanRequest request, final Placement plan) {
        final int[] used = new int[request.topology().ordinals()];
        final int[][][] devices = plan.toArray();
        Arrays.stream(devices).flatMap(Arrays::stream).flatMapToInt(Arrays::stream).forEach(device -> used[device]++);
        final List<Placement> neighbours = new ArrayList<>();
        for (int layer = 0; layer < devices.length; layer++) {
            for (int expert = 0; expert < devices[layer].length; expert++) {
                for (int i = 0; i < devices[layer][expert].length; i++) {
                    for (int to = 0; to < request.topology().size(); to++) {
                        final int ordinal = request.topology().ordinal(to);
                        if (used[ordinal] < request.slots(to) && !plan.hosts(ordinal, layer, expert)) {
                            final int[][][] moved = plan.toArray();
                            moved[layer][expert][i] = ordinal;
                            addIfFeasible(request, Placement.of(Epoch.NONE, moved), neighbours);
                        }
                    }
                }
            }
        }
        return neighbours;
    }

    private static void addIfFeasible(final PlanRequest request, final Placement placement, final List<Placement> list) {
        try {
            request.check(placement);
            list.add(placement);
        } catch (final PlanningException infeasible) {
            assertThat(infeasible).hasMessageContaining("L");
        }
    }

    @Test
    void restoresLostExpertsBeforeAnythingElseAndBeyondTheMoveBudget() {
        final RoutingStatistics statistics = new SyntheticRouting(SyntheticRouting.layers(4, 8), 2, 0.5, 0.3, 5).statistics(500,
                RoutingStatistics.Limits.DEFAULT);
        final Topology four = Topology.uniform(4, 12, new ComputeRate(1e-4, 1e-5), new Link(1e9, 1e-5));
        final PlanRequest before = new PlanRequest(statistics, four, null, ANY, PlannerCases.COST, 1, 100);
        final Placement current = new ContiguousPlanner().plan(before);
        final Topology three = four.withDevices(four.devices().subList(0, 3));
        final PlanRequest request = new PlanRequest(statistics, three, current, new Budget(1, 0), PlannerCases.COST, 1, 100);
        final Placement plan = new FlexMoePlanner().plan(request);
        request.check(plan);
        assertThat(CostModel.moves(current, plan)).isEqualTo(8);
    }

    @Test
    void makesRoomForALostExpertByDroppingASpareReplica() {
        final RoutingStatistics statistics = SyntheticRouting.ofLoads(new int[][]{{8, 6, 4, 2}});
        final Topology topology = Topology.uniform(2, 3, new ComputeRate(1, 1), new Link(1e9, 1e-5));
        final Placement current = Placement.of(Epoch.NONE, new int[][][]{{{0, 1}, {0, 1}, {0, 1}, {7}}});
        final Placement plan = new FlexMoePlanner(9)
                .plan(new PlanRequest(statistics, topology, current, new Budget(1, 0), PlannerCases.COST, 1, 100));
        assertThat(plan.replicas(0, 3)).isEqualTo(1);
        assertThat(plan.replicas(0, 2)).isEqualTo(1);
        assertThat(plan.replicas(0, 0)).isEqualTo(2);
    }

    @Test
    void leavesABalancedLayerAlone() {
        final RoutingStatistics statistics = SyntheticRouting.ofLoads(new int[][]{{5, 5, 5, 5}});
        final Topology topology = Topology.uniform(2, 4, new ComputeRate(1, 1), new Link(1e9, 1e-5));
        final PlanRequest request = new PlanRequest(statistics, topology, null, ANY, PlannerCases.COST, 1, 100);
        final Placement start = new ContiguousPlanner().plan(request);
        assertThat(new FlexMoePlanner().plan(request.withCurrent(start))).isEqualTo(start);
        assertThatThrownBy(() -> new FlexMoePlanner(0.9)).hasMessageContaining("0.9");
    }
}
