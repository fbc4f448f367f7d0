package io.drover.streams;

import static org.agrona.BitUtil.SIZE_OF_INT;
import static org.agrona.BitUtil.SIZE_OF_LONG;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * A gateway asks a home to send a sequence's tokens again from an index. The home answers with {@link TokenFrame}s and an
 * {@link EndFrame} where it has ended, or with an {@link EndFrame#UNKNOWN} end.
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
 *  |                     Index of the first token wanted           | 72
 *  +---------------------------------------------------------------+
 *  |                     Reserved, zero                            | 76
 *  +---------------------------------------------------------------+
 * </pre>
 */
public final class SyncFrame extends FrameHeader {
    public static final int REQUEST_KEY_OFFSET = HEADER_LENGTH;
    public static final int OWNER_TERM_OFFSET = REQUEST_KEY_OFFSET + SIZE_OF_LONG;
    public static final int NEXT_INDEX_OFFSET = OWNER_TERM_OFFSET + SIZE_OF_LONG;
    public static final int FRAME_LENGTH = NEXT_INDEX_OFFSET + 2 * SIZE_OF_INT;

    @Override
    public SyncFrame wrap(final DirectBuffer frame, final int frameOffset) {
        super.wrap(frame, frameOffset);
        return this;
    }

    /** Writes the frame. */
    public SyncFrame begin(final long requestKey, final long ownerTerm, final int nextIndex) {
        final MutableDirectBuffer target = beginFrame(FrameType.SYNC, FRAME_LENGTH);
        target.putLong(offset + REQUEST_KEY_OFFSET, requestKey, ORDER);
        target.putLong(offset + OWNER_TERM_OFFSET, ownerTerm, ORDER);
        target.putInt(offset + NEXT_INDEX_OFFSET, nextIndex, ORDER);
        return this;
    }

    public long requestKey() {
        return longAt(REQUEST_KEY_OFFSET);
    }

    public long ownerTerm() {
        return longAt(OWNER_TERM_OFFSET);
    }

    public int nextIndex() {
        return intAt(NEXT_INDEX_OFFSET);
    }

    static boolean isWellFormed(final DirectBuffer frame, final int frameOffset, final int length) {
        return length == FRAME_LENGTH && frame.getInt(frameOffset + NEXT_INDEX_OFFSET, ORDER) >= 0;
    }
}
