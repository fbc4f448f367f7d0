package io.drover.streams;

import static org.agrona.BitUtil.SIZE_OF_INT;
import static org.agrona.BitUtil.SIZE_OF_LONG;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * From a home to a buddy, in the background, so that it comes after the pages: they need not be kept.
 *
 * <pre>
 *  +---------------------------------------------------------------+
 *  |                     Header, 56 bytes                          |  0
 *  +---------------------------------------------------------------+
 *  |                     Request key                               | 56
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |                     Owner term                                | 64
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |                     Gateway's node id                         | 72
 *  +---------------------------------------------------------------+
 *  |                     Reserved, zero                            | 76
 *  +---------------------------------------------------------------+
 * </pre>
 */
public final class KvReleaseFrame extends FrameHeader {
    public static final int REQUEST_KEY_OFFSET = HEADER_LENGTH;
    public static final int OWNER_TERM_OFFSET = REQUEST_KEY_OFFSET + SIZE_OF_LONG;
    public static final int GATEWAY_OFFSET = OWNER_TERM_OFFSET + SIZE_OF_LONG;
    public static final int FRAME_LENGTH = GATEWAY_OFFSET + 2 * SIZE_OF_INT;

    @Override
    public KvReleaseFrame wrap(final DirectBuffer frame, final int frameOffset) {
        super.wrap(frame, frameOffset);
        return this;
    }

    /** Writes the frame. */
    public KvReleaseFrame begin(final int gatewayNodeId, final long requestKey, final long ownerTerm) {
        final MutableDirectBuffer target = beginFrame(FrameType.KV_RELEASE, FRAME_LENGTH);
        target.putLong(offset + REQUEST_KEY_OFFSET, requestKey, ORDER);
        target.putLong(offset + OWNER_TERM_OFFSET, ownerTerm, ORDER);
        target.putInt(offset + GATEWAY_OFFSET, gatewayNodeId, ORDER);
        return this;
    }

    public long requestKey() {
        return longAt(REQUEST_KEY_OFFSET);
    }

    public long ownerTerm() {
        return longAt(OWNER_TERM_OFFSET);
    }

    public int gatewayNodeId() {
        return intAt(GATEWAY_OFFSET);
    }

    static boolean isWellFormed(final DirectBuffer frame, final int frameOffset, final int length) {
        return length == FRAME_LENGTH && frame.getInt(frameOffset + GATEWAY_OFFSET, ORDER) >= 0;
    }
}
