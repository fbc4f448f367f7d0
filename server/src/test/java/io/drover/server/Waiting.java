package io.drover.server;

import java.time.Duration;
import java.util.concurrent.Callable;

import org.awaitility.Awaitility;

/** Waits for what another thread will do. */
final class Waiting {
    private Waiting() {}

    static void until(final Callable<Boolean> condition) {
        until(Duration.ofSeconds(10), condition);
    }

    static void until(final Duration limit, final Callable<Boolean> condition) {
        Awaitility.await().atMost(limit).pollInterval(Duration.ofMillis(5)).until(condition);
    }
}
