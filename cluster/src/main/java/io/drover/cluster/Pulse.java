package io.drover.cluster;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Whether the coordinator, if it is on this node, still handles messages. It alone cannot be replaced while its node lives, so that a node
 * whose coordinator has come to a stop has to go. Counted in checks, not in time: where the whole process stood still, nobody missed any.
 */
final class Pulse {
    /** Checks in a row without a sign of life after which it has stopped. */
    static final int CHECKS = 10;

    private final AtomicLong beats = new AtomicLong();
    private volatile boolean here;
    private long seen;
    private int missed;

    /** The coordinator has handled a message. */
    void beat() {
        here = true;
        beats.incrementAndGet();
    }

    /** It is on this node no more. */
    void gone() {
        here = false;
    }

    /** To be called by one thread, at equal intervals. @return whether the coordinator is here and has stopped */
    boolean check() {
        final long now = beats.get();
        missed = here && now == seen ? missed + 1 : 0;
        seen = now;
        return missed >= CHECKS;
    }
}
