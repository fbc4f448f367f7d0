package io.drover.server;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * One request from its head to the last byte of its answer. It may be cut early, because its client is gone or its deadline has
 * passed; the first reason counts. Thread-safe.
 */
final class Lifeline {
    private final CompletableFuture<RuntimeException> cut = new CompletableFuture<>();
    private final CompletableFuture<Void> end = new CompletableFuture<>();

    /** Stops the request; its end follows when its answer, if there still is one, has gone out. */
    void cut(final RuntimeException reason) {
        if (!end.isDone()) {
            cut.complete(reason);
        }
    }

    /** The answer is complete, or there will be none. */
    void end() {
        end.complete(null);
    }

    /** Runs the action when the request is cut, at once if it has been. */
    void onCut(final Consumer<RuntimeException> action) {
        cut.thenAccept(action);
    }

    /** Runs the action once, when the request is over. */
    void onEnd(final Runnable action) {
        end.thenRun(action);
    }

    /** The client closed its connection. */
    static final class ClientGone extends RuntimeException {
        static final String CODE = "client_gone";
        private static final long serialVersionUID = 1L;

        ClientGone() {
            super("the client closed its connection", null, false, false);
        }
    }

    /** The client left its stream unread. */
    static final class ClientSlow extends RuntimeException {
        private static final long serialVersionUID = 1L;

        ClientSlow(final Duration deadline) {
            super("the client read nothing for " + deadline.toSeconds() + " s", null, false, false);
        }
    }
}
