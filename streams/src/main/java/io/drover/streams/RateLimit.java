package io.drover.streams;

/** A bucket of bytes that fills at a rate and holds a fiftieth of a second's, or one frame: what was not used is not saved up. */
final class RateLimit {
    private static final long SECOND_NS = 1_000_000_000L;
    private static final int BUCKETS_PER_SECOND = 50;

    private final double bytesPerNs;
    private final double most;
    private double bytes;
    private long filledNs;

    RateLimit(final long bytesPerSecond, final int frameLength, final long nowNs) {
        bytesPerNs = (double) bytesPerSecond / SECOND_NS;
        most = Math.max(frameLength, (double) bytesPerSecond / BUCKETS_PER_SECOND);
        filledNs = nowNs;
    }

    /** Whether so many bytes may go now; takes them if so. */
    boolean tryTake(final int length, final long nowNs) {
        bytes = Math.min(most, bytes + (nowNs - filledNs) * bytesPerNs);
        filledNs = nowNs;
        if (bytes < length) {
            return false;
        }
        bytes -= length;
        return true;
    }
}
