package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What all planners owe: constraints, determinism, refusals, and their distance from the best of all placements. */
final class PlannersTest {
    private static final int CASES = 160;

    private final List<Planner> planners = PlannerCases.planners();

    /** One case solved by trying every placement. */
    private static final class Exhaustive {
        private final List<@Nullable Placement> plans;
        private final boolean[] found;
        private long feasible;
        private double busiest = Double.POSITIVE_INFINITY;
        private double seconds = Double.POSITIVE_INFINITY;

        Exhaustive(final PlanRequest request, final List<@Nullable Placement> plans) {
            this.plans = plans;
            found = new boolean[plans.size()];
            PlannerCases.forEachFeasible(request, placement -> {
                feasible++;
                busiest = Math.min(busiest, PlannerCases.busiest(request, placement));
                seconds = Math.min(seconds, PlannerCases.seconds(request, placement));
                for (int p = 0; p < found.length; p++) {
                    found[p] |= placement.equals(this.plans.get(p));
                }
            });
        }
    }

    @Test
    void plansAreFeasibleExactlyWhereAnyPlacementIsAndNearTheBest() {
        final double[] worst = new double[planners.size()];
        final double[] sum = new double[planners.size()];
        int feasible = 0;
        for (long seed = 1; seed <= CASES; seed++) {
            final PlanRequest request = PlannerCases.draw(seed);
            final List<@Nullable Placement> plans = new ArrayList<>();
            for (final Planner planner : planners) {
                plans.add(planOrNull(planner, request, seed));
            }
            final Exhaustive all = new Exhaustive(request, plans);
            feasible += all.feasible > 0 ? 1 : 0;
            for (int p = 0; p < plans.size(); p++) {
                final Placement plan = plans.get(p);
                assertThat(all.found[p])
                        .as("%s, seed %d: %s; %d placements meet the constraints", planners.get(p).name(), seed, plan,
                                all.feasible)
                        .isEqualTo(all.feasible > 0);
                if (plan != null) {
                    final double ratio = byTime(planners.get(p))
                            ? PlannerCases.seconds(request, plan) / all.seconds
                            : PlannerCases.busiest(request, plan) / all.busiest;
                    assertThat(ratio).as("%s, seed %d, against the best", planners.get(p).name(), seed).isGreaterThan(1 - 1e-9);
                    worst[p] = Math.max(worst[p], ratio);
                    sum[p] += ratio;
                }
            }
        }
        assertThat(feasible).isBetween(80, 140);
        // contiguous, round-robin, eplb, flexmoe, lina, shadow: cost / least cost, with unequal devices, pins and f up to 2.
        final double[] mean = new double[sum.length];
        for (int p = 0; p < sum.length; p++) {
            mean[p] = sum[p] / feasible;
        }
        assertThat(compare(worst, 2.5, 2.5, 1.65, 1.35, 1.75, 1.75)).as("worst %s", Arrays.toString(worst)).isTrue();
        assertThat(compare(mean, 1.5, 1.5, 1.12, 1.06, 1.22, 1.15)).as("mean %s", Arrays.toString(mean)).isTrue();
    }

    private static boolean byTime(final Planner planner) {
        return planner instanceof FlexMoePlanner || planner instanceof ShadowPlanner;
    }

    private static boolean compare(final double[] values, final double... bounds) {
        boolean within = true;
        for (int i = 0; i < values.length; i++) {
            within &= values[i] <= bounds[i];
        }
        return within;
    }

    private static @Nullable Placement planOrNull(final Planner planner, final PlanRequest request, final long seed) {
        try {
            final Placement plan = planner.plan(request);
            assertThat(planner.plan(request)).as("%s, seed %d, again", planner.name(), seed).isEqualTo(plan);
            return plan;
        } catch (final PlanningException refused) {
            assertThat(refused.getMessage()).as("%s, seed %d", planner.name(), seed).containsPattern("[0-9]");
            return null;
        }
    }

    @Test
    void noPlannerExceedsTheMoveBudget() {
        int refused = 0;
        for (long seed = 1; seed <= CASES; seed++) {
            final PlanRequest drawn = PlannerCases.draw(seed);
            final Placement current = planOrNull(new RoundRobinPlanner(), drawn, seed);
            if (current == null) {
                continue;
            }
            final long moves = seed % 4;
            final PlanRequest request = PlannerCases.withBudget(drawn.withCurrent(current),
                    new Budget(drawn.budget().minReplicas(), moves * drawn.cost().expertBytes()));
            for (final Planner planner : planners) {
                final Placement plan = planOrNull(planner, request, seed);
                refused += plan == null ? 1 : 0;
                if (plan != null) {
                    request.check(plan);
                    assertThat((long) CostModel.moves(current, plan)).as("%s, seed %d", planner.name(), seed)
                            .isLessThanOrEqualTo(moves);
                }
                if (planner instanceof RoundRobinPlanner || planner instanceof FlexMoePlanner) {
                    assertThat(plan).as("%s, seed %d, may stay where it is", planner.name(), seed).isNotNull();
                }
            }
        }
        assertThat(refused).isGreaterThan(50);
    }

