package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PulseTest {
    private final Pulse pulse = new Pulse();

    @Test
    void aNodeWithoutTheCoordinatorMissesNothing() {
        for (int check = 0; check < 3 * Pulse.CHECKS; check++) {
            assertThat(pulse.check()).isFalse();
        }
        pulse.beat();
        pulse.gone();
        for (int check = 0; check < 3 * Pulse.CHECKS; check++) {
            assertThat(pulse.check()).isFalse();
        }
    }

    @Test
    void aCoordinatorHasStoppedAfterSoManyChecksInARow() {
        pulse.beat();
        for (int check = 0; check < 3 * Pulse.CHECKS; check++) {
            if (check % (Pulse.CHECKS - 1) == 0) {
                pulse.beat();
            }
            assertThat(pulse.check()).as("check %s", check).isFalse();
        }
        pulse.beat();
        assertThat(pulse.check()).isFalse();
        for (int check = 1; check < Pulse.CHECKS; check++) {
            assertThat(pulse.check()).as("missed %s", check).isFalse();
        }
        assertThat(pulse.check()).isTrue();
    }
}
