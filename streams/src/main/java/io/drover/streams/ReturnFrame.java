package io.drover.streams;

import static org.agrona.BitUtil.SIZE_OF_INT;
import static org.agrona.BitUtil.SIZE_OF_LONG;

import java.util.Objects;

import org.agrona.BitUtil;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * Experts' outputs, one vector for each (call, gate rank): never summed here, because the sum's order is the caller's.
 *
 * <pre>
 *  +---------------------------------------------------------------+
 *  |                     Header, 56 bytes                          |  0
 *  +---------------------------------------------------------------+
 *  |                     Layer                                     | 56
 *  +---------------------------------------------------------------+
 *  |                     Hidden: numbers in a vector               | 60
 *  +---------------+-----------------------------------------------+
 *  |   Wire type   |              Reserved, zero                   | 64
 *  +---------------+-----------------------------------------------+
 *  |                     Rows                                      | 68
 *  +===============================================================+
 *  |                     Call id                                   | 72, then for each row
 *  |                                                               |
 *  +-------------------------------+-------------------------------+
 *  |           Gate rank           |        Reserved, zero         | +8
 *  +-------------------------------+-------------------------------+
 *  |                        Reserved, zero                         | +12
 *  +---------------------------------------------------------------+
 *  |                     Vector, then zeros up to a multiple of 8 ... +16
 *  +---------------------------------------------------------------+
 * </pre>
 */
public final class ReturnFrame extends FrameHeader {
    public static final int LAYER_OFFSET = HEADER_LENGTH;
    public static final int HIDDEN_OFFSET = LAYER_OFFSET + SIZE_OF_INT;
    public static final int WIRE_TYPE_OFFSET = HIDDEN_OFFSET + SIZE_OF_INT;
    public static final int ROW_COUNT_OFFSET = WIRE_TYPE_OFFSET + SIZE_OF_INT;
    public static final int ROWS_OFFSET = ROW_COUNT_OFFSET + SIZE_OF_INT;
    /** Within a row. */
    public static final int ROW_RANK_OFFSET = SIZE_OF_LONG;
    public static final int ROW_VECTOR_OFFSET = ROW_RANK_OFFSET + SIZE_OF_LONG;

    private final VectorCodec codec = new VectorCodec();

    /** Bytes that a row takes. */
    public static int rowLength(final int hidden, final WireType wireType) {
        return ROW_VECTOR_OFFSET + BitUtil.align(hidden * wireType.bytes(), SIZE_OF_LONG);
    }

    @Override
    public ReturnFrame wrap(final DirectBuffer frame, final int frameOffset) {
        super.wrap(frame, frameOffset);
        return this;
    }

    /** Starts a frame without rows. */
    public ReturnFrame begin(final int layer, final int hidden, final WireType wireType) {
        if (hidden < 1 || hidden > CallFrame.MAX_HIDDEN) {
            throw new IllegalArgumentException("hidden is 1 to " + CallFrame.MAX_HIDDEN + ", not " + hidden);
        }
        final MutableDirectBuffer target = beginFrame(FrameType.RETURN, ROWS_OFFSET);
        target.putInt(offset + LAYER_OFFSET, layer, ORDER);
        target.putInt(offset + HIDDEN_OFFSET, hidden, ORDER);
        target.putByte(offset + WIRE_TYPE_OFFSET, wireType.code());
        return this;
    }

    /** Adds the output of one expert for one call, rounded to the wire type. */
    public ReturnFrame addRow(final long callId, final int rank, final float[] vector, final int vectorIndex) {
        final MutableDirectBuffer target = writable();
        final WireType type = wireType();
        final int hidden = hidden();
        final int length = encodedLength();
        final int start = offset + length;
        target.putLong(start, callId, ORDER);
        target.putLong(start + ROW_RANK_OFFSET, rank & 0xffffL, ORDER);
        codec.write(type, vector, vectorIndex, hidden, target, start + ROW_VECTOR_OFFSET);
        final int vectorEnd = ROW_VECTOR_OFFSET + hidden * type.bytes();
        final int rowEnd = BitUtil.align(vectorEnd, SIZE_OF_LONG);
        target.setMemory(start + vectorEnd, rowEnd - vectorEnd, (byte) 0);
        target.putInt(offset + ROW_COUNT_OFFSET, rowCount() + 1, ORDER);
        encodedLength(length + rowEnd);
        return this;
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

    public long callId(final int row) {
        return longAt(rowOffset(row));
    }

    public int rank(final int row) {
        return unsignedShortAt(rowOffset(row) + ROW_RANK_OFFSET);
    }

    /** Widens the row's vector to float32. */
    public void readVector(final int row, final float[] into, final int intoOffset) {
        codec.read(wireType(), buffer, offset + rowOffset(row) + ROW_VECTOR_OFFSET, into, intoOffset, hidden());
    }

    static boolean isWellFormed(final DirectBuffer frame, final int frameOffset, final int length) {
        if (length < ROWS_OFFSET) {
            return false;
        }
        final int hidden = frame.getInt(frameOffset + HIDDEN_OFFSET, ORDER);
        final WireType type = WireType.ofCode(frame.getByte(frameOffset + WIRE_TYPE_OFFSET) & 0xff);
        final int rows = frame.getInt(frameOffset + ROW_COUNT_OFFSET, ORDER);
        return type != null && hidden >= 1 && hidden <= CallFrame.MAX_HIDDEN && rows >= 0
                && frame.getInt(frameOffset + LAYER_OFFSET, ORDER) >= 0
                && ROWS_OFFSET + (long) rows * rowLength(hidden, type) == length;
    }

    private int rowOffset(final int row) {
        return ROWS_OFFSET + row * rowLength(hidden(), wireType());
    }
}
