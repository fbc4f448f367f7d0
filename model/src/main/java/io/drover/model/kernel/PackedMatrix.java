package io.drover.model.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

import io.drover.model.StorageType;
import io.drover.model.checkpoint.TensorView;
import io.drover.model.checkpoint.TensorView.Dtype;

/**
 * A weight matrix [rows, columns] in panels of 32 rows, off the heap, immutable. Matrices that are multiplied with the same input (query,
 * key and value; gate and up) are packed as one, their rows one after the other.
 *
 * <pre>
 * bfloat16: per column 64 bytes, 16 little-endian ints;  int i = row i (low half)  | row i + 16 (high half)
 * float32:  per column 128 bytes, 32 floats;             float i = row i
 * panel p = rows 32 p .. 32 p + 31, its columns in order; rows beyond the last are 0
 * </pre>
 *
 * <p>
 * Pairing row i with row i + 16 makes the decoding of 32 weights one shift and one mask of a vector of ints. A source in bfloat16 is
 * packed as bfloat16 and everything else as float32, so nothing is rounded.
 */
public final class PackedMatrix {
    static final int PANEL_ROWS = 32;
    static final int HALF = PANEL_ROWS / 2;
    private static final int ALIGNMENT = 64;
    private static final int COLUMN_BLOCK = 32;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final StorageType type;
    private final int rows;
    private final int columns;
    private final MemorySegment data;

    private PackedMatrix(final StorageType type, final int rows, final int columns, final MemorySegment data) {
        this.type = type;
        this.rows = rows;
        this.columns = columns;
        this.data = data;
    }

    /**
     * Packs matrices of equal columns, one below the other.
     *
     * @param arena owns the memory; must be usable by the threads that will multiply
     * @throws IllegalArgumentException if the columns differ
     */
    public static PackedMatrix pack(final Arena arena, final TensorView... parts) {
        final int columns = parts[0].columns();
        int rows = 0;
        StorageType type = StorageType.BFLOAT16;
        for (final TensorView part : parts) {
            if (part.columns() != columns) {
                throw new IllegalArgumentException(
                        "tensor " + part.name() + " has " + part.columns() + " columns; " + parts[0].name()
                                + " has " + columns);
            }
            rows += part.rows();
            if (part.dtype() != Dtype.BF16) {
                type = StorageType.FLOAT32;
            }
        }
        final PackedMatrix packed = blank(arena, type, rows, columns);
        int row = 0;
        for (final TensorView part : parts) {
            for (int source = 0; source < part.rows(); source += COLUMN_BLOCK) {
                packed.fill(part, source, Math.min(COLUMN_BLOCK, part.rows() - source), row + source);
            }
            row += part.rows();
        }
        return packed;
    }

    /**
     * A matrix of zeros, to be filled by {@link #copyIn} before anybody multiplies with it.
     *
     * @param arena owns the memory; must be usable by the threads that will multiply
     */
    public static PackedMatrix blank(final Arena arena, final StorageType type, final int rows, final int columns) {
        return new PackedMatrix(type, rows, columns, arena.allocate(packedBytes(type, rows, columns), ALIGNMENT));
    }

    /** Memory that a matrix takes, padding included. */
    public static long packedBytes(final StorageType type, final int rows, final int columns) {
        return (rows + PANEL_ROWS - 1) / PANEL_ROWS * panelBytes(type, columns);
    }

    /** Copies packed bytes {@code [position, position + length)} to {@code into}, from {@code at} on. */
    public void copyOut(final long position, final byte[] into, final int at, final int length) {
        MemorySegment.copy(data, ValueLayout.JAVA_BYTE, position, into, at, length);
    }

    /** Overwrites packed bytes {@code [position, position + length)} with those of another matrix of this type and shape. */
    public void copyIn(final long position, final byte[] from, final int at, final int length) {
        MemorySegment.copy(from, at, data, ValueLayout.JAVA_BYTE, position, length);
    }

    /** Outputs. */
    public int rows() {
        return rows;
    }

    /** Inputs. */
    public int columns() {
        return columns;
    }

    /** How a weight is stored. */
    public StorageType type() {
        return type;
    }

    /** Memory taken, padding included. */
    public long bytes() {
        return data.byteSize();
    }

    /** One weight, exactly. */
    public float get(final int row, final int column) {
        final long offset = offset(row, column);
        return type == StorageType.BFLOAT16 ? StorageType.fromBfloat16(data.get(SHORT, offset)) : data.get(FLOAT, offset);
    }

    int panels() {
        return (rows + PANEL_ROWS - 1) / PANEL_ROWS;
    }

    MemorySegment data() {
        return data;
    }

    long panelOffset(final int panel) {
        return panel * panelBytes(type, columns);
    }

    private static long panelBytes(final StorageType type, final int columns) {
        return (long) PANEL_ROWS * type.bytes() * columns;
    }

    private long offset(final int row, final int column) {
        final int lane = row % PANEL_ROWS;
        final long at = panelOffset(row / PANEL_ROWS) + (long) column * PANEL_ROWS * type.bytes();
        return type == StorageType.BFLOAT16
                ? at + lane % HALF * Integer.BYTES + lane / HALF * Short.BYTES
                : at + lane * Float.BYTES;
    }

    /** Column blocks keep both the reads of a row and the writes of a panel within few cache lines. */
    private void fill(final TensorView part, final int source, final int count, final int row) {
        for (int block = 0; block < columns; block += COLUMN_BLOCK) {
            final int end = Math.min(block + COLUMN_BLOCK, columns);
            for (int i = 0; i < count; i++) {
                if (type == StorageType.BFLOAT16) {
                    fillBfloat16(part, source + i, row + i, block, end);
                } else {
                    fillFloat(part, source + i, row + i, block, end);
                }
            }
        }
    }

    private void fillBfloat16(final TensorView part, final int source, final int row, final int from, final int to) {
        final MemorySegment values = part.data();
        long read = ((long) source * columns + from) * Short.BYTES;
        long write = offset(row, from);
        for (int column = from; column < to; column++) {
            data.set(SHORT, write, values.get(SHORT, read));
            read += Short.BYTES;
            write += PANEL_ROWS * Short.BYTES;
        }
    }

    private void fillFloat(final TensorView part, final int source, final int row, final int from, final int to) {
        long write = offset(row, from);
        for (int column = from; column < to; column++) {
            data.set(FLOAT, write, part.get(source, column));
            write += PANEL_ROWS * Float.BYTES;
        }
    }
}
