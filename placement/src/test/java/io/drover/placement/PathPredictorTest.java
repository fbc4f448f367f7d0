package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

final class PathPredictorTest {
    private static final int[] EXPERTS = {6, 6, 0, 6, 6, 6};
    private static final Topology TOPOLOGY = Topology.uniform(3, 20, new ComputeRate(1e-5, 1e-6), new Link(1e8, 1e-5));

    private static RoutingStatistics statistics() {
        final SyntheticRouting routing = new SyntheticRouting(new int[]{6, 6, 6, 6, 6, 6}, 2, 0.5, 0.5, 3);
        final RoutingStatistics statistics = new RoutingStatistics(EXPERTS, 2, new RoutingStatistics.Limits(8, 8, 256), 1);
        for (int position = 0; position < 256; position++) {
            statistics.record(position / 16, routing.next(), routing.weights);
        }
        return statistics;
    }

    private static Placement placement(final SplittableRandom random) {
        final int[][][] devices = new int[EXPERTS.length][][];
        for (int layer = 0; layer < devices.length; layer++) {
            devices[layer] = new int[EXPERTS[layer]][];
            for (int expert = 0; expert < EXPERTS[layer]; expert++) {
                devices[layer][expert] = new int[]{random.nextInt(3)};
            }
        }
        return Placement.of(Epoch.NONE, devices);
    }

    /** With one replica each, a layer's owners depend on the layer alone, so that only the next layer can tell that it has changed. */
    @Test
    void estimatesExactlyWhereEachExpertHasOneReplica() {
        final RoutingStatistics statistics = statistics();
        for (final Mode mode : Mode.values()) {
            final CostModel cost = new CostModel(mode, new Wire(64, 2, 8, 16, 1, false), 100, 32, 0.1);
            for (final RebalancePredictor predictor : new RebalancePredictor[]{RebalancePredictor.of(cost, 7),
                RebalancePredictor.ofTraffic(cost, 7)}) {
                final SplittableRandom random = new SplittableRandom(11);
                final Placement before = placement(random);
                final RebalancePredictor.Estimate estimate = predictor.estimate(statistics, TOPOLOGY, before);
                final double seconds = predictor.stepSeconds(statistics, TOPOLOGY, before);
                for (final int[] layers : new int[][]{{0, 0}, {1, 3}, {4, 4}, {5, 5}, {0, 5}}) {
                    final Placement other = placement(random);
                    final int[][][] changed = before.toArray();
                    for (int layer = layers[0]; layer <= layers[1]; layer++) {
                        changed[layer] = other.toArray()[layer];
                    }
                    final Placement after = Placement.of(Epoch.NONE, changed);
                    assertThat(estimate.gainSeconds(after, layers[0], layers[1])).as("%s, layers %s", mode, layers)
                            .isNotZero()
                            .isCloseTo(seconds - predictor.stepSeconds(statistics, TOPOLOGY, after), within(1e-12));
                }
            }
        }
    }

    @Test
    void replaysLayerByLayerWhatGoesPositionByPosition() {
        final RoutingStatistics statistics = statistics();
        final CostModel cost = new CostModel(Mode.WALK, new Wire(64, 2, 8, 16, 1, false), 100, 32, 0.1);
        final int[][][] twice = placement(new SplittableRandom(5)).toArray();
        for (final int[][] layer : twice) {
            for (int expert = 0; expert < layer.length; expert += 2) {
                layer[expert] = new int[]{layer[expert][0], (layer[expert][0] + 1) % 3};
            }
        }
        final Placement placement = Placement.of(Epoch.NONE, twice);
        final Measures measures = new Measures(placement, TOPOLOGY, Mode.WALK, 0.1);
        final int[] routed = statistics.routedLayers();
        final int[][] experts = new int[EXPERTS.length][2];
        for (int path = 0; path < statistics.paths(); path++) {
            for (int i = 0; i < routed.length; i++) {
                for (int rank = 0; rank < 2; rank++) {
                    experts[routed[i]][rank] = statistics.pathExpert(path, i, rank);
                }
            }
            measures.position(Measures.drawHome(TOPOLOGY, 7, statistics.pathSequence(path)), experts);
        }
        assertThat(cost.predict(placement, statistics, TOPOLOGY, 7).measured()).isEqualTo(measures.measured());
    }
}
