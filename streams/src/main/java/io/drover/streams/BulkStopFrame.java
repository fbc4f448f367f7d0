package io.drover.streams;

import static org.agrona.BitUtil.SIZE_OF_INT;
import static org.agrona.BitUtil.SIZE_OF_LONG;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * One side ends a transfer: the receiver because it has all or wants no more, the sender because it cannot give it.
 *
 * <pre>
 *  +---------------------------------------------------------------+
 *  |                     Header, 56 bytes                          |  0
 *  +---------------------------------------------------------------+
 *  |                     Transfer, the receiver's number           | 56
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |                     1: the sender refuses, 0: the receiver    | 64
 *  +---------------------------------------------------------------+
 *  |                     Bytes of the reason, at most 1024         | 68
 *  +---------------------------------------------------------------+
 *  |                     Reason, UTF-8                            ... 72
 * </pre>
 */
public final class BulkStopFrame extends FrameHeader {
    public static final int TRANSFER_OFFSET = HEADER_LENGTH;
    public static final int BY_SENDER_OFFSET = TRANSFER_OFFSET + SIZE_OF_LONG;
    public static final int REASON_LENGTH_OFFSET = BY_SENDER_OFFSET + SIZE_OF_INT;
    public static final int REASON_OFFSET = REASON_LENGTH_OFFSET + SIZE_OF_INT;

    @Override
    public BulkStopFrame wrap(final DirectBuffer frame, final int frameOffset) {
        super.wrap(frame, frameOffset);
        return this;
    }

    /** Writes the frame. A reason of more than {@link Text#MAX_BYTES} is cut. */
    public BulkStopFrame begin(final long transfer, final boolean bySender, final String reason) {
        final MutableDirectBuffer target = beginFrame(FrameType.BULK_STOP, REASON_OFFSET);
        target.putLong(offset + TRANSFER_OFFSET, transfer, ORDER);
        target.putInt(offset + BY_SENDER_OFFSET, bySender ? 1 : 0, ORDER);
        final int length = Text.write(reason, target, offset + REASON_OFFSET);
        target.putInt(offset + REASON_LENGTH_OFFSET, length, ORDER);
        encodedLength(REASON_OFFSET + length);
        return this;
    }

    public long transfer() {
        return longAt(TRANSFER_OFFSET);
    }

    /** Whether the side that would send ended it; else the side that would receive. */
    public boolean bySender() {
        return intAt(BY_SENDER_OFFSET) != 0;
    }

    public String reason() {
        return Text.read(buffer, offset + REASON_OFFSET, intAt(REASON_LENGTH_OFFSET));
    }

    static boolean isWellFormed(final DirectBuffer frame, final int frameOffset, final int length) {
        if (length < REASON_OFFSET) {
            return false;
        }
        final int reasonLength = frame.getInt(frameOffset + REASON_LENGTH_OFFSET, ORDER);
        return reasonLength >= 0 && reasonLength <= Text.MAX_BYTES && REASON_OFFSET + reasonLength == length;
    }
}
