package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.Set;

import org.junit.jupiter.api.Test;

class SuspicionTest {
    private static final long LOST_AFTER_NS = 500;
    private static final Map<Integer, Set<Integer>> AGAINST_2 = Map.of(0, Set.of(2), 1, Set.of(2), 2, Set.of());
    private static final Map<Integer, Set<Integer>> NONE = Map.of(0, Set.of(), 1, Set.of());

    private final Suspicion suspicion = new Suspicion(LOST_AFTER_NS);

    @Test
    void believesAMajorityThatSuspectsForLongEnough() {
        suspicion.step(Map.of(0, Set.of(1, 2), 1, Set.of(), 2, Set.of()), 0);
        suspicion.step(Map.of(0, Set.of(1, 2), 1, Set.of(), 2, Set.of()), 10 * LOST_AFTER_NS);
        assertThat(suspicion.lost(1) || suspicion.lost(2)).as("one accuses everybody").isFalse();
        suspicion.step(AGAINST_2, 10_000);
        suspicion.step(AGAINST_2, 10_499);
        assertThat(suspicion.lost(2)).isFalse();
        suspicion.step(AGAINST_2, 10_500);
        assertThat(suspicion.lost(2)).isTrue();
    }

    /** Out of the table it is not called any more, so that nobody can say that it does not answer. */
    @Test
    void takesANodeBackOnlyWhenItIsHeardItself() {
        suspicion.step(AGAINST_2, 0);
        suspicion.step(AGAINST_2, LOST_AFTER_NS);
        for (long nowNs = LOST_AFTER_NS; nowNs < 20 * LOST_AFTER_NS; nowNs += 100) {
            suspicion.step(NONE, nowNs);
            assertThat(suspicion.lost(2)).as("at %d", nowNs).isTrue();
        }
        suspicion.heard(2, 20 * LOST_AFTER_NS);
        suspicion.step(NONE, 20 * LOST_AFTER_NS);
        assertThat(suspicion.lost(2)).isTrue();
        suspicion.step(NONE, 21 * LOST_AFTER_NS);
        assertThat(suspicion.lost(2)).isFalse();
    }
}
