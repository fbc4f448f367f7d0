package io.drover.streams;

import static org.agrona.BitUtil.SIZE_OF_INT;
import static org.agrona.BitUtil.SIZE_OF_LONG;
import static org.agrona.BitUtil.SIZE_OF_SHORT;

import java.util.Objects;

import org.agrona.BitUtil;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * Token rows of one layer for experts of the receiver. A token travels once, whatever number of its experts live there.
 *
 * <pre>
 *  +---------------------------------------------------------------+
 *  |                     Header, 56 bytes                          |  0
 *  +---------------------------------------------------------------+
 *  |                     Epoch, coordinator term                   | 56
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |                     Epoch, number                             | 64
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *  |                     Layer                                     | 72
 *  +---------------------------------------------------------------+
 *  |                     Hidden: numbers in a vector               | 76
 *  +---------------+-----------------------------------------------+
 *  |   Wire type   |              Reserved, zero                   | 80
 *  +---------------+-----------------------------------------------+
 *  |                     Rows                                      | 84
 *  +===============================================================+
 *  |                     Call id                                   | 88, then for each row
 *  |                                                               |
 *  +-------------------------------+-------------------------------+
 *  |           Experts             |  Expert of the layer, first  ... +8
 *  +-------------------------------+-------------------------------+
 *  |         Its gate rank         |  Second expert, its rank     ...
 *  +-------------------------------+-------------------------------+
 *  |                     Zeros up to a multiple of 8              ...
 *  +---------------------------------------------------------------+
 *  |                     Vector, then zeros up to a multiple of 8 ...
 *  +---------------------------------------------------------------+
 * </pre>
 *
 * Write: {@code wrap, begin, (startRow, addExpert+, endRow)*}. Read: {@code wrap}, then {@code while (nextRow())}.
 */
public final class CallFrame extends FrameHeader {
    public static final int EPOCH_TERM_OFFSET = HEADER_LENGTH;
    public static final int EPOCH_NUMBER_OFFSET = EPOCH_TERM_OFFSET + SIZE_OF_LONG;
    public static final int LAYER_OFFSET = EPOCH_NUMBER_OFFSET + SIZE_OF_LONG;
    public static final int HIDDEN_OFFSET = LAYER_OFFSET + SIZE_OF_INT;
    public static final int WIRE_TYPE_OFFSET = HIDDEN_OFFSET + SIZE_OF_INT;
    public static final int ROW_COUNT_OFFSET = WIRE_TYPE_OFFSET + SIZE_OF_INT;
    public static final int ROWS_OFFSET = ROW_COUNT_OFFSET + SIZE_OF_INT;
    /** Within a row. */
    public static final int ROW_EXPERT_COUNT_OFFSET = SIZE_OF_LONG;
    public static final int ROW_EXPERTS_OFFSET = ROW_EXPERT_COUNT_OFFSET + SIZE_OF_SHORT;
    public static final int EXPERT_LENGTH = 2 * SIZE_OF_SHORT;
    /** The widest vector that a frame is believed to carry. */
    public static final int MAX_HIDDEN = 1 << 20;

    private final VectorCodec codec = new VectorCodec();
    private int hidden;
    private WireType wireType = WireType.FLOAT32;
    private int rowOffset;
    private int rowIndex;
    private int rowCount;
    private int rowExperts;

    /** Bytes that a row of so many experts takes. */
    public static int rowLength(final int experts, final int hidden, final WireType wireType) {
        return vectorOffset(experts) + BitUtil.align(hidden * wireType.bytes(), SIZE_OF_LONG);
    }

    @Override
    public CallFrame wrap(final DirectBuffer frame, final int frameOffset) {
        super.wrap(frame, frameOffset);
        rowIndex = -1;
        return this;
    }

    /** Starts a frame without rows. */
    public CallFrame begin(final long epochTerm, final long epochNumber, final int layer, final int hiddenSize,
            final WireType type) {
        if (hiddenSize < 1 || hiddenSize > MAX_HIDDEN) {
            throw new IllegalArgumentException("hidden is 1 to " + MAX_HIDDEN + ", not " + hiddenSize);
        }
        final MutableDirectBuffer target = beginFrame(FrameType.CALL, ROWS_OFFSET);
        target.putLong(offset + EPOCH_TERM_OFFSET, epochTerm, ORDER);
        target.putLong(offset + EPOCH_NUMBER_OFFSET, epochNumber, ORDER);
        target.putInt(offset + LAYER_OFFSET, layer, ORDER);
        target.putInt(offset + HIDDEN_OFFSET, hiddenSize, ORDER);
        target.putByte(offset + WIRE_TYPE_OFFSET, type.code());
        hidden = hiddenSize;
        wireType = type;
        rowOffset = ROWS_OFFSET;
        rowCount = 0;
        return this;
    }

    /** Opens the next row. */
    public CallFrame startRow(final long callId) {
        writable().putLong(offset + rowOffset, callId, ORDER);
        rowExperts = 0;
        return this;
    }

