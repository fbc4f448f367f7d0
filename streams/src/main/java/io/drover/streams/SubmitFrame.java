package io.drover.streams;

import static org.agrona.BitUtil.SIZE_OF_INT;
import static org.agrona.BitUtil.SIZE_OF_LONG;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * A sequence that a gateway asks a home node to generate.
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
 *  |                     Gateway's node id                         | 72
 *  +---------------------------------------------------------------+
 *  |                     Options: bit 0 ignores end-of-sequence    | 76
 *  +---------------------------------------------------------------+
 *  |                     Max tokens                                | 80
 *  +---------------------------------------------------------------+
 *  |                     Min tokens                                | 84
 *  +---------------------------------------------------------------+
 *  |                     Temperature, float32                      | 88
 *  +---------------------------------------------------------------+
 *  |                     Top-p, float32                            | 92
 *  +---------------------------------------------------------------+
 *  |                     Top-k                                     | 96
 *  +---------------------------------------------------------------+
 *  |                     Stop token ids                            | 100
 *  +---------------------------------------------------------------+
 *  |                     Seed                                      | 104
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |                     Prompt token ids                          | 112
 *  +---------------------------------------------------------------+
 *  |                     Reserved, zero                            | 116
 *  +===============================================================+
 *  |                     Stop token ids, then prompt token ids    ... 120
 *  +---------------------------------------------------------------+
 * </pre>
 *
 * Write: {@code wrap, begin}, the setters in any order, {@code addStopTokenId*}, then {@code addPromptId*}.
 */
public final class SubmitFrame extends FrameHeader {
    public static final int REQUEST_KEY_OFFSET = HEADER_LENGTH;
    public static final int OWNER_TERM_OFFSET = REQUEST_KEY_OFFSET + SIZE_OF_LONG;
    public static final int GATEWAY_OFFSET = OWNER_TERM_OFFSET + SIZE_OF_LONG;
    public static final int OPTIONS_OFFSET = GATEWAY_OFFSET + SIZE_OF_INT;
    public static final int MAX_TOKENS_OFFSET = OPTIONS_OFFSET + SIZE_OF_INT;
    public static final int MIN_TOKENS_OFFSET = MAX_TOKENS_OFFSET + SIZE_OF_INT;
    public static final int TEMPERATURE_OFFSET = MIN_TOKENS_OFFSET + SIZE_OF_INT;
    public static final int TOP_P_OFFSET = TEMPERATURE_OFFSET + SIZE_OF_INT;
    public static final int TOP_K_OFFSET = TOP_P_OFFSET + SIZE_OF_INT;
    public static final int STOP_COUNT_OFFSET = TOP_K_OFFSET + SIZE_OF_INT;
    public static final int SEED_OFFSET = STOP_COUNT_OFFSET + SIZE_OF_INT;
    public static final int PROMPT_COUNT_OFFSET = SEED_OFFSET + SIZE_OF_LONG;
    public static final int IDS_OFFSET = PROMPT_COUNT_OFFSET + 2 * SIZE_OF_INT;
    /** Bit of the options. */
    public static final int IGNORE_EOS = 1;

    /** Bytes that a frame of so many ids takes: a gateway refuses a prompt that exceeds the largest frame. */
    public static long lengthOf(final int stopCount, final int promptCount) {
        return IDS_OFFSET + ((long) stopCount + promptCount) * SIZE_OF_INT;
    }

    @Override
    public SubmitFrame wrap(final DirectBuffer frame, final int frameOffset) {
        super.wrap(frame, frameOffset);
        return this;
    }

    /** Starts a frame of zeros without ids. */
    public SubmitFrame begin(final long requestKey, final long ownerTerm, final int gatewayNodeId) {
        final MutableDirectBuffer target = beginFrame(FrameType.SUBMIT, IDS_OFFSET);
        target.putLong(offset + REQUEST_KEY_OFFSET, requestKey, ORDER);
        target.putLong(offset + OWNER_TERM_OFFSET, ownerTerm, ORDER);
        target.putInt(offset + GATEWAY_OFFSET, gatewayNodeId, ORDER);
        return this;
    }

