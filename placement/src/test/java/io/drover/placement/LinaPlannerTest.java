package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;

import org.junit.jupiter.api.Test;

final class LinaPlannerTest {
    private static final RoutingStatistics.Limits LIMITS = new RoutingStatistics.Limits(64, 8, 4000);
    private static final int[] SHAPE = {4, 0, 4, 4};

    /** The last layer's expert is a function of the two before it, and of neither alone. */
    private static void record(final RoutingStatistics statistics, final int first, final int second, final int third) {
        statistics.record(0, new int[][]{{first}, {}, {second}, {third}}, new float[][]{{1}, {}, {1}, {1}});
    }

    private static RoutingStatistics profile() {
        final RoutingStatistics profile = new RoutingStatistics(SHAPE, 1, LIMITS, 1);
        for (int i = 0; i < 1600; i++) {
            record(profile, i % 4, i / 4 % 4, (i + i / 4) % 4);
        }
        return profile;
    }

    @Test
    void foretellsTheNextLayerFromRecentPaths() {
        final RoutingStatistics recent = new RoutingStatistics(SHAPE, 1, LIMITS, 2);
        for (int i = 0; i < 1000; i++) {
            // What was recorded for the last layer is wrong on purpose: it must not be looked at.
            record(recent, 1, i % 10 < 9 ? 2 : 0, 0);
        }
        final double[] last = PathPopularity.estimate(profile(), recent, 3)[3];
        assertThat(last[3]).isCloseTo(0.9, within(1e-9));
        assertThat(last[1]).isCloseTo(0.1, within(1e-9));
        // A path of one layer does not tell: whatever came second, all experts follow equally.
        assertThat(PathPopularity.estimate(profile(), recent, 1)[3]).containsExactly(new double[]{0.25, 0.25, 0.25, 0.25},
                within(0.01));
    }

    @Test
    void withItsOwnStatisticsTheEstimateIsTheLoad() {
        final int[] shape = SyntheticRouting.layers(5, 12);
        final RoutingStatistics statistics = new SyntheticRouting(shape, 3, 0.9, 0.6, 21).statistics(3000, LIMITS);
        final double[][] popularity = PathPopularity.estimate(statistics, statistics, 3);
        for (int layer = 0; layer < 5; layer++) {
            assertThat(Arrays.stream(popularity[layer]).sum()).isCloseTo(1, within(1e-9));
            for (int expert = 0; expert < 12; expert++) {
                assertThat(popularity[layer][expert]).isCloseTo(statistics.calls(layer, expert) / 9000, within(1e-9));
            }
        }
    }

    @Test
    void givesReplicasInProportionToPopularity() {
        final RoutingStatistics statistics = SyntheticRouting.ofLoads(new int[][]{{50, 25, 13, 12}});
        final Topology topology = Topology.uniform(4, 3, new ComputeRate(1, 1), new Link(1e9, 0));
        final Placement plan = new LinaPlanner()
                .plan(new PlanRequest(statistics, topology, null, Budget.UNLIMITED, PlannerCases.COST, 1, 100));
        // Worth 2, 1, 0.52 and 0.48 devices: each device is full.
        assertThat(plan.toArray()[0]).isDeepEqualTo(new int[][]{{0, 3}, {1}, {2}, {2}});
    }

    @Test
    void refusesAProfileOfAnotherModel() {
        assertThatThrownBy(() -> PathPopularity.estimate(profile(), new RoutingStatistics(new int[]{4}, 1, LIMITS, 1), 3))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("[4, 0, 4, 4]");
    }
}
