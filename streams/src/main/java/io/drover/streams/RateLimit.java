package io.drover.streams;

/** A bucket of bytes that fills at a rate and holds a fiftieth of a second's, or one frame: what was not used is not saved up. */
public final class RateLimit {
    private static final long SECOND_NS = 1_000_000_000L;
    private static final int BUCKETS_PER_SECOND = 50;

    private final double bytesPerNs;
    private final double most;
    private double bytes;
    private long filledNs;

    /**
     * @param frameLength bytes that the bucket can always hold
     * @param nowNs       when it is empty
     */
    public RateLimit(final long bytesPerSecond, final int frameLength, final long nowNs) {
        bytesPerNs = (double) bytesPerSecond / SECOND_NS;
        most = Math.max(frameLength, (double) bytesPerSecond / BUCKETS_PER_SECOND);
        filledNs = nowNs;
    }

    /** Whether so many bytes may go now. */
    public boolean has(final int length, final long nowNs) {
        bytes = Math.min(most, bytes + Math.max(0, nowNs - filledNs) * bytesPerNs);
        filledNs = nowNs;
        return bytes >= length;
    }

    /** They went. */
    public void take(final int length) {
        bytes -= length;
    }

    /** Whether so many bytes may go now; takes them if so. */
    boolean tryTake(final int length, final long nowNs) {
        final boolean may = has(length, nowNs);
        if (may) {
            take(length);
        }
        return may;
    }
}
