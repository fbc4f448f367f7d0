package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

final class CostModelTest {
    @Test
    void predictsAStepByHand() {
        // One layer, expert 0 on device 0 and expert 1 on device 1; each position uses one of them, half and half, in home.
        final RoutingStatistics statistics = SyntheticRouting.ofLoads(new int[][]{{32, 32}});
        final Topology topology = Topology.uniform(2, 10, new ComputeRate(2, 0.5), new Link(1000, 0.25));
        final Wire wire = new Wire(10, 4, 0, 8, 2, false);
        final CostModel cost = new CostModel(Mode.WALK, wire, 100, 64, Double.POSITIVE_INFINITY);
        final Placement placement = Placement.of(Epoch.NONE, new int[][][]{{{0}, {1}}});
        final Prediction prediction = cost.predict(placement, statistics, topology, 3);
        // Both are activated (1 - 0.5^64), with 32 calls each.
        assertThat(prediction.computeSeconds()).isCloseTo(2 + 0.5 * 32, within(1e-9));
        // In walk a position crosses iff its home is not its expert's device: one residual; and its KV goes to one other holder.
        final double residuals = prediction.measured().network().residuals() * 64;
        assertThat(residuals).isBetween(16.0, 48.0);
        assertThat(prediction.networkBytes()).isCloseTo(residuals * 40 + 64 * 8, within(1e-6));
        assertThat(prediction.sameHostBytes()).isZero();
        assertThat(prediction.transferSeconds()).isGreaterThan(0.5 + residuals * 40 / 1000 / 2 - 1e-9);
        assertThat(prediction.stepSeconds()).isEqualTo(prediction.computeSeconds() + prediction.transferSeconds());
    }

    @Test
    void countsMovesAndTheirBytes() {
        final Placement from = Placement.of(Epoch.NONE, new int[][][]{{{0}, {1}, {1, 2}}});
        final Placement to = Placement.of(Epoch.NONE, new int[][][]{{{0, 2}, {0}, {1}}});
        final CostModel cost = new CostModel(Mode.HOME, new Wire(8, 2, 0, 0, 1, false), 1000, 1, 0);
        assertThat(CostModel.moves(from, to)).isEqualTo(2);
        assertThat(cost.moveBytes(from, to)).isEqualTo(2000);
        assertThat(CostModel.moves(to, to)).isZero();
    }

    @Test
    void fitFindsTheRatesOfNoisyMeasurements() {
        final SplittableRandom random = new SplittableRandom(4);
        final int n = 400;
        final double[] activated = new double[n];
        final double[] calls = new double[n];
        final double[] seconds = new double[n];
        for (int i = 0; i < n; i++) {
            activated[i] = 1 + random.nextInt(16);
            calls[i] = activated[i] + random.nextInt(200);
            seconds[i] = (2e-4 * activated[i] + 3e-6 * calls[i]) * (1 + 0.05 * (2 * random.nextDouble() - 1));
        }
        final ComputeFit fit = ComputeFit.of(activated, calls, seconds);
        assertThat(fit.rate().secondsPerExpert()).isCloseTo(2e-4, within(4e-6));
        assertThat(fit.rate().secondsPerCall()).isCloseTo(3e-6, within(3e-7));
        assertThat(fit.meanRelativeError()).isBetween(0.01, 0.03);
        assertThat(fit.maxRelativeError()).isLessThan(0.08);
        final ComputeFit wrong = ComputeFit.evaluate(new ComputeRate(4e-4, 6e-6), activated, calls, seconds);
        assertThat(wrong.meanRelativeError()).isCloseTo(1, within(0.05));
    }

    /** Against a fine grid over a and b, on measurements whose unconstrained solution may be negative. */
    @Test
    void fitIsTheBestNonNegativeOne() {
        for (long seed = 1; seed <= 200; seed++) {
            final SplittableRandom random = new SplittableRandom(seed);
            final double[] x = random.doubles(4, 1, 10).toArray();
            final double[] y = random.doubles(4, 1, 10).toArray();
            final double[] t = random.doubles(4, 1, 10).toArray();
            final ComputeRate rate = ComputeFit.of(x, y, t).rate();
            final double found = error(rate.secondsPerExpert(), rate.secondsPerCall(), x, y, t);
            for (double a = 0; a <= 4; a += 0.05) {
                for (double b = 0; b <= 4; b += 0.05) {
                    assertThat(found).as("seed %d, a %f, b %f", seed, a, b).isLessThanOrEqualTo(error(a, b, x, y, t) + 1e-9);
                }
            }
        }
    }

    private static double error(final double a, final double b, final double[] x, final double[] y, final double[] t) {
        double sum = 0;
        for (int i = 0; i < t.length; i++) {
            final double relative = (a * x[i] + b * y[i]) / t[i] - 1;
            sum += relative * relative;
        }
        return sum;
    }

    @Test
    void refusesWhatCannotBeFittedOrPredicted() {
        assertThatThrownBy(() -> ComputeFit.of(new double[1], new double[1], new double[1])).hasMessageContaining("1 times");
        assertThatThrownBy(() -> ComputeFit.of(new double[2], new double[2], new double[2])).hasMessageContaining("0.0 s");
        final RoutingStatistics empty = new RoutingStatistics(new int[]{2}, 1, new RoutingStatistics.Limits(2, 8, 4), 1);
        final CostModel cost = new CostModel(Mode.HOME, new Wire(8, 2, 0, 0, 1, false), 1, 1, 0);
        assertThatThrownBy(() -> cost.predict(Placement.of(Epoch.NONE, new int[][][]{{{0}, {0}}}), empty,
                Topology.uniform(1, 2, new ComputeRate(0, 0), Link.FREE), 1)).hasMessageContaining("0 of");
    }
}
