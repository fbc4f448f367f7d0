package io.drover.model.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ComputeTeamTest {
    @ParameterizedTest
    @CsvSource({"1, 2000", "2, 2000", "3, 2000", "4, 0"})
    void eachChunkRunsOnceInEachOfManyRounds(final int threads, final int spins) {
        try (ComputeTeam team = new ComputeTeam(threads, () -> {}, spins)) {
            for (int round = 1; round <= 3_000; round++) {
                final int chunks = 1 + round % 17;
                final AtomicIntegerArray runs = new AtomicIntegerArray(chunks);
                team.run((chunk, worker) -> {
                    assertThat(worker).isBetween(0, threads - 1);
                    runs.incrementAndGet(chunk);
                }, chunks);
                for (int chunk = 0; chunk < chunks; chunk++) {
                    assertThat(runs.get(chunk)).as("round %d, chunk %d of %d", round, chunk, chunks).isOne();
                }
            }
        }
    }

    @Test
    void helpersThatSleepComeBack() {
        try (ComputeTeam team = new ComputeTeam(3, () -> {}, 0)) {
            for (int round = 0; round < 5; round++) {
                LockSupport.parkNanos(20_000_000);
                final AtomicInteger helped = new AtomicInteger();
                team.run((chunk, worker) -> {
                    helped.addAndGet(worker > 0 ? 1 : 0);
                    LockSupport.parkNanos(2_000_000);
                }, 16);
                assertThat(helped).as("chunks run by helpers in round %d", round).hasPositiveValue();
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1", "2"})
    void theCallerBreathesThroughoutALongRound(final int threads) {
        final AtomicInteger breaths = new AtomicInteger();
        final Thread caller = Thread.currentThread();
        try (ComputeTeam team = new ComputeTeam(threads, () -> {
            assertThat(Thread.currentThread()).isSameAs(caller);
            breaths.incrementAndGet();
        })) {
            team.run((chunk, worker) -> LockSupport.parkNanos(ComputeTeam.BREATH_NS), 40);
        }
        assertThat(breaths.get()).isGreaterThanOrEqualTo(10);
    }

    @Test
    void aFailureOfAHelperReachesTheCallerAndTheTeamGoesOn() {
        try (ComputeTeam team = new ComputeTeam(3, () -> {})) {
            assertThatThrownBy(() -> team.run((chunk, worker) -> {
                throw new ArithmeticException("chunk " + chunk);
            }, 8)).isInstanceOf(IllegalStateException.class).hasCauseInstanceOf(ArithmeticException.class);
            final AtomicInteger runs = new AtomicInteger();
            team.run((chunk, worker) -> runs.incrementAndGet(), 8);
            assertThat(runs).hasValue(8);
        }
    }

    @Test
    void aTeamOfNobodyIsRefused() {
        assertThatThrownBy(() -> new ComputeTeam(0, () -> {})).hasMessageContaining("0 threads; expected 1 or more");
    }
}
