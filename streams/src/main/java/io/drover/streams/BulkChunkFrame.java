package io.drover.streams;

import static org.agrona.BitUtil.SIZE_OF_LONG;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * Bytes {@code [position, position + n)} of a transfer of {@code total} bytes; n is what is left of the frame, at least 1.
 *
 * <pre>
 *  +---------------------------------------------------------------+
 *  |                     Header, 56 bytes                          |  0
 *  +---------------------------------------------------------------+
 *  |                     Transfer, the receiver's number           | 56
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |                     Position                                  | 64
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |                     Total                                     | 72
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |                     Bytes                                    ... 80
 * </pre>
 */
public final class BulkChunkFrame extends FrameHeader {
    public static final int TRANSFER_OFFSET = HEADER_LENGTH;
    public static final int POSITION_OFFSET = TRANSFER_OFFSET + SIZE_OF_LONG;
    public static final int TOTAL_OFFSET = POSITION_OFFSET + SIZE_OF_LONG;
    public static final int BYTES_OFFSET = TOTAL_OFFSET + SIZE_OF_LONG;

    @Override
    public BulkChunkFrame wrap(final DirectBuffer frame, final int frameOffset) {
        super.wrap(frame, frameOffset);
        return this;
    }

    /** Writes the frame. */
    public BulkChunkFrame begin(final long transfer, final long position, final long total, final byte[] bytes,
            final int length) {
        final MutableDirectBuffer target = beginFrame(FrameType.BULK_CHUNK, BYTES_OFFSET);
        target.putLong(offset + TRANSFER_OFFSET, transfer, ORDER);
        target.putLong(offset + POSITION_OFFSET, position, ORDER);
        target.putLong(offset + TOTAL_OFFSET, total, ORDER);
        target.putBytes(offset + BYTES_OFFSET, bytes, 0, length);
        encodedLength(BYTES_OFFSET + length);
        return this;
    }

    public long transfer() {
        return longAt(TRANSFER_OFFSET);
    }

    public long position() {
        return longAt(POSITION_OFFSET);
    }

    public long total() {
        return longAt(TOTAL_OFFSET);
    }

    /** A copy of the bytes. */
    public byte[] bytes() {
        final byte[] copy = new byte[encodedLength() - BYTES_OFFSET];
        buffer.getBytes(offset + BYTES_OFFSET, copy);
        return copy;
    }

    static boolean isWellFormed(final DirectBuffer frame, final int frameOffset, final int length) {
        if (length <= BYTES_OFFSET) {
            return false;
        }
        final long position = frame.getLong(frameOffset + POSITION_OFFSET, ORDER);
        final long total = frame.getLong(frameOffset + TOTAL_OFFSET, ORDER);
        return position >= 0 && position < total && length - BYTES_OFFSET <= total - position;
    }
}
