package io.drover.actors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FairShareTest {
    private static final long DECODE_STEP_NS = 100;
    private static final long PREFILL_STEP_NS = 4_000;

    @ParameterizedTest
    @ValueSource(doubles = {0.2, 0.5, 0.8})
    void decodeKeepsItsShareBesideLongPrompts(final double share) {
        final FairShare clock = new FairShare(share);
        long decodeNs = 0;
        long prefillNs = 0;
        for (int step = 0; step < 100_000; step++) {
            final boolean decode = clock.decodeNext(true, true);
            final long elapsedNs = decode ? DECODE_STEP_NS : PREFILL_STEP_NS;
            clock.used(decode, elapsedNs);
            decodeNs += decode ? elapsedNs : 0;
            prefillNs += decode ? 0 : elapsedNs;
        }
        assertThat((double) decodeNs / (decodeNs + prefillNs)).isCloseTo(share, within(0.02));
    }

    @Test
    void theSideThatIsAloneGetsEverything() {
        final FairShare clock = new FairShare(0.5);
        for (int step = 0; step < 100; step++) {
            assertThat(clock.decodeNext(true, false)).isTrue();
            clock.used(true, DECODE_STEP_NS);
        }
        for (int step = 0; step < 100; step++) {
            assertThat(clock.decodeNext(false, true)).isFalse();
            clock.used(false, PREFILL_STEP_NS);
        }
    }

    @Test
    void timeAloneIsNotSavedUp() {
        final FairShare clock = new FairShare(0.5);
        for (int step = 0; step < 1_000; step++) {
            clock.decodeNext(false, true);
            clock.used(false, PREFILL_STEP_NS);
        }
        int inARow = 0;
        while (clock.decodeNext(true, true)) {
            clock.used(true, DECODE_STEP_NS);
            inARow++;
        }
        assertThat(inARow).as("decode steps before prefill has its turn")
                .isLessThanOrEqualTo((int) (PREFILL_STEP_NS / DECODE_STEP_NS) + 1);
    }
}
