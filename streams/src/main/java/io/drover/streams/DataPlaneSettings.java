package io.drover.streams;

import org.agrona.BitUtil;

import com.typesafe.config.Config;

/**
 * How a node uses the data plane: {@code drover.streams} of the configuration, where each key is explained.
 *
 * @param aeronDirectory      of the media driver; empty until {@link #withAeronDirectory} names it
 * @param largestFrameLength  bytes
 * @param termLength          bytes, a power of two, at least 8 times the largest frame
 * @param mtuLength           bytes; 0 to choose by the peer's address
 * @param peerQueueLength     bytes, a power of two, at least 8 times the largest frame
 * @param parkDeadlineNs      how long a frame may wait for its peer
 * @param heartbeatIntervalNs between frames to a peer
 * @param suspectAfterNs      since a peer was heard
 * @param driverTimeoutNs     how long the media driver may be silent
 * @param sharedSecretEnv     the environment variable of the shared secret; empty for no authentication
 */
public record DataPlaneSettings(String aeronDirectory, int largestFrameLength, int termLength, int mtuLength, int peerQueueLength,
        long parkDeadlineNs, long heartbeatIntervalNs, long suspectAfterNs, long driverTimeoutNs, String sharedSecretEnv) {
    static final int LARGEST_FRAME_MAX = 16 << 20;
    static final int TERM_MIN = 64 << 10;
    static final int TERM_MAX = 1 << 30;
    static final int MTU_MAX = 65_504;
    /** Aeron's longest message is this part of a term; its ring buffers have the same rule. */
    static final int MESSAGES_PER_TERM = 8;

    /** Of the logs of what may wait: small, because such frames are refused rather than queued. */
    static final int BACKGROUND_TERM_LENGTH = 256 << 10;

    private static final int LARGEST_FRAME_MIN = 1024;
    /** One fragment over shared memory: an eighth of a term holds it with Aeron's header. */
    private static final int BACKGROUND_FRAME_MAX = 31 << 10;

    public DataPlaneSettings {
        if (!BitUtil.isPowerOfTwo(termLength) || termLength < TERM_MIN || termLength > TERM_MAX) {
            throw new IllegalArgumentException(
                    "term-length is " + termLength + "; expected a power of two from " + TERM_MIN + " to " + TERM_MAX);
        }
        if ((long) largestFrameLength * MESSAGES_PER_TERM > termLength) {
            throw new IllegalArgumentException(
                    "largest-frame is " + largestFrameLength + "; expected at most an eighth of term-length, "
                            + termLength / MESSAGES_PER_TERM);
        }
        if (mtuLength != 0 && (mtuLength % 32 != 0 || mtuLength < 1024 || mtuLength > MTU_MAX)) {
            throw new IllegalArgumentException("mtu is " + mtuLength + "; expected a multiple of 32 from 1024 to " + MTU_MAX);
        }
        if (suspectAfterNs < 3 * heartbeatIntervalNs) {
            throw new IllegalArgumentException("suspect-after is " + suspectAfterNs / 1_000_000
                    + " ms; expected at least three heartbeat intervals, " + 3 * heartbeatIntervalNs / 1_000_000 + " ms");
        }
        if (!BitUtil.isPowerOfTwo(peerQueueLength) || peerQueueLength < (long) MESSAGES_PER_TERM * largestFrameLength) {
            throw new IllegalArgumentException("peer-queue is " + peerQueueLength
                    + "; expected a power of two of at least 8 times largest-frame, "
                    + MESSAGES_PER_TERM * (long) largestFrameLength);
        }
    }

    /**
     * Reads {@code drover.streams}.
     *
     * @param root a resolved configuration that includes the reference configuration
     * @throws IllegalArgumentException naming key, value and expectation
     */
    public static DataPlaneSettings from(final Config root) {
        final Settings settings = new Settings(root, "drover.streams");
        final int largestFrame = settings.bytes("largest-frame", LARGEST_FRAME_MIN, LARGEST_FRAME_MAX);
        final int term = settings.bytesOrAuto("term-length", TERM_MIN, TERM_MAX);
        final int queue = settings.bytes("peer-queue", TERM_MIN, TERM_MAX);
        return new DataPlaneSettings(settings.text("aeron-directory"), largestFrame,
                term == 0 ? TermPlan.termLengthFor(largestFrame) : term,
                settings.bytesOrAuto("mtu", 1024, MTU_MAX),
                BitUtil.findNextPositivePowerOfTwo(Math.max(queue, MESSAGES_PER_TERM * largestFrame)),
                settings.durationNs("park-deadline", 10, 60_000),
                settings.durationNs("heartbeat-interval", 1, 10_000),
                settings.durationNs("suspect-after", 3, 60_000),
                settings.durationNs("driver-timeout", 100, 120_000),
                settings.text("shared-secret-env"));
    }

    /** Bytes of the largest frame of {@link Links#offerInBackground}, header included. */
    public int largestBackgroundFrame() {
        return Math.min(BACKGROUND_FRAME_MAX, largestFrameLength);
    }

    /** These settings with the directory of a driver that was launched. */
    public DataPlaneSettings withAeronDirectory(final String directory) {
        return new DataPlaneSettings(directory, largestFrameLength, termLength, mtuLength, peerQueueLength, parkDeadlineNs,
                heartbeatIntervalNs, suspectAfterNs, driverTimeoutNs, sharedSecretEnv);
    }
}
