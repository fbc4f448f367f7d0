package io.drover.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

class SamplerTest {
    private static final int DRAWS = 100_000;

    /** Probabilities 0.4, 0.3, 0.2, 0.1, out of order. */
    private static final float[] LOGITS = {ln(0.2), ln(0.4), ln(0.1), ln(0.3)};

    private final Sampler sampler = new Sampler(LOGITS.length);

    @Test
    void greedyTakesTheLargestAndTheLowerIdOfEquals() {
        assertThat(sampler.sample(LOGITS, Sampling.GREEDY, 7, Sampler.NONE_BANNED)).isEqualTo(1);
        assertThat(sampler.sample(new float[]{1, 5, 5, 2}, Sampling.GREEDY, 7, Sampler.NONE_BANNED)).isEqualTo(1);
        assertThat(sampler.sample(new float[]{Float.NaN, 5, Float.NaN, 6}, Sampling.GREEDY, 7, Sampler.NONE_BANNED)).isEqualTo(3);
    }

    @Test
    void drawsFollowTheSoftmax() {
        assertShares(new Sampling(1, 1, 0, 11), 0.2, 0.4, 0.1, 0.3);
    }

    @Test
    void temperatureSharpens() {
        assertShares(new Sampling(0.5f, 1, 0, 12), 0.04 / 0.3, 0.16 / 0.3, 0.01 / 0.3, 0.09 / 0.3);
    }

    @Test
    void topKKeepsTheMostLikely() {
        assertShares(new Sampling(1, 1, 2, 13), 0, 4.0 / 7, 0, 3.0 / 7);
    }

    @Test
    void topPKeepsTheFewestThatReachIt() {
        assertShares(new Sampling(1, 0.65f, 0, 14), 0, 4.0 / 7, 0, 3.0 / 7);
        assertShares(new Sampling(1, 0.75f, 0, 15), 2.0 / 9, 4.0 / 9, 0, 3.0 / 9);
        assertShares(new Sampling(1, 1e-6f, 0, 16), 0, 1, 0, 0);
    }

    @Test
    void topPCountsTheProbabilitiesThatTemperatureAndTopKLeave() {
        assertShares(new Sampling(1, 0.5f, 2, 17), 0, 1, 0, 0);
        assertShares(new Sampling(1, 0.6f, 2, 18), 0, 4.0 / 7, 0, 3.0 / 7);
        assertShares(new Sampling(1, 0.99f, 3, 19), 2.0 / 9, 4.0 / 9, 0, 3.0 / 9);
    }

    @Test
    void bannedIdsAreNeverDrawnAndTheRestKeepTheirProportions() {
        final int[] banned = {1, 99, -1};
        assertThat(sampler.sample(LOGITS, Sampling.GREEDY, 0, banned)).isEqualTo(3);
        final double[] shares = shares(new Sampling(1, 1, 0, 20), banned);
        assertThat(shares[1]).isZero();
        assertThat(shares[3]).isCloseTo(0.5, within(0.01));
    }

    @Test
    void theSameSeedAndPositionDrawTheSameTokenWhateverWasDrawnBefore() {
        final SplittableRandom random = new SplittableRandom(4);
        final float[] logits = new float[500];
        for (int id = 0; id < logits.length; id++) {
            logits[id] = (float) random.nextGaussian();
        }
        final Sampler busy = new Sampler(logits.length);
        for (int position = 0; position < 500; position++) {
            final Sampling sampling = new Sampling(0.8f, 0.95f, random.nextInt(60), random.nextLong());
            busy.sample(logits, new Sampling(1, 1, 0, random.nextLong()), random.nextInt(1000), Sampler.NONE_BANNED);
            assertThat(busy.sample(logits, sampling, position, Sampler.NONE_BANNED))
                    .isEqualTo(new Sampler(logits.length).sample(logits, sampling, position, Sampler.NONE_BANNED));
        }
    }

    @Test
    void drawsOfAFixedSeedAreWhatTheyAlwaysWere() {
        final Sampling sampling = new Sampling(1, 0.9f, 0, 42);
        final StringBuilder drawn = new StringBuilder();
        for (int position = 0; position < 24; position++) {
            drawn.append(sampler.sample(LOGITS, sampling, position, Sampler.NONE_BANNED));
        }
        assertThat(drawn).hasToString("103131131331110333313031");
    }

    @Test
    void theRandomNumbersOfPositionsAndOfSeedsAreUniformAndUncorrelated() {
        double sum = 0;
        double products = 0;
        double acrossSeeds = 0;
        for (int i = 0; i < DRAWS; i++) {
            final double u = Sampler.uniform(5, i) - 0.5;
            sum += u;
            products += u * (Sampler.uniform(5, i + 1) - 0.5);
            acrossSeeds += u * (Sampler.uniform(6, i) - 0.5);
        }
        assertThat(sum / DRAWS).isCloseTo(0, within(0.004));
        assertThat(products / DRAWS).isCloseTo(0, within(0.0012));
        assertThat(acrossSeeds / DRAWS).isCloseTo(0, within(0.0012));
    }

    @Test
    void nothingToDrawFromAndSettingsOutOfRangeAreRefused() {
        assertThatThrownBy(() -> sampler.sample(LOGITS, Sampling.GREEDY, 0, new int[]{0, 1, 2, 3}))
                .hasMessageContaining("no token can be drawn");
        assertThatThrownBy(() -> new Sampling(-1, 1, 0, 0)).hasMessageContaining("temperature is -1.0");
        assertThatThrownBy(() -> new Sampling(Float.NaN, 1, 0, 0)).hasMessageContaining("temperature is NaN");
        assertThatThrownBy(() -> new Sampling(1, 0, 0, 0)).hasMessageContaining("top_p is 0.0");
        assertThatThrownBy(() -> new Sampling(1, 1, -1, 0)).hasMessageContaining("top_k is -1");
    }

    private void assertShares(final Sampling sampling, final double... expected) {
        final double[] shares = shares(sampling, Sampler.NONE_BANNED);
        for (int id = 0; id < expected.length; id++) {
            if (expected[id] == 0) {
                assertThat(shares[id]).isZero();
            } else {
                assertThat(shares[id]).as("%s, token %d", sampling, id).isCloseTo(expected[id], within(0.008));
            }
        }
    }

    private double[] shares(final Sampling sampling, final int[] banned) {
        final double[] shares = new double[LOGITS.length];
        for (int position = 0; position < DRAWS; position++) {
            shares[sampler.sample(LOGITS, sampling, position, banned)] += 1.0 / DRAWS;
        }
        return shares;
    }

    private static float ln(final double probability) {
        return (float) Math.log(probability);
    }
}