    public SubmitFrame ignoreEos(final boolean ignoreEos) {
        writable().putInt(offset + OPTIONS_OFFSET, ignoreEos ? IGNORE_EOS : 0, ORDER);
        return this;
    }

    public SubmitFrame maxTokens(final int maxTokens) {
        writable().putInt(offset + MAX_TOKENS_OFFSET, maxTokens, ORDER);
        return this;
    }

    public SubmitFrame minTokens(final int minTokens) {
        writable().putInt(offset + MIN_TOKENS_OFFSET, minTokens, ORDER);
        return this;
    }

    public SubmitFrame temperature(final float temperature) {
        writable().putFloat(offset + TEMPERATURE_OFFSET, temperature, ORDER);
        return this;
    }

    public SubmitFrame topP(final float topP) {
        writable().putFloat(offset + TOP_P_OFFSET, topP, ORDER);
        return this;
    }

    public SubmitFrame topK(final int topK) {
        writable().putInt(offset + TOP_K_OFFSET, topK, ORDER);
        return this;
    }

    public SubmitFrame seed(final long seed) {
        writable().putLong(offset + SEED_OFFSET, seed, ORDER);
        return this;
    }

    /** All stop ids come before the first prompt id. */
    public SubmitFrame addStopTokenId(final int id) {
        if (promptCount() > 0) {
            throw new IllegalStateException("stop token ids come before prompt ids");
        }
        return addId(STOP_COUNT_OFFSET, id);
    }

    public SubmitFrame addPromptId(final int id) {
        return addId(PROMPT_COUNT_OFFSET, id);
    }

    public long requestKey() {
        return longAt(REQUEST_KEY_OFFSET);
    }

    public long ownerTerm() {
        return longAt(OWNER_TERM_OFFSET);
    }

    public int gatewayNodeId() {
        return intAt(GATEWAY_OFFSET);
    }

    public boolean ignoreEos() {
        return (intAt(OPTIONS_OFFSET) & IGNORE_EOS) != 0;
    }

    public int maxTokens() {
        return intAt(MAX_TOKENS_OFFSET);
    }

    public int minTokens() {
        return intAt(MIN_TOKENS_OFFSET);
    }

    public float temperature() {
        return buffer.getFloat(offset + TEMPERATURE_OFFSET, ORDER);
    }

    public float topP() {
        return buffer.getFloat(offset + TOP_P_OFFSET, ORDER);
    }

    public int topK() {
        return intAt(TOP_K_OFFSET);
    }

    public long seed() {
        return longAt(SEED_OFFSET);
    }

    public int stopCount() {
        return intAt(STOP_COUNT_OFFSET);
    }

    public int stopTokenId(final int index) {
        return intAt(IDS_OFFSET + index * SIZE_OF_INT);
    }

    public int promptCount() {
        return intAt(PROMPT_COUNT_OFFSET);
    }

    public int promptId(final int index) {
        return intAt(IDS_OFFSET + (stopCount() + index) * SIZE_OF_INT);
    }

    static boolean isWellFormed(final DirectBuffer frame, final int frameOffset, final int length) {
        if (length < IDS_OFFSET) {
            return false;
        }
        final int stops = frame.getInt(frameOffset + STOP_COUNT_OFFSET, ORDER);
        final int prompts = frame.getInt(frameOffset + PROMPT_COUNT_OFFSET, ORDER);
        return stops >= 0 && prompts >= 0 && lengthOf(stops, prompts) == length;
    }

    private SubmitFrame addId(final int countOffset, final int id) {
        final MutableDirectBuffer target = writable();
        final int length = encodedLength();
        target.putInt(offset + length, id, ORDER);
        target.putInt(offset + countOffset, intAt(countOffset) + 1, ORDER);
        encodedLength(length + SIZE_OF_INT);
        return this;
    }
}
