package io.drover.server;

import java.time.Duration;
import java.util.concurrent.Callable;

import org.awaitility.Awaitility;

/** Waits for what another thread will do: long enough for a loaded machine where the time itself is not what is tested. */
final class Waiting {
    private Waiting() {}

    static void until(final Callable<Boolean> condition) {
        until(Duration.ofSeconds(60), condition);
    }

    static void until(final Duration limit, final Callable<Boolean> condition) {
        Awaitility.await().atMost(limit).pollInterval(Duration.ofMillis(5)).until(condition);
    }

    /**
     * The condition comes true within a second after the client that {@code prepare} gives is closed. A pause of the machine is no fault of the program, so up to three
     * attempts are made; each must come true in the end.
     */
    static void withinASecond(final Callable<? extends AutoCloseable> prepare, final Callable<Boolean> condition)
            throws Exception {
        Duration took = Duration.ZERO;
        for (int attempt = 0; attempt < 3; attempt++) {
            final AutoCloseable client = prepare.call();
            final long startNs = System.nanoTime();
            client.close();
            until(condition);
            took = Duration.ofNanos(System.nanoTime() - startNs);
            if (took.compareTo(Duration.ofSeconds(1)) <= 0) {
                return;
            }
        }
        throw new AssertionError("the last of three attempts took " + took.toMillis() + " ms; expected at most 1000");
    }
}
