package io.drover.streams;

import static org.agrona.BitUtil.SIZE_OF_BYTE;
import static org.agrona.BitUtil.SIZE_OF_INT;
import static org.agrona.BitUtil.SIZE_OF_LONG;
import static org.agrona.BitUtil.SIZE_OF_SHORT;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * A home's answer to a {@link SubmitFrame}.
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
 *  +---------------+---------------+-------------------------------+
 *  |    Reason     |   Reserved    |     Bytes of detail           | 72
 *  +---------------+---------------+-------------------------------+
 *  |                     Retry after, milliseconds                 | 76
 *  +===============================================================+
 *  |                     Detail, UTF-8, at most 1024 bytes        ... 80
 *  +---------------------------------------------------------------+
 * </pre>
 */
public final class AdmissionFrame extends FrameHeader {
    /** Reason: the sequence was admitted. */
    public static final int ACCEPTED = 0;
    /** Reason: the home's queue is full. */
    public static final int QUEUE_FULL = 1;
    /** Reason: the home is not ready, or is shutting down. */
    public static final int UNAVAILABLE = 2;
    /** Reason: prompt and completion cannot fit. */
    public static final int TOO_LONG = 3;

    public static final int REQUEST_KEY_OFFSET = HEADER_LENGTH;
    public static final int OWNER_TERM_OFFSET = REQUEST_KEY_OFFSET + SIZE_OF_LONG;
    public static final int REASON_OFFSET = OWNER_TERM_OFFSET + SIZE_OF_LONG;
    public static final int DETAIL_LENGTH_OFFSET = REASON_OFFSET + 2 * SIZE_OF_BYTE;
    public static final int RETRY_AFTER_OFFSET = DETAIL_LENGTH_OFFSET + SIZE_OF_SHORT;
    public static final int DETAIL_OFFSET = RETRY_AFTER_OFFSET + SIZE_OF_INT;

    @Override
    public AdmissionFrame wrap(final DirectBuffer frame, final int frameOffset) {
        super.wrap(frame, frameOffset);
        return this;
    }

    /** Writes an acceptance. */
    public AdmissionFrame accept(final long requestKey, final long ownerTerm) {
        return refuse(requestKey, ownerTerm, ACCEPTED, 0, "");
    }

    /**
     * Writes a refusal.
     *
     * @param detail one sentence with the values; what exceeds {@link Text#MAX_BYTES} bytes is cut off
     */
    public AdmissionFrame refuse(final long requestKey, final long ownerTerm, final int reason, final int retryAfterMs,
            final String detail) {
        final MutableDirectBuffer target = beginFrame(FrameType.ADMISSION, DETAIL_OFFSET);
        target.putLong(offset + REQUEST_KEY_OFFSET, requestKey, ORDER);
        target.putLong(offset + OWNER_TERM_OFFSET, ownerTerm, ORDER);
        target.putByte(offset + REASON_OFFSET, (byte) reason);
        target.putInt(offset + RETRY_AFTER_OFFSET, retryAfterMs, ORDER);
        final int bytes = Text.write(detail, target, offset + DETAIL_OFFSET);
        target.putShort(offset + DETAIL_LENGTH_OFFSET, (short) bytes, ORDER);
        encodedLength(DETAIL_OFFSET + bytes);
        return this;
    }

    public long requestKey() {
        return longAt(REQUEST_KEY_OFFSET);
    }

    public long ownerTerm() {
        return longAt(OWNER_TERM_OFFSET);
    }

    public boolean accepted() {
        return reason() == ACCEPTED;
    }

    /** One of this class's reasons. */
    public int reason() {
        return unsignedByteAt(REASON_OFFSET);
    }

    public int retryAfterMs() {
        return intAt(RETRY_AFTER_OFFSET);
    }

    public String detail() {
        return Text.read(buffer, offset + DETAIL_OFFSET, unsignedShortAt(DETAIL_LENGTH_OFFSET));
    }

    static boolean isWellFormed(final DirectBuffer frame, final int frameOffset, final int length) {
        if (length < DETAIL_OFFSET) {
            return false;
        }
        final int bytes = frame.getShort(frameOffset + DETAIL_LENGTH_OFFSET, ORDER) & 0xffff;
        return bytes <= Text.MAX_BYTES && DETAIL_OFFSET + bytes == length
                && (frame.getByte(frameOffset + REASON_OFFSET) & 0xff) <= TOO_LONG
                && frame.getInt(frameOffset + RETRY_AFTER_OFFSET, ORDER) >= 0;
    }
}
