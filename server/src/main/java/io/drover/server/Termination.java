package io.drover.server;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** The wish to end the process, by a signal or from within, and the time that an orderly end may take. Thread-safe. */
final class Termination {
    private final CountDownLatch requested = new CountDownLatch(1);
    private final CountDownLatch finished = new CountDownLatch(1);
    private final boolean ownsProcess;
    private volatile int exitCode;

    /** @param ownsProcess whether signals to this JVM mean this; false where it runs inside of something else */
    Termination(final boolean ownsProcess) {
        this.ownsProcess = ownsProcess;
    }

    /**
     * Takes over SIGINT and SIGTERM: the JVM ends when {@link #finish} has been called, with its code, or after {@code limit} with 1.
     */
    void watchSignals(final Duration limit) {
        if (!ownsProcess) {
            return;
        }
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            requested.countDown();
            boolean orderly = false;
            try {
                orderly = finished.await(limit.toMillis(), TimeUnit.MILLISECONDS);
            } catch (final InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            // Without this a process that has ended in order would report the signal.
            Runtime.getRuntime().halt(orderly ? exitCode : 1);
        }, "drover-shutdown"));
    }

    void request() {
        requested.countDown();
    }

    boolean isRequested() {
        return requested.getCount() == 0;
    }

    void await() throws InterruptedException {
        requested.await();
    }

    /** Whether the end was asked for within the time. */
    boolean await(final Duration limit) throws InterruptedException {
        return requested.await(limit.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** The orderly end is done; the process may leave. */
    void finish(final int code) {
        exitCode = code;
        finished.countDown();
    }
}