    @Test
    void impossibleBudgetsAreRefusedWithTheNumbers() {
        final RoutingStatistics statistics = SyntheticRouting.ofLoads(new int[][]{{4, 3, 2, 1}, {1, 2, 3, 4}});
        final ComputeRate rate = new ComputeRate(1, 1);
        final Topology small = Topology.uniform(2, 3, rate, Link.FREE);
        final Topology large = Topology.uniform(2, 16, rate, Link.FREE);
        final Topology mixed = Topology.of(List.of(
                new Device(0, "a", "a", "cpu", 10_000, 8, rate), new Device(1, "b", "b", "cuda", 10_000, 8, rate)),
                Link.FREE, Link.FREE);
        final Topology forgetful = Topology.uniform(1, 8, rate, Link.FREE)
                .withDevices(
                        List.of(new Device(0, "a", "a", "cpu", 799, 8, rate)));
        for (final Planner planner : planners) {
            assertThatThrownBy(() -> planner.plan(request(statistics, small, 1)))
                    .isInstanceOf(PlanningException.class)
                    .hasMessage("2 devices have 6 slots, but 8 experts with 1 replica(s) each need 8");
            assertThatThrownBy(() -> planner.plan(request(statistics, large, 3)))
                    .isInstanceOf(PlanningException.class)
                    .hasMessage("each expert needs replicas on 3 distinct nodes, but only 2 nodes have slots");
            assertThatThrownBy(() -> planner.plan(request(statistics, mixed, 1)))
                    .isInstanceOf(PlanningException.class)
                    .hasMessage("the devices have 2 kernel families, but L0/E0 is pinned to none");
            assertThatThrownBy(() -> planner.plan(request(statistics, forgetful, 1)))
                    .isInstanceOf(PlanningException.class)
                    .hasMessageContaining("have 7 slots");
        }
    }

    private static PlanRequest request(final RoutingStatistics statistics, final Topology topology, final int f) {
        return new PlanRequest(statistics, topology, null, new Budget(f, Long.MAX_VALUE), PlannerCases.COST, 1, 100);
    }

    @Test
    void baselinesPlaceAsTheirNamesSay() {
        final RoutingStatistics statistics = SyntheticRouting.ofLoads(new int[][]{{4, 3, 2, 1, 4, 3, 2, 1}});
        final Topology topology = Topology.uniform(4, 4, new ComputeRate(1, 1), Link.FREE);
        final int[][] contiguous = new ContiguousPlanner().plan(request(statistics, topology, 1)).toArray()[0];
        assertThat(contiguous).isDeepEqualTo(new int[][]{{0}, {0}, {1}, {1}, {2}, {2}, {3}, {3}});
        final int[][] roundRobin = new RoundRobinPlanner().plan(request(statistics, topology, 1)).toArray()[0];
        assertThat(roundRobin).isDeepEqualTo(new int[][]{{0}, {1}, {2}, {3}, {0}, {1}, {2}, {3}});
        final int[][] twice = new ContiguousPlanner().plan(request(statistics, topology, 2)).toArray()[0];
        assertThat(twice).isDeepEqualTo(new int[][]{{0, 2}, {0, 2}, {1, 3}, {1, 3}, {0, 2}, {0, 2}, {1, 3}, {1, 3}});
    }

    @Test
    void slotsAreCutIntoLayersThatFit() {
        int cuts = 0;
        for (long seed = 1; seed <= 500; seed++) {
            final PlanRequest request = PlannerCases.draw(seed);
            final int[][] cut;
            try {
                cut = LayerSlots.of(request);
            } catch (final PlanningException infeasible) {
                continue;
            }
            cuts++;
            for (int device = 0; device < request.topology().size(); device++) {
                int sum = 0;
                for (final int[] layer : cut) {
                    sum += layer[device];
                }
                assertThat(sum).as("seed %d, device %d", seed, device).isLessThanOrEqualTo(request.slots(device));
            }
            for (int layer = 0; layer < cut.length; layer++) {
                assertThat(Arrays.stream(cut[layer]).sum())
                        .as("seed %d, layer %d", seed, layer)
                        .isGreaterThanOrEqualTo(request.statistics().experts(layer) * request.budget().minReplicas());
            }
        }
        assertThat(cuts).isGreaterThan(300);
    }
}
