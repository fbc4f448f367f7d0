package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;

final class ShadowPlannerTest {
    private static final ComputeRate RATE = new ComputeRate(0, 1e-3);

    private static PlanRequest request(final int[] loads, final int slots, final double bytesPerSecond) {
        return new PlanRequest(SyntheticRouting.ofLoads(new int[][]{loads}), Topology.uniform(4, slots, RATE,
                new Link(bytesPerSecond, 0)), null, Budget.UNLIMITED, PlannerCases.COST, 1, 100);
    }

    @Test
    void aHotExpertGoesEverywhereAndColdOnesNowhere() {
        final Placement plan = new ShadowPlanner().plan(request(new int[]{60, 8, 8, 8, 8, 8, 8, 8}, 4, 1e9));
        assertThat(plan.replicas(0, 0)).isEqualTo(4);
        for (int expert = 1; expert < 8; expert++) {
            assertThat(plan.replicas(0, expert)).as("expert %d", expert).isEqualTo(1);
        }
    }

    @Test
    void aBroadcastThatDoesNotPayIsNotMade() {
        final PlanRequest small = request(new int[]{60, 8, 8, 8, 8, 8, 8, 8}, 4, 1e9);
        final CostModel heavy = new CostModel(Mode.HOME, small.cost().wire(), 1_000_000_000, 32, Double.POSITIVE_INFINITY);
        final PlanRequest request = new PlanRequest(small.statistics(), small.topology(), null, small.budget(), heavy, 1, 100);
        assertThat(new ShadowPlanner(1).plan(request)).isEqualTo(new ContiguousPlanner().plan(request));
        assertThat(new ShadowPlanner(100_000).plan(request).replicas(0, 0)).isEqualTo(4);
    }

    @Test
    void withoutSlotsOnEveryDeviceNothingIsShadowed() {
        final PlanRequest full = request(new int[]{60, 8, 8, 8, 8, 8, 8, 8}, 2, 1e9);
        assertThat(new ShadowPlanner().plan(full)).isEqualTo(new ContiguousPlanner().plan(full));
    }

    /** Tries every number of shadowed experts, in descending load; the greedy one must stop at the first that does not pay. */
    @Test
    void stopsAtTheFirstThatDoesNotPay() {
        for (long seed = 1; seed <= 100; seed++) {
            final java.util.SplittableRandom random = new java.util.SplittableRandom(seed);
            final int[] loads = random.ints(8, 1, 60).map(n -> n * n / 30 + 1).toArray();
            final PlanRequest request = request(loads, 8, 1e9);
            final double broadcast = request.cost().expertBytes() / 1e9 / 1000;
            final int[] order = IntStream.range(0, 8)
                    .boxed()
                    .sorted(Comparator.comparingInt((Integer expert) -> loads[expert]).reversed())
                    .mapToInt(Integer::intValue)
                    .toArray();
            final int[][][] devices = new ContiguousPlanner().plan(request).toArray();
            double best = PlannerCases.seconds(request, Placement.of(Epoch.NONE, devices));
            for (final int expert : order) {
                final int[] owner = devices[0][expert];
                devices[0][expert] = new int[]{0, 1, 2, 3};
                final double now = PlannerCases.seconds(request, Placement.of(Epoch.NONE, devices));
                if (best - now - broadcast <= 0) {
                    devices[0][expert] = owner;
                    break;
                }
                best = now;
            }
            assertThat(new ShadowPlanner().plan(request).toArray())
                    .as("seed %d, loads %s", seed, Arrays.toString(loads))
                    .isDeepEqualTo(devices);
        }
    }
}
