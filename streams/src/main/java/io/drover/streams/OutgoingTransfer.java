package io.drover.streams;

/**
 * The sending end of a transfer, without clock or wire. What is asked for is sent, once for each round; it is forgotten when the receiver
 * stops it or has not asked for {@code forgetNs}. Nothing is sent before it is opened.
 */
final class OutgoingTransfer {
    private final long forgetNs;
    private long total;
    private long position;
    private long limit;
    private int round;
    private long askedNs;

    OutgoingTransfer(final long forgetNs, final long position, final long limit, final int round, final long nowNs) {
        this.forgetNs = forgetNs;
        this.position = position;
        this.limit = limit;
        this.round = round;
        askedNs = nowNs;
    }

    /** Its length is known. */
    void opened(final long length) {
        total = length;
    }

    /** The receiver has {@code from} bytes and may be sent up to {@code upTo}. */
    void onAsk(final long from, final long upTo, final int inRound, final long nowNs) {
        askedNs = nowNs;
        limit = Math.max(limit, upTo);
        if (inRound > round) {
            round = inRound;
            position = from;
        }
    }

    /** Bytes to send from {@link #position()}, at most {@code most}; 0 for none. */
    int next(final int most) {
        return (int) Math.max(0, Math.min(most, Math.min(limit, total) - position));
    }

    void sent(final int length) {
        position += length;
    }

    boolean forgotten(final long nowNs) {
        return nowNs - askedNs >= forgetNs;
    }

    long position() {
        return position;
    }

    long total() {
        return total;
    }
}
