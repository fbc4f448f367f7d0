package io.drover.bench.live;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class SoakTrialTest {
    @Test
    void theSecondQuarterIsComparedWithTheLast() {
        assertThat(SoakTrial.Quarters.of(9, 1, 2, 3, 9, 9, 9, 9, 9, 4, 5, 6)).isEqualTo(new SoakTrial.Quarters(9, 5));
        assertThat(SoakTrial.Quarters.of(1, 2, 3)).isEqualTo(new SoakTrial.Quarters(2, 3));
    }

    @Test
    void whatGrowsByMoreThanItsPartAndTheRestIsNotFlat() {
        assertThat(new SoakTrial.Quarters(40, 60).flat(0.25, 10)).isTrue();
        assertThat(new SoakTrial.Quarters(40, 60.1).flat(0.25, 10)).isFalse();
        assertThat(new SoakTrial.Quarters(60, 40).flat(0, 0)).isTrue();
    }
}
