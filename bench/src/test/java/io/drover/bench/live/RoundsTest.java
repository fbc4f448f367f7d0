package io.drover.bench.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;

import org.junit.jupiter.api.Test;

final class RoundsTest {
    private static final Verdict NOTHING = new Verdict(List.of(), List.of());

    @Test
    void eachRoundHasItsOwnTimesAndAnEventMayTakeSeveralPhases() {
        final Rounds rounds = new Rounds(3);
        for (int round = 0; round < 2; round++) {
            for (int phase = 0; phase < 3; phase++) {
                rounds.begin(phase);
                rounds.end(phase);
            }
        }
        final double[] starts = rounds.each(NOTHING, (verdict, from, to) -> from, 0, 0);
        final double[] ends = rounds.each(NOTHING, (verdict, from, to) -> to, 2, 2);
        assertThat(starts[0]).isLessThanOrEqualTo(ends[0]);
        assertThat(ends[0]).isLessThanOrEqualTo(starts[1]);
        final Rounds.Figure lengthNs = (verdict, from, to) -> to - from;
        assertThat(rounds.each(NOTHING, lengthNs, 0, 2)).containsExactly(ends[0] - starts[0], ends[1] - starts[1]);
        assertThat(rounds.most(NOTHING, (verdict, from, to) -> to, 2)).isEqualTo(ends[1]);
        assertThat(rounds.seconds(1) * 1e9).isCloseTo(
                rounds.each(NOTHING, lengthNs, 1, 1)[0] + rounds.each(NOTHING, lengthNs, 1, 1)[1],
                within(1.0));
    }
}
