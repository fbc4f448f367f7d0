package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import java.util.function.IntUnaryOperator;

import org.junit.jupiter.api.Test;

final class JointHomesTest {
    private static final int LAYERS = 3;
    private static final int EXPERTS = 8;

    /** Sequences of two kinds, which use the lower and the upper half of the experts. */
    private static PlanRequest twoKinds(final int devices, final int slots) {
        final int[] shape = SyntheticRouting.layers(LAYERS, EXPERTS);
        final RoutingStatistics statistics = new RoutingStatistics(shape, 2, new RoutingStatistics.Limits(16, 8, 480), 1);
        final SplittableRandom random = new SplittableRandom(2);
        final int[][] chosen = new int[LAYERS][2];
        final float[][] weights = new float[LAYERS][];
        for (int position = 0; position < 480; position++) {
            final int sequence = position / 20;
            for (int layer = 0; layer < LAYERS; layer++) {
                chosen[layer][0] = sequence % 2 * 4 + random.nextInt(2);
                chosen[layer][1] = sequence % 2 * 4 + 2 + random.nextInt(2);
                weights[layer] = new float[]{0.6f, 0.4f};
            }
            statistics.record(sequence, chosen, weights);
        }
        return new PlanRequest(statistics, Topology.uniform(devices, slots, new ComputeRate(1e-4, 1e-5), new Link(1e9, 1e-5)),
                null,
                Budget.UNLIMITED, new CostModel(Mode.HOME, new Wire(64, 4, 0, 0, 1, false), 100, 32, Double.POSITIVE_INFINITY), 3,
                6);
    }

    private static void requireApart(final IntUnaryOperator homes, final int devices) {
        final double[] load = new double[devices];
        for (int sequence = 0; sequence < 24; sequence++) {
            load[homes.applyAsInt(sequence)]++;
            for (int other = sequence % 2 == 0 ? 1 : 0; other < 24; other += 2) {
                assertThat(homes.applyAsInt(sequence)).isNotEqualTo(homes.applyAsInt(other));
            }
        }
        for (final double sequences : load) {
            assertThat(sequences).isLessThanOrEqualTo(1.1 * 24 / devices + 1);
        }
    }

    @Test
    void sequencesThatUseTheSameExpertsShareHomes() {
        final PlanRequest two = twoKinds(2, LAYERS * EXPERTS / 2);
        requireApart(JointHomes.of(two, JointPaths.of(two, 480)), 2);
        final PlanRequest four = twoKinds(4, LAYERS * EXPERTS / 2);
        requireApart(JointHomes.of(four, JointPaths.of(four, 480)), 4);
    }

    @Test
    void thePlanNeedsNoNetworkWhereEachKindHasAHome() {
        final PlanRequest request = twoKinds(2, LAYERS * EXPERTS / 2);
        final Placement plan = new JointPlanner(JointPlanner.DEFAULT_WEIGHTS, true).plan(request);
        for (int layer = 0; layer < LAYERS; layer++) {
            for (int expert = 0; expert < EXPERTS; expert++) {
                assertThat(plan.device(layer, expert, 0)).isEqualTo(plan.device(0, expert / 4 * 4, 0));
            }
        }
        assertThat(plan.device(0, 0, 0)).isNotEqualTo(plan.device(0, 4, 0));
        final PlanRequest again = new PlanRequest(request.statistics(), request.topology(), plan, request.budget(),
                request.cost(), 3,
                6);
        assertThat(CostModel.moves(plan, new JointPlanner(JointPlanner.DEFAULT_WEIGHTS, true).plan(again))).isZero();
        final JointPaths paths = JointPaths.of(request, 480);
        final long[][] hosts = new long[LAYERS][EXPERTS];
        for (int layer = 0; layer < LAYERS; layer++) {
            for (int expert = 0; expert < EXPERTS; expert++) {
                hosts[layer][expert] = 1L << plan.device(layer, expert, 0);
            }
        }
        requireApart(JointHomes.near(request, paths, hosts), 2);
    }
}
