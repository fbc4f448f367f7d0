package io.drover.streams;

import static org.agrona.BitUtil.SIZE_OF_INT;
import static org.agrona.BitUtil.SIZE_OF_LONG;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * Receipt of call frames, sent at once. It says nothing of completion but the receiver's estimate of it.
 *
 * <pre>
 *  +---------------------------------------------------------------+
 *  |                     Header, 56 bytes                          |  0
 *  +---------------------------------------------------------------+
 *  |                     Rows queued at the sender of this         | 56
 *  +---------------------------------------------------------------+
 *  |                     Sequences                                 | 60
 *  +---------------------------------------------------------------+
 *  |                     Nanoseconds until the acknowledged        | 64
 *  |                     frames' rows are done, estimated          |
 *  +===============================================================+
 *  |                     Sequence of an acknowledged frame         | 72, each
 *  |                                                               |
 *  +---------------------------------------------------------------+
 * </pre>
 */
public final class AckFrame extends FrameHeader {
    public static final int QUEUED_ROWS_OFFSET = HEADER_LENGTH;
    public static final int COUNT_OFFSET = QUEUED_ROWS_OFFSET + SIZE_OF_INT;
    public static final int PREDICTED_NS_OFFSET = COUNT_OFFSET + SIZE_OF_INT;
    public static final int SEQUENCES_OFFSET = PREDICTED_NS_OFFSET + SIZE_OF_LONG;

    @Override
    public AckFrame wrap(final DirectBuffer frame, final int frameOffset) {
        super.wrap(frame, frameOffset);
        return this;
    }

    /** Starts a frame that acknowledges nothing yet. */
    public AckFrame begin(final int queuedRows, final long predictedNs) {
        final MutableDirectBuffer target = beginFrame(FrameType.ACK, SEQUENCES_OFFSET);
        target.putInt(offset + QUEUED_ROWS_OFFSET, queuedRows, ORDER);
        target.putLong(offset + PREDICTED_NS_OFFSET, predictedNs, ORDER);
        return this;
    }

    /** Acknowledges the frame with this {@link FrameHeader#sequence()}. */
    public AckFrame addSequence(final long sequence) {
        final MutableDirectBuffer target = writable();
        final int length = encodedLength();
        target.putLong(offset + length, sequence, ORDER);
        target.putInt(offset + COUNT_OFFSET, count() + 1, ORDER);
        encodedLength(length + SIZE_OF_LONG);
        return this;
    }

    public int queuedRows() {
        return intAt(QUEUED_ROWS_OFFSET);
    }

    public long predictedNs() {
        return longAt(PREDICTED_NS_OFFSET);
    }

    public int count() {
        return intAt(COUNT_OFFSET);
    }

    public long acknowledged(final int index) {
        return longAt(SEQUENCES_OFFSET + index * SIZE_OF_LONG);
    }

    static boolean isWellFormed(final DirectBuffer frame, final int frameOffset, final int length) {
        if (length < SEQUENCES_OFFSET) {
            return false;
        }
        final int count = frame.getInt(frameOffset + COUNT_OFFSET, ORDER);
        return count >= 0 && SEQUENCES_OFFSET + (long) count * SIZE_OF_LONG == length;
    }
}
