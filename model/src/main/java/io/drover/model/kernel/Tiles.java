package io.drover.model.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Register tiles of a multiply. A <em>group</em> is as many ints of a panel's column as a vector has lanes; it covers that many outputs
 * from its start and as many again 16 further on. {@code single} tiles work on one group, {@code pair} tiles on two; the digit is the
 * number of input rows. Few rows need two groups to have enough independent chains in flight, many rows need the registers.
 *
 * <p>
 * A tile continues the chains that it finds in y: the first call of a sum starts from zeros, and a sum that is cut over k goes on exactly.
 * Inputs are packed [columns][rows of the tile] from {@code xOffset}. {@code a} and {@code b} are byte offsets of the groups in column
 * 0; {@code ya} and {@code yb} the indices of their first outputs for input row 0. Both groups of a pair may be the same.
 */
interface Tiles {
    void pair1Bfloat16(MemorySegment w, long a, long b, float[] x, int xOffset, int columns, float[] y, int ya, int yb,
            int yStride);

    void pair2Bfloat16(MemorySegment w, long a, long b, float[] x, int xOffset, int columns, float[] y, int ya, int yb,
            int yStride);

    void pair4Bfloat16(MemorySegment w, long a, long b, float[] x, int xOffset, int columns, float[] y, int ya, int yb,
            int yStride);

    void single4Bfloat16(MemorySegment w, long a, float[] x, int xOffset, int columns, float[] y, int yOffset, int yStride);

    void single8Bfloat16(MemorySegment w, long a, float[] x, int xOffset, int columns, float[] y, int yOffset, int yStride);

    void pair1Float(MemorySegment w, long a, long b, float[] x, int xOffset, int columns, float[] y, int ya, int yb, int yStride);

    void single4Float(MemorySegment w, long a, float[] x, int xOffset, int columns, float[] y, int yOffset, int yStride);
}
