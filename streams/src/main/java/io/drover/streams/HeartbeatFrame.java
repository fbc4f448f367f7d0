package io.drover.streams;

import org.agrona.DirectBuffer;

/**
 * A header and nothing else: the sender's engine is alive, and had nothing else to say for a heartbeat interval.
 *
 * <pre>
 *  +---------------------------------------------------------------+
 *  |                     Header, 56 bytes                          |  0
 *  +---------------------------------------------------------------+
 * </pre>
 */
public final class HeartbeatFrame extends FrameHeader {
    public static final int FRAME_LENGTH = HEADER_LENGTH;

    @Override
    public HeartbeatFrame wrap(final DirectBuffer frame, final int frameOffset) {
        super.wrap(frame, frameOffset);
        return this;
    }

    /** Writes the frame. */
    public HeartbeatFrame begin() {
        beginFrame(FrameType.HEARTBEAT, FRAME_LENGTH);
        return this;
    }

    static boolean isWellFormed(final int length) {
        return length == FRAME_LENGTH;
    }
}
