package io.drover.actors;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;

import org.junit.jupiter.api.Test;

/** What is learned from answers that take a known time. */
class PeerPaceTest {
    private static final long FLOOR_NS = 1_000;
    private static final long CEILING_NS = 100_000;
    private static final long RECOVERY_NS = 1_000_000;

    private final PeerPace pace = new PeerPace(new PeerPace.Limits(0.95, FLOOR_NS, CEILING_NS, 4, RECOVERY_NS));
    private final Random random = new Random(1);
    private long nowNs;

    /** Answers of 10 units that take about so long. */
    private void answers(final int count, final int node, final long typicalNs) {
        for (int i = 0; i < count; i++) {
            nowNs += 100;
            pace.answered(node, 10, typicalNs * (90 + random.nextInt(21)) / 100, nowNs);
        }
    }

    @Test
    void theDeadlineIsAQuantileOfRecentAnswersByTheirSize() {
        assertThat(pace.deadlineNs(1, 10)).as("nothing is known").isEqualTo(CEILING_NS);
        answers(200, 1, 5_000);
        assertThat(pace.deadlineNs(1, 10)).isBetween(5_000L, 5_500L);
        assertThat(pace.deadlineNs(1, 20)).isBetween(10_000L, 11_000L);
        assertThat(pace.deadlineNs(1, 1)).isEqualTo(FLOOR_NS);
        assertThat(pace.deadlineNs(1, 1_000)).isEqualTo(CEILING_NS);
        answers(200, 1, 8_000);
        assertThat(pace.deadlineNs(1, 10)).as("the old answers are forgotten").isBetween(8_000L, 8_800L);
    }

    @Test
    void aPeerThatBecomesSlowDoesNotTeachThatSlowIsUsual() {
        for (int node = 1; node <= 3; node++) {
            answers(100, node, 2_000);
        }
        answers(200, 2, 50_000);
        assertThat(pace.deadlineNs(2, 10)).isBetween(5_000L, 7_000L);
        assertThat(pace.slow(2)).isTrue();
        assertThat(pace.trusted(2)).isFalse();
        assertThat(pace.slow(1)).isFalse();
        assertThat(pace.typicalNs(2)).isGreaterThan(40_000);
    }

    @Test
    void ofTwoPeersTheFasterIsTheMeasureAndOneAloneIsNeverSlow() {
        answers(100, 1, 50_000);
        assertThat(pace.slow(1)).isFalse();
        answers(100, 2, 2_000);
        answers(1, 1, 50_000);
        assertThat(pace.slow(1)).isTrue();
    }

    @Test
    void lateFramesMakeSlowWithoutAnyAnswer() {
        for (int node = 1; node <= 3; node++) {
            answers(50, node, 2_000);
        }
        for (int i = 0; i < 8; i++) {
            pace.late(3, 10, 6_000, nowNs);
        }
        assertThat(pace.slow(3)).isTrue();
    }

    @Test
    void aSlowPeerIsTriedAgainAndTrustedAfterGoodAnswers() {
        for (int node = 1; node <= 3; node++) {
            answers(50, node, 2_000);
        }
        answers(50, 3, 90_000);
        final long untilNs = nowNs + RECOVERY_NS;
        pace.poll(untilNs - 10_000_000);
        assertThat(pace.slow(3)).isTrue();
        nowNs = untilNs;
        pace.poll(nowNs);
        assertThat(pace.slow(3)).isFalse();
        assertThat(pace.trusted(3)).as("on trial").isFalse();
        answers(PeerPace.ENOUGH, 3, 2_000);
        assertThat(pace.trusted(3)).isTrue();
    }

    @Test
    void aPeerThatIsSlowAgainIsLeftAloneForLonger() {
        for (int node = 1; node <= 3; node++) {
            answers(50, node, 2_000);
        }
        for (int strike = 0; strike < 4; strike++) {
            answers(5, 3, 90_000);
            assertThat(pace.slow(3)).isTrue();
            nowNs += (RECOVERY_NS << strike) - 1_000;
            pace.poll(nowNs);
            assertThat(pace.slow(3)).as("after %s strikes", strike).isTrue();
            nowNs += 1_000;
            pace.poll(nowNs);
            assertThat(pace.slow(3)).isFalse();
        }
    }

    @Test
    void answersToCallsThatNobodyElseCanTakeMakeASlowPeerTrustedEarly() {
        for (int node = 1; node <= 3; node++) {
            answers(50, node, 2_000);
        }
        answers(2, 3, 90_000);
        assertThat(pace.slow(3)).isTrue();
        answers(60, 3, 2_000);
        assertThat(pace.trusted(3)).isTrue();
        assertThat(pace.slow(3)).isFalse();
    }
}
