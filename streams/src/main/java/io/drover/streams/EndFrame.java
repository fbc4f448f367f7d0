package io.drover.streams;

import static org.agrona.BitUtil.SIZE_OF_BYTE;
import static org.agrona.BitUtil.SIZE_OF_INT;
import static org.agrona.BitUtil.SIZE_OF_LONG;
import static org.agrona.BitUtil.SIZE_OF_SHORT;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * The end of a sequence, from its home to its gateway.
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
 *  |     Kind      |   Reserved    |     Bytes of code             | 72
 *  +---------------+---------------+-------------------------------+
 *  |                     Bytes of message                          | 76
 *  +---------------------------------------------------------------+
 *  |                     Prompt tokens                             | 80
 *  +---------------------------------------------------------------+
 *  |                     Completion tokens                         | 84
 *  +===============================================================+
 *  |                     Code, then message: UTF-8, at most 1024  ... 88
 *  |                     bytes each
 *  +---------------------------------------------------------------+
 * </pre>
 */
public final class EndFrame extends FrameHeader {
    /** Kind: {@code maxTokens} was reached. */
    public static final int LENGTH = 1;
    /** Kind: a stop token ended it. */
    public static final int STOPPED = 2;
    /** Kind: it cannot go on; code and message say why. */
    public static final int FAILED = 3;
    /** Kind: the answer to a {@link SyncFrame} by a node that does not hold the sequence; with the owner term of the question. */
    public static final int UNKNOWN = 4;

    public static final int REQUEST_KEY_OFFSET = HEADER_LENGTH;
    public static final int OWNER_TERM_OFFSET = REQUEST_KEY_OFFSET + SIZE_OF_LONG;
    public static final int KIND_OFFSET = OWNER_TERM_OFFSET + SIZE_OF_LONG;
    public static final int CODE_LENGTH_OFFSET = KIND_OFFSET + 2 * SIZE_OF_BYTE;
    public static final int MESSAGE_LENGTH_OFFSET = CODE_LENGTH_OFFSET + SIZE_OF_SHORT;
    public static final int PROMPT_TOKENS_OFFSET = MESSAGE_LENGTH_OFFSET + SIZE_OF_INT;
    public static final int COMPLETION_TOKENS_OFFSET = PROMPT_TOKENS_OFFSET + SIZE_OF_INT;
    public static final int TEXT_OFFSET = COMPLETION_TOKENS_OFFSET + SIZE_OF_INT;

    @Override
    public EndFrame wrap(final DirectBuffer frame, final int frameOffset) {
        super.wrap(frame, frameOffset);
        return this;
    }

    /** Writes a frame without code and message. */
    public EndFrame begin(final long requestKey, final long ownerTerm, final int kind) {
        final MutableDirectBuffer target = beginFrame(FrameType.END, TEXT_OFFSET);
        target.putLong(offset + REQUEST_KEY_OFFSET, requestKey, ORDER);
        target.putLong(offset + OWNER_TERM_OFFSET, ownerTerm, ORDER);
        target.putByte(offset + KIND_OFFSET, (byte) kind);
        return this;
    }

    public EndFrame usage(final int promptTokens, final int completionTokens) {
        final MutableDirectBuffer target = writable();
        target.putInt(offset + PROMPT_TOKENS_OFFSET, promptTokens, ORDER);
        target.putInt(offset + COMPLETION_TOKENS_OFFSET, completionTokens, ORDER);
        return this;
    }

    /** What exceeds {@link Text#MAX_BYTES} bytes of each is cut off. */
    public EndFrame reason(final String code, final String message) {
        final MutableDirectBuffer target = writable();
        final int codeBytes = Text.write(code, target, offset + TEXT_OFFSET);
        final int messageBytes = Text.write(message, target, offset + TEXT_OFFSET + codeBytes);
        target.putShort(offset + CODE_LENGTH_OFFSET, (short) codeBytes, ORDER);
        target.putInt(offset + MESSAGE_LENGTH_OFFSET, messageBytes, ORDER);
        encodedLength(TEXT_OFFSET + codeBytes + messageBytes);
        return this;
    }

    public long requestKey() {
        return longAt(REQUEST_KEY_OFFSET);
    }

    public long ownerTerm() {
        return longAt(OWNER_TERM_OFFSET);
    }

    /** One of this class's kinds. */
    public int kind() {
        return unsignedByteAt(KIND_OFFSET);
    }

    public int promptTokens() {
        return intAt(PROMPT_TOKENS_OFFSET);
    }

    public int completionTokens() {
        return intAt(COMPLETION_TOKENS_OFFSET);
    }

    /** For programs, e.g. {@code node_lost}. */
    public String code() {
        return Text.read(buffer, offset + TEXT_OFFSET, unsignedShortAt(CODE_LENGTH_OFFSET));
    }

    /** For people. */
    public String message() {
        return Text.read(buffer, offset + TEXT_OFFSET + unsignedShortAt(CODE_LENGTH_OFFSET), intAt(MESSAGE_LENGTH_OFFSET));
    }

    static boolean isWellFormed(final DirectBuffer frame, final int frameOffset, final int length) {
        if (length < TEXT_OFFSET) {
            return false;
        }
        final int kind = frame.getByte(frameOffset + KIND_OFFSET) & 0xff;
        final int codeBytes = frame.getShort(frameOffset + CODE_LENGTH_OFFSET, ORDER) & 0xffff;
        final int messageBytes = frame.getInt(frameOffset + MESSAGE_LENGTH_OFFSET, ORDER);
        return kind >= LENGTH && kind <= UNKNOWN && codeBytes <= Text.MAX_BYTES && messageBytes >= 0
                && messageBytes <= Text.MAX_BYTES && TEXT_OFFSET + codeBytes + messageBytes == length
                && frame.getInt(frameOffset + PROMPT_TOKENS_OFFSET, ORDER) >= 0
                && frame.getInt(frameOffset + COMPLETION_TOKENS_OFFSET, ORDER) >= 0;
    }
}