    /**
     * Names one more expert of the open row.
     *
     * @param expert of the frame's layer, 0 to 65,535
     * @param rank   the expert's place in the token's gate order, 0 to 65,535
     */
    public CallFrame addExpert(final int expert, final int rank) {
        final int at = offset + rowOffset + ROW_EXPERTS_OFFSET + rowExperts * EXPERT_LENGTH;
        final MutableDirectBuffer target = writable();
        target.putShort(at, (short) expert, ORDER);
        target.putShort(at + SIZE_OF_SHORT, (short) rank, ORDER);
        rowExperts++;
        return this;
    }

    /** Ends the open row with its vector, rounded to the wire type. */
    public CallFrame endRow(final float[] vector, final int vectorIndex) {
        final MutableDirectBuffer target = writable();
        final int start = offset + rowOffset;
        target.putShort(start + ROW_EXPERT_COUNT_OFFSET, (short) rowExperts, ORDER);
        final int expertsEnd = ROW_EXPERTS_OFFSET + rowExperts * EXPERT_LENGTH;
        final int vectorStart = vectorOffset(rowExperts);
        target.setMemory(start + expertsEnd, vectorStart - expertsEnd, (byte) 0);
        codec.write(wireType, vector, vectorIndex, hidden, target, start + vectorStart);
        final int vectorEnd = vectorStart + hidden * wireType.bytes();
        final int rowEnd = BitUtil.align(vectorEnd, SIZE_OF_LONG);
        target.setMemory(start + vectorEnd, rowEnd - vectorEnd, (byte) 0);
        rowOffset += rowEnd;
        rowCount++;
        target.putInt(offset + ROW_COUNT_OFFSET, rowCount, ORDER);
        encodedLength(rowOffset);
        return this;
    }

    public long epochTerm() {
        return longAt(EPOCH_TERM_OFFSET);
    }

    public long epochNumber() {
        return longAt(EPOCH_NUMBER_OFFSET);
    }

    public int layer() {
        return intAt(LAYER_OFFSET);
    }

    public int hidden() {
        return intAt(HIDDEN_OFFSET);
    }

    public WireType wireType() {
        return Objects.requireNonNull(WireType.ofCode(unsignedByteAt(WIRE_TYPE_OFFSET)));
    }

    public int rowCount() {
        return intAt(ROW_COUNT_OFFSET);
    }

    /** Moves to the first row after {@link #wrap}, then to the next; false when there is none. */
    public boolean nextRow() {
        if (rowIndex < 0) {
            rowCount = rowCount();
            hidden = hidden();
            wireType = wireType();
            rowOffset = ROWS_OFFSET;
        } else {
            rowOffset += rowLength(rowExperts, hidden, wireType);
        }
        rowIndex++;
        if (rowIndex >= rowCount) {
            return false;
        }
        rowExperts = unsignedShortAt(rowOffset + ROW_EXPERT_COUNT_OFFSET);
        return true;
    }

    /** Of the current row, as are the methods below. */
    public long callId() {
        return longAt(rowOffset);
    }

    public int expertCount() {
        return rowExperts;
    }

    public int expert(final int index) {
        return unsignedShortAt(rowOffset + ROW_EXPERTS_OFFSET + index * EXPERT_LENGTH);
    }

    public int rank(final int index) {
        return unsignedShortAt(rowOffset + ROW_EXPERTS_OFFSET + index * EXPERT_LENGTH + SIZE_OF_SHORT);
    }

    /** Widens the row's vector to float32. */
    public void readVector(final float[] into, final int intoOffset) {
        codec.read(wireType, buffer, offset + rowOffset + vectorOffset(rowExperts), into, intoOffset, hidden);
    }

    static boolean isWellFormed(final DirectBuffer frame, final int frameOffset, final int length) {
        if (length < ROWS_OFFSET) {
            return false;
        }
        final int hidden = frame.getInt(frameOffset + HIDDEN_OFFSET, ORDER);
        final WireType type = WireType.ofCode(frame.getByte(frameOffset + WIRE_TYPE_OFFSET) & 0xff);
        final int rows = frame.getInt(frameOffset + ROW_COUNT_OFFSET, ORDER);
        if (type == null || hidden < 1 || hidden > MAX_HIDDEN || rows < 0
                || frame.getInt(frameOffset + LAYER_OFFSET, ORDER) < 0) {
            return false;
        }
        int at = ROWS_OFFSET;
        for (int row = 0; row < rows; row++) {
            if (length - at < ROW_EXPERTS_OFFSET) {
                return false;
            }
            final int experts = frame.getShort(frameOffset + at + ROW_EXPERT_COUNT_OFFSET, ORDER) & 0xffff;
            final int rowLength = rowLength(experts, hidden, type);
            if (length - at < rowLength) {
                return false;
            }
            at += rowLength;
        }
        return at == length;
    }

    private static int vectorOffset(final int experts) {
        return BitUtil.align(ROW_EXPERTS_OFFSET + experts * EXPERT_LENGTH, SIZE_OF_LONG);
    }
}
