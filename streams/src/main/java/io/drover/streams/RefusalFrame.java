package io.drover.streams;

import static org.agrona.BitUtil.SIZE_OF_BYTE;
import static org.agrona.BitUtil.SIZE_OF_INT;
import static org.agrona.BitUtil.SIZE_OF_LONG;
import static org.agrona.BitUtil.SIZE_OF_SHORT;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * Calls that the receiver will not serve, with the epoch it routes by. The caller re-routes them.
 *
 * <pre>
 *  +---------------------------------------------------------------+
 *  |                     Header, 56 bytes                          |  0
 *  +---------------------------------------------------------------+
 *  |                     Current epoch, coordinator term           | 56
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |                     Current epoch, number                     | 64
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |                     Refused calls                             | 72
 *  +---------------------------------------------------------------+
 *  |                     Reserved, zero                            | 76
 *  +===============================================================+
 *  |                     Call id                                   | 80, each
 *  |                                                               |
 *  +-------------------------------+---------------+---------------+
 *  |           Gate rank           |    Reason     |   Reserved    | +8
 *  +-------------------------------+---------------+---------------+
 *  |                     Reserved, zero                            | +12
 *  +---------------------------------------------------------------+
 * </pre>
 */
public final class RefusalFrame extends FrameHeader {
    /** No replica of the expert is here. */
    public static final int REASON_ABSENT = 1;
    /** The replica drains before it stops. */
    public static final int REASON_DRAINING = 2;
    /** The node's queue is full. */
    public static final int REASON_BUSY = 3;
    /** The row does not fit the model: layer, hidden size, expert or wire type. */
    public static final int REASON_UNFIT = 4;
    /** The batch failed in the kernel. */
    public static final int REASON_FAILED = 5;

    public static final int EPOCH_TERM_OFFSET = HEADER_LENGTH;
    public static final int EPOCH_NUMBER_OFFSET = EPOCH_TERM_OFFSET + SIZE_OF_LONG;
    public static final int COUNT_OFFSET = EPOCH_NUMBER_OFFSET + SIZE_OF_LONG;
    public static final int ENTRIES_OFFSET = COUNT_OFFSET + 2 * SIZE_OF_INT;
    /** Within an entry. */
    public static final int ENTRY_RANK_OFFSET = SIZE_OF_LONG;
    public static final int ENTRY_REASON_OFFSET = ENTRY_RANK_OFFSET + SIZE_OF_SHORT;
    public static final int ENTRY_LENGTH = ENTRY_REASON_OFFSET + 2 * SIZE_OF_BYTE + SIZE_OF_INT;

    @Override
    public RefusalFrame wrap(final DirectBuffer frame, final int frameOffset) {
        super.wrap(frame, frameOffset);
        return this;
    }

    /** Starts a frame that refuses nothing yet. */
    public RefusalFrame begin(final long epochTerm, final long epochNumber) {
        final MutableDirectBuffer target = beginFrame(FrameType.REFUSAL, ENTRIES_OFFSET);
        target.putLong(offset + EPOCH_TERM_OFFSET, epochTerm, ORDER);
        target.putLong(offset + EPOCH_NUMBER_OFFSET, epochNumber, ORDER);
        return this;
    }

    /** Refuses one expert of one call. */
    public RefusalFrame addEntry(final long callId, final int rank, final int reason) {
        final MutableDirectBuffer target = writable();
        final int length = encodedLength();
        final int start = offset + length;
        target.putLong(start, callId, ORDER);
        target.putLong(start + ENTRY_RANK_OFFSET, 0, ORDER);
        target.putShort(start + ENTRY_RANK_OFFSET, (short) rank, ORDER);
        target.putByte(start + ENTRY_REASON_OFFSET, (byte) reason);
        target.putInt(offset + COUNT_OFFSET, count() + 1, ORDER);
        encodedLength(length + ENTRY_LENGTH);
        return this;
    }

    public long epochTerm() {
        return longAt(EPOCH_TERM_OFFSET);
    }

    public long epochNumber() {
        return longAt(EPOCH_NUMBER_OFFSET);
    }

    public int count() {
        return intAt(COUNT_OFFSET);
    }

    public long callId(final int index) {
        return longAt(ENTRIES_OFFSET + index * ENTRY_LENGTH);
    }

    public int rank(final int index) {
        return unsignedShortAt(ENTRIES_OFFSET + index * ENTRY_LENGTH + ENTRY_RANK_OFFSET);
    }

    /** One of the {@code REASON_} constants. */
    public int reason(final int index) {
        return unsignedByteAt(ENTRIES_OFFSET + index * ENTRY_LENGTH + ENTRY_REASON_OFFSET);
    }

    static boolean isWellFormed(final DirectBuffer frame, final int frameOffset, final int length) {
        if (length < ENTRIES_OFFSET) {
            return false;
        }
        final int count = frame.getInt(frameOffset + COUNT_OFFSET, ORDER);
        return count >= 0 && ENTRIES_OFFSET + (long) count * ENTRY_LENGTH == length;
    }
}
