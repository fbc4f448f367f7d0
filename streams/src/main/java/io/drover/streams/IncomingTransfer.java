package io.drover.streams;

/**
 * The receiving end of a transfer, without clock or wire: each call returns what to do. The receiver drives: the sender sends what it was
 * asked for and remembers nothing else.
 *
 * <pre>
 *  chunk at our position     handed on; the last one ends the transfer
 *  chunk behind it           a repetition: ignored
 *  chunk beyond it           something was lost: asked again from our position, once for each loss
 *  bytes consumed            when half of the window is free, the limit is raised
 *  silence for ask-again     asked again
 *  no progress for give-up   failed; time in which the consumer left no room does not count
 * </pre>
 */
final class IncomingTransfer {
    /** What to do; several may be set at once. */
    static final int NOTHING = 0;
    static final int ASK = 1;
    static final int HAND_ON = 2;
    static final int COMPLETE = 4;
    static final int FAIL = 8;

    private static final long UNKNOWN = -1;

    private final int window;
    private final long askAgainNs;
    private final long giveUpNs;
    private long position;
    private long consumed;
    private long limit;
    private long total = UNKNOWN;
    private int round;
    private long lossAt = UNKNOWN;
    private long heardNs;
    private long progressNs;
    private boolean ended;
    private String problem = "";

    IncomingTransfer(final int window, final long askAgainNs, final long giveUpNs, final long nowNs) {
        this.window = window;
        this.askAgainNs = askAgainNs;
        this.giveUpNs = giveUpNs;
        limit = window;
        heardNs = nowNs;
        progressNs = nowNs;
    }

    /** Bytes {@code [from, from + length)} of {@code ofTotal} arrived. */
    int onChunk(final long from, final int length, final long ofTotal, final long nowNs) {
        if (ended) {
            return NOTHING;
        }
        if (total == UNKNOWN) {
            total = ofTotal;
        }
        if (ofTotal != total || from + length > limit) {
            return fail(ofTotal != total
                    ? "the length changed from " + total + " to " + ofTotal + " bytes"
                    : "the peer sent byte " + (from + length) + " where " + limit + " were asked for");
        }
        heardNs = nowNs;
        if (from > position) {
            if (lossAt == position) {
                return NOTHING;
            }
            lossAt = position;
            round++;
            return ASK;
        }
        if (from < position) {
            return NOTHING;
        }
        position += length;
        progressNs = nowNs;
        ended = position == total;
        return ended ? HAND_ON | COMPLETE : HAND_ON;
    }

    /** The consumer has taken so many bytes since the start. */
    int onConsumed(final long bytes, final long nowNs) {
        if (ended || bytes <= consumed) {
            return NOTHING;
        }
        if (position == limit) {
            progressNs = nowNs;
        }
        consumed = bytes;
        if (consumed + window - limit < window / 2) {
            return NOTHING;
        }
        limit = consumed + window;
        return ASK;
    }

    /** The sender ends it. */
    int onRefused(final String reason) {
        return ended ? NOTHING : fail(reason);
    }

    /** Time has passed. */
    int onTick(final long nowNs) {
        if (ended) {
            return NOTHING;
        }
        if (position < limit && nowNs - progressNs >= giveUpNs) {
            return fail("no progress for " + giveUpNs / 1_000_000 + " ms at byte " + position);
        }
        if (nowNs - heardNs < askAgainNs) {
            return NOTHING;
        }
        heardNs = nowNs;
        lossAt = UNKNOWN;
        round++;
        return ASK;
    }

    /** Bytes that have arrived in order. */
    long position() {
        return position;
    }

    long limit() {
        return limit;
    }

    int round() {
        return round;
    }

    /** Why it failed. */
    String problem() {
        return problem;
    }

    private int fail(final String why) {
        ended = true;
        problem = why;
        return FAIL;
    }
}
