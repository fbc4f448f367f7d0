package io.drover.streams;

import static org.agrona.BitUtil.SIZE_OF_INT;
import static org.agrona.BitUtil.SIZE_OF_LONG;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * Generated token ids, from a sequence's home to its gateway. The gateway drops lower owner terms and indexes it has seen.
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
 *  |                     Index of the first id, from 0             | 72
 *  +---------------------------------------------------------------+
 *  |                     Ids                                       | 76
 *  +===============================================================+
 *  |                     Id                                        | 80, each
 *  +---------------------------------------------------------------+
 * </pre>
 */
public final class TokenFrame extends FrameHeader {
    public static final int REQUEST_KEY_OFFSET = HEADER_LENGTH;
    public static final int OWNER_TERM_OFFSET = REQUEST_KEY_OFFSET + SIZE_OF_LONG;
    public static final int FIRST_INDEX_OFFSET = OWNER_TERM_OFFSET + SIZE_OF_LONG;
    public static final int COUNT_OFFSET = FIRST_INDEX_OFFSET + SIZE_OF_INT;
    public static final int IDS_OFFSET = COUNT_OFFSET + SIZE_OF_INT;

    @Override
    public TokenFrame wrap(final DirectBuffer frame, final int frameOffset) {
        super.wrap(frame, frameOffset);
        return this;
    }

    /** Starts a frame without ids. */
    public TokenFrame begin(final long requestKey, final long ownerTerm, final int firstIndex) {
        final MutableDirectBuffer target = beginFrame(FrameType.TOKEN, IDS_OFFSET);
        target.putLong(offset + REQUEST_KEY_OFFSET, requestKey, ORDER);
        target.putLong(offset + OWNER_TERM_OFFSET, ownerTerm, ORDER);
        target.putInt(offset + FIRST_INDEX_OFFSET, firstIndex, ORDER);
        return this;
    }

    public TokenFrame addId(final int id) {
        final MutableDirectBuffer target = writable();
        final int length = encodedLength();
        target.putInt(offset + length, id, ORDER);
        target.putInt(offset + COUNT_OFFSET, count() + 1, ORDER);
        encodedLength(length + SIZE_OF_INT);
        return this;
    }

    public long requestKey() {
        return longAt(REQUEST_KEY_OFFSET);
    }

    public long ownerTerm() {
        return longAt(OWNER_TERM_OFFSET);
    }

    public int firstIndex() {
        return intAt(FIRST_INDEX_OFFSET);
    }

    public int count() {
        return intAt(COUNT_OFFSET);
    }

    public int id(final int index) {
        return intAt(IDS_OFFSET + index * SIZE_OF_INT);
    }

    static boolean isWellFormed(final DirectBuffer frame, final int frameOffset, final int length) {
        if (length < IDS_OFFSET) {
            return false;
        }
        final int count = frame.getInt(frameOffset + COUNT_OFFSET, ORDER);
        return count >= 0 && frame.getInt(frameOffset + FIRST_INDEX_OFFSET, ORDER) >= 0
                && IDS_OFFSET + (long) count * SIZE_OF_INT == length;
    }
}
