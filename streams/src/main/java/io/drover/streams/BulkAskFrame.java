package io.drover.streams;

import static org.agrona.BitUtil.SIZE_OF_INT;
import static org.agrona.BitUtil.SIZE_OF_LONG;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * A receiver asks for bytes {@code [position, limit)} of a named transfer. It carries all that the sender has to know, so that any of
 * them may be lost: it opens the transfer where the sender does not know it, raises the limit where it does, and makes the sender go back
 * to {@code position} where the round is higher than that of the last.
 *
 * <pre>
 *  +---------------------------------------------------------------+
 *  |                     Header, 56 bytes                          |  0
 *  +---------------------------------------------------------------+
 *  |                     Transfer, the receiver's number           | 56
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |                     Position: bytes that have arrived         | 64
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |                     Limit: bytes that may be sent             | 72
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |                     Round                                     | 80
 *  +---------------------------------------------------------------+
 *  |                     Bytes of the name, at most 1024           | 84
 *  +---------------------------------------------------------------+
 *  |                     Name, UTF-8                              ... 88
 * </pre>
 */
public final class BulkAskFrame extends FrameHeader {
    public static final int TRANSFER_OFFSET = HEADER_LENGTH;
    public static final int POSITION_OFFSET = TRANSFER_OFFSET + SIZE_OF_LONG;
    public static final int LIMIT_OFFSET = POSITION_OFFSET + SIZE_OF_LONG;
    public static final int ROUND_OFFSET = LIMIT_OFFSET + SIZE_OF_LONG;
    public static final int NAME_LENGTH_OFFSET = ROUND_OFFSET + SIZE_OF_INT;
    public static final int NAME_OFFSET = NAME_LENGTH_OFFSET + SIZE_OF_INT;

    @Override
    public BulkAskFrame wrap(final DirectBuffer frame, final int frameOffset) {
        super.wrap(frame, frameOffset);
        return this;
    }

    /** Writes the frame. A name of more than {@link Text#MAX_BYTES} is cut. */
    public BulkAskFrame begin(final long transfer, final long position, final long limit, final int round, final String name) {
        final MutableDirectBuffer target = beginFrame(FrameType.BULK_ASK, NAME_OFFSET);
        target.putLong(offset + TRANSFER_OFFSET, transfer, ORDER);
        target.putLong(offset + POSITION_OFFSET, position, ORDER);
        target.putLong(offset + LIMIT_OFFSET, limit, ORDER);
        target.putInt(offset + ROUND_OFFSET, round, ORDER);
        final int length = Text.write(name, target, offset + NAME_OFFSET);
        target.putInt(offset + NAME_LENGTH_OFFSET, length, ORDER);
        encodedLength(NAME_OFFSET + length);
        return this;
    }

    public long transfer() {
        return longAt(TRANSFER_OFFSET);
    }

    public long position() {
        return longAt(POSITION_OFFSET);
    }

    public long limit() {
        return longAt(LIMIT_OFFSET);
    }

    public int round() {
        return intAt(ROUND_OFFSET);
    }

    public String name() {
        return Text.read(buffer, offset + NAME_OFFSET, intAt(NAME_LENGTH_OFFSET));
    }

    static boolean isWellFormed(final DirectBuffer frame, final int frameOffset, final int length) {
        if (length < NAME_OFFSET) {
            return false;
        }
        final long position = frame.getLong(frameOffset + POSITION_OFFSET, ORDER);
        final long limit = frame.getLong(frameOffset + LIMIT_OFFSET, ORDER);
        final int nameLength = frame.getInt(frameOffset + NAME_LENGTH_OFFSET, ORDER);
        return position >= 0 && limit >= position && nameLength >= 0 && nameLength <= Text.MAX_BYTES
                && NAME_OFFSET + nameLength == length;
    }
}
