package io.drover.streams;

import static org.agrona.BitUtil.SIZE_OF_INT;
import static org.agrona.BitUtil.SIZE_OF_LONG;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * Who keeps the pages of a sequence, and how many.
 *
 * <pre>
 * kind      from    to        value
 * KEPT_BY   home    gateway   node id of the buddy that has pages, or will
 * RESUME    buddy   home      pages that it has: the next one did not come whole
 * DROPPED   buddy   home      0: it has none and takes no more
 *
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
 *  |                     Kind                                      | 76
 *  +---------------------------------------------------------------+
 *  |                     Value                                     | 80
 *  +---------------------------------------------------------------+
 *  |                     Reserved, zero                            | 84
 *  +---------------------------------------------------------------+
 * </pre>
 */
public final class BuddyFrame extends FrameHeader {
    public static final int KEPT_BY = 1;
    public static final int RESUME = 2;
    public static final int DROPPED = 3;

    public static final int REQUEST_KEY_OFFSET = HEADER_LENGTH;
    public static final int OWNER_TERM_OFFSET = REQUEST_KEY_OFFSET + SIZE_OF_LONG;
    public static final int GATEWAY_OFFSET = OWNER_TERM_OFFSET + SIZE_OF_LONG;
    public static final int KIND_OFFSET = GATEWAY_OFFSET + SIZE_OF_INT;
    public static final int VALUE_OFFSET = KIND_OFFSET + SIZE_OF_INT;
    public static final int FRAME_LENGTH = VALUE_OFFSET + 2 * SIZE_OF_INT;

    @Override
    public BuddyFrame wrap(final DirectBuffer frame, final int frameOffset) {
        super.wrap(frame, frameOffset);
        return this;
    }

    /** Writes the frame. */
    public BuddyFrame begin(final int gatewayNodeId, final long requestKey, final long ownerTerm, final int kind,
            final int value) {
        final MutableDirectBuffer target = beginFrame(FrameType.BUDDY, FRAME_LENGTH);
        target.putLong(offset + REQUEST_KEY_OFFSET, requestKey, ORDER);
        target.putLong(offset + OWNER_TERM_OFFSET, ownerTerm, ORDER);
        target.putInt(offset + GATEWAY_OFFSET, gatewayNodeId, ORDER);
        target.putInt(offset + KIND_OFFSET, kind, ORDER);
        target.putInt(offset + VALUE_OFFSET, value, ORDER);
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

    /** {@link #KEPT_BY}, {@link #RESUME} or {@link #DROPPED}. */
    public int kind() {
        return intAt(KIND_OFFSET);
    }

    public int value() {
        return intAt(VALUE_OFFSET);
    }

    static boolean isWellFormed(final DirectBuffer frame, final int frameOffset, final int length) {
        if (length != FRAME_LENGTH) {
            return false;
        }
        final int kind = frame.getInt(frameOffset + KIND_OFFSET, ORDER);
        return kind >= KEPT_BY && kind <= DROPPED && frame.getInt(frameOffset + VALUE_OFFSET, ORDER) >= 0
                && frame.getInt(frameOffset + GATEWAY_OFFSET, ORDER) >= 0;
    }
}
