package io.drover.model.kernel;

import java.lang.foreign.MemorySegment;

import io.drover.model.StorageType;

/**
 * The tiles by panel instead of by group: hides how many vectors a panel's column is. One instance per thread, because it remembers
 * what {@link #use} was given.
 */
final class PanelTiles {
    private final Tiles tiles;
    private final boolean wide;
    private final int secondGroup;
    private final long secondGroupBytes;
    private StorageType type = StorageType.FLOAT32;
    private MemorySegment w = MemorySegment.NULL;
    private float[] x = new float[0];
    private float[] y = x;
    private int yStride;

    PanelTiles(final Tiles tiles, final int lanes) {
        this.tiles = tiles;
        wide = lanes == PackedMatrix.HALF;
        secondGroup = lanes;
        secondGroupBytes = (long) lanes * Float.BYTES;
    }

    /** Rows of the next tile when {@code left} are left: 8, 4, 2 or 1. */
    int tileRows(final StorageType weights, final int left) {
        if (left >= 8 && wide && weights == StorageType.BFLOAT16) {
            return 8;
        }
        if (left >= 4) {
            return 4;
        }
        return left >= 2 && weights == StorageType.BFLOAT16 ? 2 : 1;
    }

    /**
     * Says what the next calls of {@link #run} work on.
     *
     * @param weights type of the panels in {@code panels}
     * @param inputs  packed [columns][rows of the tile]
     * @param outputs rows of outputs, {@code stride} apart
     */
    void use(final StorageType weights, final MemorySegment panels, final float[] inputs, final float[] outputs,
            final int stride) {
        type = weights;
        w = panels;
        x = inputs;
        y = outputs;
        yStride = stride;
    }

    /** Continues the chains of the panels at a and b (which may be the same) over some columns for a tile of input rows. */
    void run(final int rows, final long a, final long b, final int xOffset, final int columns, final int ya, final int yb) {
        if (rows >= 4 && (rows == 8 || !wide || type == StorageType.FLOAT32)) {
            single(rows, a, xOffset, columns, ya);
            if (b != a) {
                single(rows, b, xOffset, columns, yb);
            }
        } else if (wide) {
            pair(rows, a, b, xOffset, columns, ya, yb);
        } else {
            pair(rows, a, a + secondGroupBytes, xOffset, columns, ya, ya + secondGroup);
            if (b != a) {
                pair(rows, b, b + secondGroupBytes, xOffset, columns, yb, yb + secondGroup);
            }
        }
    }

    private void single(final int rows, final long a, final int xOffset, final int columns, final int yOffset) {
        singleGroup(rows, a, xOffset, columns, yOffset);
        if (!wide) {
            singleGroup(rows, a + secondGroupBytes, xOffset, columns, yOffset + secondGroup);
        }
    }

    private void singleGroup(final int rows, final long a, final int xOffset, final int columns, final int yOffset) {
        if (type == StorageType.FLOAT32) {
            tiles.single4Float(w, a, x, xOffset, columns, y, yOffset, yStride);
        } else if (rows == 8) {
            tiles.single8Bfloat16(w, a, x, xOffset, columns, y, yOffset, yStride);
        } else {
            tiles.single4Bfloat16(w, a, x, xOffset, columns, y, yOffset, yStride);
        }
    }

    private void pair(final int rows, final long a, final long b, final int xOffset, final int columns, final int ya,
            final int yb) {
        if (type == StorageType.FLOAT32) {
            tiles.pair1Float(w, a, b, x, xOffset, columns, y, ya, yb, yStride);
        } else if (rows == 1) {
            tiles.pair1Bfloat16(w, a, b, x, xOffset, columns, y, ya, yb, yStride);
        } else if (rows == 2) {
            tiles.pair2Bfloat16(w, a, b, x, xOffset, columns, y, ya, yb, yStride);
        } else {
            tiles.pair4Bfloat16(w, a, b, x, xOffset, columns, y, ya, yb, yStride);
        }
    }
}
