package io.drover.model.checkpoint;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

import io.drover.model.StorageType;

/**
 * A matrix inside a memory-mapped checkpoint, read where it lies. A vector has one row.
 *
 * @param name    the tensor's name in the checkpoint, for messages
 * @param dtype   how a number is stored
 * @param data    exactly {@code rows * columns} numbers, row-major, little-endian
 * @param rows    for a linear layer, its outputs
 * @param columns for a linear layer, its inputs
 */
public record TensorView(String name, Dtype dtype, MemorySegment data, int rows, int columns) {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Number formats of a checkpoint that is read without loss into float32. */
    public enum Dtype {
        BF16(2), F16(2), F32(4);

        private final int bytes;

        Dtype(final int bytes) {
            this.bytes = bytes;
        }

        public int bytes() {
            return bytes;
        }
    }

    public TensorView {
        final long expected = (long) rows * columns * dtype.bytes();
        if (data.byteSize() != expected) {
            throw new IllegalArgumentException("tensor " + name + " has " + data.byteSize() + " bytes; " + rows + " x " + columns
                    + " " + dtype + " needs " + expected);
        }
    }

    /** One number as float32, exactly. */
    public float get(final int row, final int column) {
        final long index = (long) row * columns + column;
        return switch (dtype) {
            case BF16 -> StorageType.fromBfloat16(data.get(SHORT, index * Short.BYTES));
            case F16 -> Float.float16ToFloat(data.get(SHORT, index * Short.BYTES));
            case F32 -> data.get(FLOAT, index * Float.BYTES);
        };
    }

    /** Copies a row as float32 to {@code into[offset, offset + columns)}. */
    public void copyRow(final int row, final float[] into, final int offset) {
        for (int column = 0; column < columns; column++) {
            into[offset + column] = get(row, column);
        }
    }

    /** Rows {@code [from, from + count)} as a view of the same memory. */
    public TensorView rows(final int from, final int count) {
        final long rowBytes = (long) columns * dtype.bytes();
        return new TensorView(name, dtype, data.asSlice(from * rowBytes, count * rowBytes), count, columns);
    }
}
