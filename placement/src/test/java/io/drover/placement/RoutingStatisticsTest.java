package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.management.ManagementFactory;

import org.junit.jupiter.api.Test;

import com.sun.management.ThreadMXBean;

import io.drover.placement.RoutingStatistics.Limits;

final class RoutingStatisticsTest {
    private static final Limits DENSE = new Limits(256, 64, 1000);

    @Test
    void countsLoadsPairsAndGates() {
        final RoutingStatistics statistics = new RoutingStatistics(new int[]{4, 0, 4}, 2, DENSE, 1);
        statistics.record(7, new int[][]{{1, 3}, {}, {0, 2}}, new float[][]{{0.75f, 0.25f}, {}, {0.5f, 0.5f}});
        statistics.record(7, new int[][]{{1, 2}, {}, {2, 0}}, new float[][]{{0.5f, 0.5f}, {}, {1, 0}});

        assertThat(statistics.positions()).isEqualTo(2);
        assertThat(statistics.calls(0, 1)).isEqualTo(2);
        assertThat(statistics.owned(0, 1)).isEqualTo(2);
        assertThat(statistics.owned(0, 3)).isZero();
        assertThat(statistics.gateMass(0, 1)).isEqualTo(1.25);
        assertThat(statistics.nextRouted(0)).isEqualTo(2);
        assertThat(statistics.pairs(Relation.TRANSITION, 0, 1, 0)).isEqualTo(2);
        assertThat(statistics.pairs(Relation.TRANSITION, 0, 3, 2)).isEqualTo(1);
        assertThat(statistics.pairs(Relation.OWNER_TRANSITION, 0, 1, 2)).isEqualTo(2);
        assertThat(statistics.pairs(Relation.OWNER_TRANSITION, 0, 3, 2)).isZero();
        assertThat(statistics.pairs(Relation.OWNER_HANDOVER, 0, 1, 2)).isEqualTo(1);
        assertThat(statistics.pairs(Relation.COACTIVATION, 2, 0, 2)).isEqualTo(2);
        assertThat(statistics.pairs(Relation.COACTIVATION, 2, 2, 0)).isEqualTo(2);
        assertThat(statistics.pairs(Relation.OWNER_COACTIVATION, 2, 0, 2)).isEqualTo(1);
        assertThat(statistics.pairs(Relation.TRANSITION, 2, 0, 0)).isZero();
        assertThat(statistics.paths()).isEqualTo(2);
        assertThat(statistics.pathExpert(1, 1, 0)).isEqualTo(2);
        assertThat(statistics.pathSequence(1)).isEqualTo(7);
    }

