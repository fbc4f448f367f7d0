package io.drover.streams;

import com.typesafe.config.Config;

/**
 * Settings of the bulk plane: {@code drover.streams.bulk} of the configuration, where each key is explained.
 *
 * @param rate          bytes per second that a node sends, all transfers together
 * @param frameLength   bytes of the largest frame, header included
 * @param windowLength  bytes of one transfer that may be under way or unread
 * @param maxTransfers  that a node sends at once, and that it receives at once
 * @param askAgainNs    without news of a transfer, after which its receiver asks again
 * @param giveUpNs      without progress of a transfer, after which it has failed
 */
public record BulkSettings(long rate, int frameLength, int windowLength, int maxTransfers, long askAgainNs, long giveUpNs) {
    private static final int FRAME_MIN = 4 << 10;
    private static final int FRAME_MAX = 1 << 20;
    private static final long HEARTBEAT_NS = 2_000_000_000L;

    public BulkSettings {
        if (rate < FRAME_MIN) {
            throw new IllegalArgumentException("bulk.rate is " + rate + "; expected at least " + FRAME_MIN);
        }
        if (windowLength < 2 * frameLength) {
            throw new IllegalArgumentException(
                    "bulk.window is " + windowLength + "; expected at least two frames, " + 2 * frameLength);
        }
        if (giveUpNs < 2 * askAgainNs) {
            throw new IllegalArgumentException("bulk.give-up is " + giveUpNs / 1_000_000
                    + " ms; expected at least twice bulk.ask-again, " + 2 * askAgainNs / 1_000_000 + " ms");
        }
    }

    /**
     * @param root a resolved configuration that includes the reference configuration
     * @throws IllegalArgumentException naming key, value and expectation
     */
    public static BulkSettings from(final Config root) {
        final Settings settings = new Settings(root, "drover.streams.bulk");
        return new BulkSettings(root.getBytes("drover.streams.bulk.rate"), settings.bytes("frame", FRAME_MIN, FRAME_MAX),
                settings.bytes("window", 2 * FRAME_MIN, 1 << 30), settings.count("max-transfers", 1, 1024),
                settings.durationNs("ask-again", 10, 60_000), settings.durationNs("give-up", 20, 600_000));
    }

    /** Bytes of a transfer that one frame carries. */
    int chunkLength() {
        return frameLength - BulkChunkFrame.BYTES_OFFSET;
    }

    /** The data plane's settings with logs and queues that fit these frames. Silence means nothing here: suspicion is the token plane's. */
    DataPlaneSettings plane(final DataPlaneSettings tokens) {
        final int term = TermPlan.termLengthFor(frameLength);
        // Twice what eight frames take, because a frame waits with its time before it.
        return new DataPlaneSettings(tokens.aeronDirectory(), frameLength, term, tokens.mtuLength(), 2 * term,
                tokens.parkDeadlineNs(), HEARTBEAT_NS, 3 * HEARTBEAT_NS, tokens.driverTimeoutNs(), tokens.sharedSecretEnv());
    }
}
