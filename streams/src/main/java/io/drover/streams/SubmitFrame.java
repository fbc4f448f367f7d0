package io.drover.streams;

import static org.agrona.BitUtil.SIZE_OF_INT;
import static org.agrona.BitUtil.SIZE_OF_LONG;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * A sequence that a gateway asks a home node to generate, or to go on with: then the tokens that an earlier home has generated
 * follow the prompt. Ids that do not fit one frame are sent in several, each with all other fields; their parts follow one another.
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
 *  |                     Stop token ids, in all parts              | 100
 *  +---------------------------------------------------------------+
 *  |                     Seed                                      | 104
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |                     Prompt token ids, in all parts            | 112
 *  +---------------------------------------------------------------+
 *  |                     Generated token ids, in all parts         | 116
 *  +---------------------------------------------------------------+
 *  |                     Ids in the parts before this one          | 120
 *  +---------------------------------------------------------------+
 *  |                     Ids in this part                          | 124
 *  +===============================================================+
 *  |     This part of: stop, then prompt, then generated ids      ... 128
 *  +---------------------------------------------------------------+
 * </pre>
 *
 * Write: {@code wrap, begin}, the setters in any order, {@code addId*}.
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
    public static final int GENERATED_COUNT_OFFSET = PROMPT_COUNT_OFFSET + SIZE_OF_INT;
    public static final int FIRST_ID_OFFSET = GENERATED_COUNT_OFFSET + SIZE_OF_INT;
    public static final int ID_COUNT_OFFSET = FIRST_ID_OFFSET + SIZE_OF_INT;
    public static final int IDS_OFFSET = ID_COUNT_OFFSET + SIZE_OF_INT;
    /** Bit of the options. */
    public static final int IGNORE_EOS = 1;

    /** Ids that a frame of so many bytes can carry. */
    public static int idsIn(final int frameLength) {
        return (frameLength - IDS_OFFSET) / SIZE_OF_INT;
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

    /** The ids of all parts, and how many of them earlier parts carry. */
    public SubmitFrame ids(final int stops, final int prompt, final int generated, final int before) {
        final MutableDirectBuffer target = writable();
        target.putInt(offset + STOP_COUNT_OFFSET, stops, ORDER);
        target.putInt(offset + PROMPT_COUNT_OFFSET, prompt, ORDER);
        target.putInt(offset + GENERATED_COUNT_OFFSET, generated, ORDER);
        target.putInt(offset + FIRST_ID_OFFSET, before, ORDER);
        return this;
    }

    /** The next id of this part. */
    public SubmitFrame addId(final int id) {
        final MutableDirectBuffer target = writable();
        final int length = encodedLength();
        target.putInt(offset + length, id, ORDER);
        target.putInt(offset + ID_COUNT_OFFSET, idCount() + 1, ORDER);
        encodedLength(length + SIZE_OF_INT);
        return this;
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

    public int promptCount() {
        return intAt(PROMPT_COUNT_OFFSET);
    }

    public int generatedCount() {
        return intAt(GENERATED_COUNT_OFFSET);
    }

    /** Ids in the parts before this one. */
    public int firstId() {
        return intAt(FIRST_ID_OFFSET);
    }

    /** Ids in this part. */
    public int idCount() {
        return intAt(ID_COUNT_OFFSET);
    }

    public int id(final int index) {
        return intAt(IDS_OFFSET + index * SIZE_OF_INT);
    }

    static boolean isWellFormed(final DirectBuffer frame, final int frameOffset, final int length) {
        if (length < IDS_OFFSET) {
            return false;
        }
        final long stops = frame.getInt(frameOffset + STOP_COUNT_OFFSET, ORDER);
        final long prompt = frame.getInt(frameOffset + PROMPT_COUNT_OFFSET, ORDER);
        final long generated = frame.getInt(frameOffset + GENERATED_COUNT_OFFSET, ORDER);
        final long before = frame.getInt(frameOffset + FIRST_ID_OFFSET, ORDER);
        final long here = frame.getInt(frameOffset + ID_COUNT_OFFSET, ORDER);
        return stops >= 0 && prompt >= 0 && generated >= 0 && before >= 0 && here >= 0
                && before + here <= stops + prompt + generated && stops + prompt + generated <= Integer.MAX_VALUE
                && IDS_OFFSET + here * SIZE_OF_INT == length;
    }
}
