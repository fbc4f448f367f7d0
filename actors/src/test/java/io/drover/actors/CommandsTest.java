package io.drover.actors;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.Test;

/** A command that was taken is run, whenever the thread that runs them ends. */
class CommandsTest {
    @Test
    void everyCommandThatWasTakenIsRunOnce() throws Exception {
        for (int round = 0; round < 200; round++) {
            final Commands commands = new Commands();
            final AtomicInteger run = new AtomicInteger();
            final CompletableFuture<Integer> taken = CompletableFuture.supplyAsync(() -> {
                int count = 0;
                while (commands.add(run::incrementAndGet)) {
                    count++;
                }
                return count;
            });
            for (int turn = 0; turn < 10; turn++) {
                commands.run();
            }
            commands.close();
            assertThat(run.get()).isEqualTo(taken.get(30, TimeUnit.SECONDS));
        }
    }

    @Test
    void oneThatFailsAtTheEndLeavesTheOthersTheirTurn() {
        final Commands commands = new Commands();
        final AtomicInteger run = new AtomicInteger();
        commands.add(() -> {
            throw new IllegalStateException("for this test");
        });
        commands.add(run::incrementAndGet);
        commands.close();
        assertThat(run.get()).isEqualTo(1);
        assertThat(commands.add(run::incrementAndGet)).isFalse();
    }
}
