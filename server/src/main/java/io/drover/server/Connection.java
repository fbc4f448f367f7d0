package io.drover.server;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** One client's connection: when it closes, its requests are cut. Thread-safe. */
final class Connection {
    private final Set<Lifeline> lives = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    /** A request has come. */
    Lifeline begin() {
        final Lifeline life = new Lifeline();
        lives.add(life);
        life.onEnd(() -> lives.remove(life));
        if (closed) {
            end(life);
        }
        return life;
    }

    /** The client has gone. */
    void close() {
        closed = true;
        lives.forEach(Connection::end);
    }

    private static void end(final Lifeline life) {
        life.cut(new Lifeline.ClientGone());
        life.end();
    }
}