    @Test
    void mergedWindowsEqualOneWindow() {
        final SyntheticRouting routing = new SyntheticRouting(SyntheticRouting.layers(3, 16), 4, 0.8, 0.5, 11);
        final RoutingStatistics a = new RoutingStatistics(SyntheticRouting.layers(3, 16), 4, DENSE, 1);
        final RoutingStatistics b = new RoutingStatistics(SyntheticRouting.layers(3, 16), 4, DENSE, 2);
        final RoutingStatistics both = new RoutingStatistics(SyntheticRouting.layers(3, 16), 4, DENSE, 3);
        for (int i = 0; i < 500; i++) {
            routing.next();
            (i % 3 == 0 ? a : b).record(i, routing.chosen, routing.weights);
            both.record(i, routing.chosen, routing.weights);
        }
        a.merge(b);
        assertSameCounts(a, both, 1);
        assertThat(a.paths()).isEqualTo(500);
        assertThatThrownBy(() -> a.merge(new RoutingStatistics(new int[]{16}, 4, DENSE, 1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("[16]");
    }

    private static void assertSameCounts(final RoutingStatistics actual, final RoutingStatistics expected, final double factor) {
        assertThat(actual.positions()).isCloseTo(factor * expected.positions(), within(1e-6));
        double worst = 0;
        for (int layer = 0; layer < expected.layers(); layer++) {
            for (int e = 0; e < expected.experts(layer); e++) {
                worst = Math.max(worst, Math.abs(actual.calls(layer, e) - factor * expected.calls(layer, e)));
                worst = Math.max(worst, Math.abs(actual.owned(layer, e) - factor * expected.owned(layer, e)));
                worst = Math.max(worst, Math.abs(actual.gateMass(layer, e) - factor * expected.gateMass(layer, e)));
                for (final Relation relation : Relation.values()) {
                    final int columns = expected.experts(relation.withinLayer() || expected.nextRouted(layer) < 0
                            ? layer
                            : expected.nextRouted(layer));
                    for (int other = 0; other < columns; other++) {
                        final double difference = actual.pairs(relation, layer, e, other)
                                - factor * expected.pairs(relation, layer, e, other);
                        worst = Math.max(worst, Math.abs(difference));
                    }
                }
            }
        }
        assertThat(worst).as("largest difference of any count").isLessThan(1e-4);
    }

    @Test
    void decayScalesEveryCountAndFavoursNewPathsInTheSample() {
        final int[] shape = SyntheticRouting.layers(3, 16);
        final SyntheticRouting routing = new SyntheticRouting(shape, 4, 0.8, 0.5, 12);
        final RoutingStatistics statistics = new RoutingStatistics(shape, 4, DENSE, 1);
        final RoutingStatistics reference = new RoutingStatistics(shape, 4, DENSE, 1);
        for (int i = 0; i < 5000; i++) {
            routing.next();
            statistics.record(0, routing.chosen, routing.weights);
            reference.record(0, routing.chosen, routing.weights);
        }
        statistics.decay(0.25);
        assertSameCounts(statistics, reference, 0.25);
        for (int i = 0; i < 5000; i++) {
            statistics.record(1, routing.next(), routing.weights);
        }
        int fresh = 0;
        for (int path = 0; path < statistics.paths(); path++) {
            fresh += statistics.pathSequence(path);
        }
        // Weights 1 : 0.25, so that 80 % of the sample are expected to be new; 6 standard deviations are 7.6 %.
        assertThat(statistics.paths()).isEqualTo(1000);
        assertThat(fresh / 1000.0).isCloseTo(0.8, within(0.076));
        statistics.decay(0);
        assertThat(statistics.paths()).isZero();
        assertThat(statistics.positions()).isZero();
        assertThatThrownBy(() -> statistics.decay(1.5)).hasMessageContaining("1.5");
    }

    @Test
    void snapshotsSurviveARestartAndDamageIsRefused() {
        for (final Limits limits : new Limits[]{DENSE, new Limits(8, 16, 100)}) {
            final SyntheticRouting routing = new SyntheticRouting(new int[]{16, 0, 24, 32}, 4, 0.8, 0.5, 13);
            final RoutingStatistics statistics = routing.statistics(2000, limits);
            final byte[] bytes = statistics.toBytes();
            final RoutingStatistics restored = RoutingStatistics.fromBytes(bytes);
            assertSameCounts(restored, statistics, 1);
            assertThat(restored.toBytes()).hasSameSizeAs(bytes);
            assertThat(restored.paths()).isEqualTo(statistics.paths());
            routing.next();
            restored.record(1, routing.chosen, routing.weights);
            assertThat(restored.positions()).isEqualTo(2001);
            for (int at = 0; at < bytes.length; at += Math.max(1, bytes.length / 60)) {
                final byte[] damaged = bytes.clone();
                damaged[at] ^= 0x10;
                assertThatThrownBy(() -> RoutingStatistics.fromBytes(damaged)).isInstanceOf(IllegalArgumentException.class);
            }
            assertThatThrownBy(() -> RoutingStatistics.fromBytes(java.util.Arrays.copyOf(bytes, bytes.length / 2)))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> RoutingStatistics.fromBytes(new byte[]{'D', 'R', 'V', 'S', 0, 9}))
                .hasMessageContaining("version 9");
    }

    @Test
    void largeLayersKeepTheHeavyPairsInBoundedMemory() {
        final int[] shape = SyntheticRouting.layers(2, 384);
        final RoutingStatistics exact = new SyntheticRouting(shape, 8, 0.8, 0.6, 14).statistics(40_000, new Limits(384, 64, 0));
        final RoutingStatistics bounded = new SyntheticRouting(shape, 8, 0.8, 0.6, 14).statistics(40_000, new Limits(256, 64, 0));
        double mass = 0;
        double heavyMass = 0;
        double heavyError = 0;
        double kept = 0;
        int above = 0;
        for (int row = 0; row < 384; row++) {
            double rowMass = 0;
            for (int column = 0; column < 384; column++) {
                rowMass += exact.pairs(Relation.TRANSITION, 0, row, column);
            }
            for (int column = 0; column < 384; column++) {
                final double truth = exact.pairs(Relation.TRANSITION, 0, row, column);
                final double estimate = bounded.pairs(Relation.TRANSITION, 0, row, column);
                above += estimate > truth ? 1 : 0;
                mass += truth;
                kept += estimate;
                if (truth > rowMass / 64) {
                    heavyMass += truth;
                    heavyError += truth - estimate;
                }
            }
        }
        assertThat(above).as("pairs reported above their true count").isZero();
        // Heavy pairs, each above 1/64 of its row, lose 1.7 % of their count here; the flat tail is not kept.
        assertThat(heavyError / heavyMass)
                .as("lost of the heavy pairs' count; they hold %.3f of all, kept of all %.3f", heavyMass / mass, kept / mass)
                .isLessThan(0.05);
    }

    @Test
    void recordingAllocatesNothingAndMemoryIsBounded() {
        final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        final int[] shape = SyntheticRouting.layers(61, 384);
        final long before = threads.getCurrentThreadAllocatedBytes();
        final RoutingStatistics statistics = new RoutingStatistics(shape, 8, Limits.DEFAULT, 1);
        assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(96L << 20);

        final SyntheticRouting routing = new SyntheticRouting(shape, 8, 0.8, 0.5, 15);
        for (int i = 0; i < 300; i++) {
            statistics.record(i, routing.next(), routing.weights);
        }
        final long recording = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < 1000; i++) {
            statistics.record(i, routing.chosen, routing.weights);
        }
        // Reading the counter itself may allocate a little; 1,000 positions may not.
        assertThat(threads.getCurrentThreadAllocatedBytes() - recording).isLessThan(1024);
    }

    @Test
    void aStrideCountsPairsOfSomePositionsWithoutBias() {
        final int[] shape = SyntheticRouting.layers(2, 8);
        final RoutingStatistics all = new SyntheticRouting(shape, 2, 0.8, 0.5, 16).statistics(40_000, DENSE);
        final RoutingStatistics some = new SyntheticRouting(shape, 2, 0.8, 0.5, 16).statistics(40_000, new Limits(256, 64, 0, 8));
        assertThat(some.calls(0, 3)).isEqualTo(all.calls(0, 3));
        double worst = 0;
        for (int from = 0; from < 8; from++) {
            for (int to = 0; to < 8; to++) {
                final double truth = all.pairs(Relation.TRANSITION, 0, from, to);
                // Each counted pair weighs 8: the standard deviation is sqrt(8 * 7 / 8 * count).
                worst = Math.max(worst, Math.abs(some.pairs(Relation.TRANSITION, 0, from, to) - truth) / Math.sqrt(7 * truth));
            }
        }
        assertThat(worst).as("standard deviations off").isBetween(0.1, 5.0);
    }

    /** 61 layers of 384 experts: what a node sends stays small, and keeps loads, the heaviest pairs and a sample. */
    @Test
    void fitsALargeModelIntoAMessage() {
        final int[] layers = SyntheticRouting.layers(61, 384);
        final SyntheticRouting routing = new SyntheticRouting(layers, 8, 0.8, 0.5, 11);
        final RoutingStatistics window = new RoutingStatistics(layers, 8, new Limits(64, 16, 512, 8), 1);
        for (int i = 0; i < 3000; i++) {
            routing.next();
            window.record(i, routing.chosen, routing.weights);
        }
        window.decay(0.9);
        final byte[] bytes = window.toBytes(1 << 20);
        assertThat(bytes.length).isLessThanOrEqualTo(1 << 20);
        final RoutingStatistics back = RoutingStatistics.fromBytes(bytes);
        assertThat(back.positions()).isEqualTo(2700, within(1e-9));
        int kept = 0;
        for (int expert = 0; expert < 384; expert++) {
            assertThat(back.calls(60, expert)).isEqualTo(window.calls(60, expert), within(1e-4 * window.calls(60, expert)));
            for (int to = 0; to < 384; to++) {
                final float pair = back.pairs(Relation.TRANSITION, 3, expert, to);
                kept += pair > 0 ? 1 : 0;
                assertThat(pair).isLessThanOrEqualTo(window.pairs(Relation.TRANSITION, 3, expert, to));
            }
        }
        assertThat(kept).isPositive();
        assertThat(back.paths()).isPositive();
        assertThatThrownBy(() -> window.toBytes(10_000)).hasMessageContaining("10000");
    }

    @Test
    void refusesImpossibleShapes() {
        assertThatThrownBy(() -> new RoutingStatistics(new int[]{3}, 4, DENSE, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("layer 0 has 3 experts");
        assertThatThrownBy(() -> new Limits(0, 12, 0)).hasMessageContaining("12");
    }
}
