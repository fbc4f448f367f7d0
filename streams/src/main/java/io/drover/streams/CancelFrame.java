package io.drover.streams;

import static org.agrona.BitUtil.SIZE_OF_LONG;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * Nobody reads this sequence any more: its home frees it.
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
 * </pre>
 */
public final class CancelFrame extends FrameHeader {
    public static final int REQUEST_KEY_OFFSET = HEADER_LENGTH;
    public static final int OWNER_TERM_OFFSET = REQUEST_KEY_OFFSET + SIZE_OF_LONG;
    public static final int FRAME_LENGTH = OWNER_TERM_OFFSET + SIZE_OF_LONG;

    @Override
    public CancelFrame wrap(final DirectBuffer frame, final int frameOffset) {
        super.wrap(frame, frameOffset);
        return this;
    }

    /** Writes the frame. */
    public CancelFrame begin(final long requestKey, final long ownerTerm) {
        final MutableDirectBuffer target = beginFrame(FrameType.CANCEL, FRAME_LENGTH);
        target.putLong(offset + REQUEST_KEY_OFFSET, requestKey, ORDER);
        target.putLong(offset + OWNER_TERM_OFFSET, ownerTerm, ORDER);
        return this;
    }

    public long requestKey() {
        return longAt(REQUEST_KEY_OFFSET);
    }

    public long ownerTerm() {
        return longAt(OWNER_TERM_OFFSET);
    }

    static boolean isWellFormed(final int length) {
        return length == FRAME_LENGTH;
    }
}
