package io.drover.model.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The tiles in the Vector API, for one vector width. Accumulators stay in registers over all of k. The operations are written out
 * because a helper that is not inlined boxes its vectors. Panels are sliced so that offsets start at 0: only then does the compiler take
 * the bounds check out of the loop, which doubles the speed of the narrow tiles. One and two rows wait for memory alone: several columns
 * a step keep enough loads in flight for the machine's read stream, which one column a step reaches to two thirds.
 */
final class VectorTiles implements Tiles {
    private static final VectorSpecies<Float> FLOATS = VectorWidth.floats(MethodHandles.lookup());
    private static final VectorSpecies<Integer> INTS = VectorWidth.ints(MethodHandles.lookup());
    private static final int HALF = PackedMatrix.HALF;
    private static final int HALF_BYTES = HALF * Float.BYTES;
    private static final int VECTOR_BYTES = FLOATS.vectorByteSize();
    private static final int HIGH_HALF = 0xffff_0000;
    @Override
    public void pair1Bfloat16(final MemorySegment w, final long a, final long b, final float[] x, final int xOffset,
            final int columns, final float[] y, final int ya, final int yb, final int yStride) {
        final long size = ((long) (columns - 1) << 6) + VECTOR_BYTES;
        final MemorySegment panelA = w.asSlice(a, size);
        final MemorySegment panelB = w.asSlice(b, size);
        FloatVector la = FloatVector.fromArray(FLOATS, y, ya);
        FloatVector ha = FloatVector.fromArray(FLOATS, y, ya + HALF);
        FloatVector lb = FloatVector.fromArray(FLOATS, y, yb);
        FloatVector hb = FloatVector.fromArray(FLOATS, y, yb + HALF);
        final int whole = columns & -4;
        for (int k = 0; k < whole; k += 4) {
            final long at = (long) k << 6;
            final int from = xOffset + k;
            final IntVector packedA0 = IntVector.fromMemorySegment(INTS, panelA, at, ByteOrder.LITTLE_ENDIAN);
            final IntVector packedB0 = IntVector.fromMemorySegment(INTS, panelB, at, ByteOrder.LITTLE_ENDIAN);
            final FloatVector x0 = FloatVector.broadcast(FLOATS, x[from]);
            la = packedA0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, la);
            ha = packedA0.and(HIGH_HALF).reinterpretAsFloats().fma(x0, ha);
            lb = packedB0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, lb);
            hb = packedB0.and(HIGH_HALF).reinterpretAsFloats().fma(x0, hb);
            final IntVector packedA1 = IntVector.fromMemorySegment(INTS, panelA, at + 64, ByteOrder.LITTLE_ENDIAN);
            final IntVector packedB1 = IntVector.fromMemorySegment(INTS, panelB, at + 64, ByteOrder.LITTLE_ENDIAN);
            final FloatVector x1 = FloatVector.broadcast(FLOATS, x[from + 1]);
            la = packedA1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x1, la);
            ha = packedA1.and(HIGH_HALF).reinterpretAsFloats().fma(x1, ha);
            lb = packedB1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x1, lb);
            hb = packedB1.and(HIGH_HALF).reinterpretAsFloats().fma(x1, hb);
            final IntVector packedA2 = IntVector.fromMemorySegment(INTS, panelA, at + 128, ByteOrder.LITTLE_ENDIAN);
            final IntVector packedB2 = IntVector.fromMemorySegment(INTS, panelB, at + 128, ByteOrder.LITTLE_ENDIAN);
            final FloatVector x2 = FloatVector.broadcast(FLOATS, x[from + 2]);
            la = packedA2.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x2, la);
            ha = packedA2.and(HIGH_HALF).reinterpretAsFloats().fma(x2, ha);
            lb = packedB2.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x2, lb);
            hb = packedB2.and(HIGH_HALF).reinterpretAsFloats().fma(x2, hb);
            final IntVector packedA3 = IntVector.fromMemorySegment(INTS, panelA, at + 192, ByteOrder.LITTLE_ENDIAN);
            final IntVector packedB3 = IntVector.fromMemorySegment(INTS, panelB, at + 192, ByteOrder.LITTLE_ENDIAN);
            final FloatVector x3 = FloatVector.broadcast(FLOATS, x[from + 3]);
            la = packedA3.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x3, la);
            ha = packedA3.and(HIGH_HALF).reinterpretAsFloats().fma(x3, ha);
            lb = packedB3.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x3, lb);
            hb = packedB3.and(HIGH_HALF).reinterpretAsFloats().fma(x3, hb);
        }
        for (int k = whole; k < columns; k++) {
            final long at = (long) k << 6;
            final IntVector packedA = IntVector.fromMemorySegment(INTS, panelA, at, ByteOrder.LITTLE_ENDIAN);
            final IntVector packedB = IntVector.fromMemorySegment(INTS, panelB, at, ByteOrder.LITTLE_ENDIAN);
            final FloatVector x0 = FloatVector.broadcast(FLOATS, x[xOffset + k]);
            la = packedA.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, la);
            ha = packedA.and(HIGH_HALF).reinterpretAsFloats().fma(x0, ha);
            lb = packedB.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x0, lb);
            hb = packedB.and(HIGH_HALF).reinterpretAsFloats().fma(x0, hb);
        }
        la.intoArray(y, ya);
        ha.intoArray(y, ya + HALF);
        lb.intoArray(y, yb);
        hb.intoArray(y, yb + HALF);
    }

    @Override
    public void pair2Bfloat16(final MemorySegment w, final long a, final long b, final float[] x, final int xOffset,
            final int columns, final float[] y, final int ya, final int yb, final int yStride) {
        final long size = ((long) (columns - 1) << 6) + VECTOR_BYTES;
        final MemorySegment panelA = w.asSlice(a, size);
        final MemorySegment panelB = w.asSlice(b, size);
        FloatVector la0 = FloatVector.fromArray(FLOATS, y, ya);
        FloatVector la1 = FloatVector.fromArray(FLOATS, y, ya + yStride);
        FloatVector ha0 = FloatVector.fromArray(FLOATS, y, ya + HALF);
        FloatVector ha1 = FloatVector.fromArray(FLOATS, y, ya + yStride + HALF);
        FloatVector lb0 = FloatVector.fromArray(FLOATS, y, yb);
        FloatVector lb1 = FloatVector.fromArray(FLOATS, y, yb + yStride);
        FloatVector hb0 = FloatVector.fromArray(FLOATS, y, yb + HALF);
        FloatVector hb1 = FloatVector.fromArray(FLOATS, y, yb + yStride + HALF);
        final int whole = columns & -2;
        for (int k = 0; k < whole; k += 2) {
            final long at = (long) k << 6;
            final IntVector packedA = IntVector.fromMemorySegment(INTS, panelA, at, ByteOrder.LITTLE_ENDIAN);
            final FloatVector lowA = packedA.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            final FloatVector highA = packedA.and(HIGH_HALF).reinterpretAsFloats();
            final IntVector packedB = IntVector.fromMemorySegment(INTS, panelB, at, ByteOrder.LITTLE_ENDIAN);
            final FloatVector lowB = packedB.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            final FloatVector highB = packedB.and(HIGH_HALF).reinterpretAsFloats();
            final int from = xOffset + k * 2;
            final FloatVector x0 = FloatVector.broadcast(FLOATS, x[from]);
            la0 = lowA.fma(x0, la0);
            ha0 = highA.fma(x0, ha0);
            lb0 = lowB.fma(x0, lb0);
            hb0 = highB.fma(x0, hb0);
            final FloatVector x1 = FloatVector.broadcast(FLOATS, x[from + 1]);
            la1 = lowA.fma(x1, la1);
            ha1 = highA.fma(x1, ha1);
            lb1 = lowB.fma(x1, lb1);
            hb1 = highB.fma(x1, hb1);
            final IntVector packedANext = IntVector.fromMemorySegment(INTS, panelA, at + 64, ByteOrder.LITTLE_ENDIAN);
            final FloatVector lowANext = packedANext.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            final FloatVector highANext = packedANext.and(HIGH_HALF).reinterpretAsFloats();
            final IntVector packedBNext = IntVector.fromMemorySegment(INTS, panelB, at + 64, ByteOrder.LITTLE_ENDIAN);
            final FloatVector lowBNext = packedBNext.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            final FloatVector highBNext = packedBNext.and(HIGH_HALF).reinterpretAsFloats();
            final FloatVector x0Next = FloatVector.broadcast(FLOATS, x[from + 2]);
            la0 = lowANext.fma(x0Next, la0);
            ha0 = highANext.fma(x0Next, ha0);
            lb0 = lowBNext.fma(x0Next, lb0);
            hb0 = highBNext.fma(x0Next, hb0);
            final FloatVector x1Next = FloatVector.broadcast(FLOATS, x[from + 3]);
            la1 = lowANext.fma(x1Next, la1);
            ha1 = highANext.fma(x1Next, ha1);
            lb1 = lowBNext.fma(x1Next, lb1);
            hb1 = highBNext.fma(x1Next, hb1);
        }
        la0.intoArray(y, ya);
        ha0.intoArray(y, ya + HALF);
        lb0.intoArray(y, yb);
        hb0.intoArray(y, yb + HALF);
        la1.intoArray(y, ya + yStride);
        ha1.intoArray(y, ya + yStride + HALF);
        lb1.intoArray(y, yb + yStride);
        hb1.intoArray(y, yb + yStride + HALF);
        for (int row = 0; row < 2 && whole < columns; row++) {
            pair1Bfloat16(w, a + ((long) whole << 6), b + ((long) whole << 6), x, xOffset + 2 * whole + row, 1, y,
                    ya + row * yStride, yb + row * yStride, yStride);
        }
    }

    @Override
    public void pair4Bfloat16(final MemorySegment w, final long a, final long b, final float[] x, final int xOffset,
            final int columns, final float[] y, final int ya, final int yb, final int yStride) {
        final long size = ((long) (columns - 1) << 6) + VECTOR_BYTES;
        final MemorySegment panelA = w.asSlice(a, size);
        final MemorySegment panelB = w.asSlice(b, size);
        FloatVector la0 = FloatVector.fromArray(FLOATS, y, ya);
        FloatVector la1 = FloatVector.fromArray(FLOATS, y, ya + yStride);
        FloatVector la2 = FloatVector.fromArray(FLOATS, y, ya + 2 * yStride);
        FloatVector la3 = FloatVector.fromArray(FLOATS, y, ya + 3 * yStride);
        FloatVector ha0 = FloatVector.fromArray(FLOATS, y, ya + HALF);
        FloatVector ha1 = FloatVector.fromArray(FLOATS, y, ya + yStride + HALF);
        FloatVector ha2 = FloatVector.fromArray(FLOATS, y, ya + 2 * yStride + HALF);
        FloatVector ha3 = FloatVector.fromArray(FLOATS, y, ya + 3 * yStride + HALF);
        FloatVector lb0 = FloatVector.fromArray(FLOATS, y, yb);
        FloatVector lb1 = FloatVector.fromArray(FLOATS, y, yb + yStride);
        FloatVector lb2 = FloatVector.fromArray(FLOATS, y, yb + 2 * yStride);
        FloatVector lb3 = FloatVector.fromArray(FLOATS, y, yb + 3 * yStride);
        FloatVector hb0 = FloatVector.fromArray(FLOATS, y, yb + HALF);
        FloatVector hb1 = FloatVector.fromArray(FLOATS, y, yb + yStride + HALF);
        FloatVector hb2 = FloatVector.fromArray(FLOATS, y, yb + 2 * yStride + HALF);
        FloatVector hb3 = FloatVector.fromArray(FLOATS, y, yb + 3 * yStride + HALF);
        for (int k = 0; k < columns; k++) {
            final long at = (long) k << 6;
            final IntVector packedA = IntVector.fromMemorySegment(INTS, panelA, at, ByteOrder.LITTLE_ENDIAN);
            final FloatVector lowA = packedA.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            final FloatVector highA = packedA.and(HIGH_HALF).reinterpretAsFloats();
            final IntVector packedB = IntVector.fromMemorySegment(INTS, panelB, at, ByteOrder.LITTLE_ENDIAN);
            final FloatVector lowB = packedB.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            final FloatVector highB = packedB.and(HIGH_HALF).reinterpretAsFloats();
            final int from = xOffset + k * 4;
            final FloatVector x0 = FloatVector.broadcast(FLOATS, x[from]);
            la0 = lowA.fma(x0, la0);
            ha0 = highA.fma(x0, ha0);
            lb0 = lowB.fma(x0, lb0);
            hb0 = highB.fma(x0, hb0);
            final FloatVector x1 = FloatVector.broadcast(FLOATS, x[from + 1]);
            la1 = lowA.fma(x1, la1);
            ha1 = highA.fma(x1, ha1);
            lb1 = lowB.fma(x1, lb1);
            hb1 = highB.fma(x1, hb1);
            final FloatVector x2 = FloatVector.broadcast(FLOATS, x[from + 2]);
            la2 = lowA.fma(x2, la2);
            ha2 = highA.fma(x2, ha2);
            lb2 = lowB.fma(x2, lb2);
            hb2 = highB.fma(x2, hb2);
            final FloatVector x3 = FloatVector.broadcast(FLOATS, x[from + 3]);
            la3 = lowA.fma(x3, la3);
            ha3 = highA.fma(x3, ha3);
            lb3 = lowB.fma(x3, lb3);
            hb3 = highB.fma(x3, hb3);
        }
        la0.intoArray(y, ya);
        ha0.intoArray(y, ya + HALF);
        lb0.intoArray(y, yb);
        hb0.intoArray(y, yb + HALF);
        la1.intoArray(y, ya + yStride);
        ha1.intoArray(y, ya + yStride + HALF);
        lb1.intoArray(y, yb + yStride);
        hb1.intoArray(y, yb + yStride + HALF);
        la2.intoArray(y, ya + 2 * yStride);
        ha2.intoArray(y, ya + 2 * yStride + HALF);
        lb2.intoArray(y, yb + 2 * yStride);
        hb2.intoArray(y, yb + 2 * yStride + HALF);
        la3.intoArray(y, ya + 3 * yStride);
        ha3.intoArray(y, ya + 3 * yStride + HALF);
        lb3.intoArray(y, yb + 3 * yStride);
        hb3.intoArray(y, yb + 3 * yStride + HALF);
    }

    @Override
    public void single4Bfloat16(final MemorySegment w, final long a, final float[] x, final int xOffset, final int columns,
            final float[] y, final int yOffset, final int yStride) {
        final MemorySegment panel = w.asSlice(a, ((long) (columns - 1) << 6) + VECTOR_BYTES);
        FloatVector l0 = FloatVector.fromArray(FLOATS, y, yOffset);
        FloatVector l1 = FloatVector.fromArray(FLOATS, y, yOffset + yStride);
        FloatVector l2 = FloatVector.fromArray(FLOATS, y, yOffset + 2 * yStride);
        FloatVector l3 = FloatVector.fromArray(FLOATS, y, yOffset + 3 * yStride);
        FloatVector h0 = FloatVector.fromArray(FLOATS, y, yOffset + HALF);
        FloatVector h1 = FloatVector.fromArray(FLOATS, y, yOffset + yStride + HALF);
        FloatVector h2 = FloatVector.fromArray(FLOATS, y, yOffset + 2 * yStride + HALF);
        FloatVector h3 = FloatVector.fromArray(FLOATS, y, yOffset + 3 * yStride + HALF);
        for (int k = 0; k < columns; k++) {
            final long at = (long) k << 6;
            final IntVector packed = IntVector.fromMemorySegment(INTS, panel, at, ByteOrder.LITTLE_ENDIAN);
            final FloatVector low = packed.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            final FloatVector high = packed.and(HIGH_HALF).reinterpretAsFloats();
            final int from = xOffset + k * 4;
            final FloatVector x0 = FloatVector.broadcast(FLOATS, x[from]);
            l0 = low.fma(x0, l0);
            h0 = high.fma(x0, h0);
            final FloatVector x1 = FloatVector.broadcast(FLOATS, x[from + 1]);
            l1 = low.fma(x1, l1);
            h1 = high.fma(x1, h1);
            final FloatVector x2 = FloatVector.broadcast(FLOATS, x[from + 2]);
            l2 = low.fma(x2, l2);
            h2 = high.fma(x2, h2);
            final FloatVector x3 = FloatVector.broadcast(FLOATS, x[from + 3]);
            l3 = low.fma(x3, l3);
            h3 = high.fma(x3, h3);
        }
        l0.intoArray(y, yOffset);
        h0.intoArray(y, yOffset + HALF);
        l1.intoArray(y, yOffset + yStride);
        h1.intoArray(y, yOffset + yStride + HALF);
        l2.intoArray(y, yOffset + 2 * yStride);
        h2.intoArray(y, yOffset + 2 * yStride + HALF);
        l3.intoArray(y, yOffset + 3 * yStride);
        h3.intoArray(y, yOffset + 3 * yStride + HALF);
    }

    @Override
    public void single8Bfloat16(final MemorySegment w, final long a, final float[] x, final int xOffset, final int columns,
            final float[] y, final int yOffset, final int yStride) {
        final MemorySegment panel = w.asSlice(a, ((long) (columns - 1) << 6) + VECTOR_BYTES);
        FloatVector l0 = FloatVector.fromArray(FLOATS, y, yOffset);
        FloatVector l1 = FloatVector.fromArray(FLOATS, y, yOffset + yStride);
        FloatVector l2 = FloatVector.fromArray(FLOATS, y, yOffset + 2 * yStride);
        FloatVector l3 = FloatVector.fromArray(FLOATS, y, yOffset + 3 * yStride);
        FloatVector l4 = FloatVector.fromArray(FLOATS, y, yOffset + 4 * yStride);
        FloatVector l5 = FloatVector.fromArray(FLOATS, y, yOffset + 5 * yStride);
        FloatVector l6 = FloatVector.fromArray(FLOATS, y, yOffset + 6 * yStride);
        FloatVector l7 = FloatVector.fromArray(FLOATS, y, yOffset + 7 * yStride);
        FloatVector h0 = FloatVector.fromArray(FLOATS, y, yOffset + HALF);
        FloatVector h1 = FloatVector.fromArray(FLOATS, y, yOffset + yStride + HALF);
        FloatVector h2 = FloatVector.fromArray(FLOATS, y, yOffset + 2 * yStride + HALF);
        FloatVector h3 = FloatVector.fromArray(FLOATS, y, yOffset + 3 * yStride + HALF);
        FloatVector h4 = FloatVector.fromArray(FLOATS, y, yOffset + 4 * yStride + HALF);
        FloatVector h5 = FloatVector.fromArray(FLOATS, y, yOffset + 5 * yStride + HALF);
        FloatVector h6 = FloatVector.fromArray(FLOATS, y, yOffset + 6 * yStride + HALF);
        FloatVector h7 = FloatVector.fromArray(FLOATS, y, yOffset + 7 * yStride + HALF);
        for (int k = 0; k < columns; k++) {
            final long at = (long) k << 6;
            final IntVector packed = IntVector.fromMemorySegment(INTS, panel, at, ByteOrder.LITTLE_ENDIAN);
            final FloatVector low = packed.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            final FloatVector high = packed.and(HIGH_HALF).reinterpretAsFloats();
            final int from = xOffset + k * 8;
            final FloatVector x0 = FloatVector.broadcast(FLOATS, x[from]);
            l0 = low.fma(x0, l0);
            h0 = high.fma(x0, h0);
            final FloatVector x1 = FloatVector.broadcast(FLOATS, x[from + 1]);
            l1 = low.fma(x1, l1);
            h1 = high.fma(x1, h1);
            final FloatVector x2 = FloatVector.broadcast(FLOATS, x[from + 2]);
            l2 = low.fma(x2, l2);
            h2 = high.fma(x2, h2);
            final FloatVector x3 = FloatVector.broadcast(FLOATS, x[from + 3]);
            l3 = low.fma(x3, l3);
            h3 = high.fma(x3, h3);
            final FloatVector x4 = FloatVector.broadcast(FLOATS, x[from + 4]);
            l4 = low.fma(x4, l4);
            h4 = high.fma(x4, h4);
            final FloatVector x5 = FloatVector.broadcast(FLOATS, x[from + 5]);
            l5 = low.fma(x5, l5);
            h5 = high.fma(x5, h5);
            final FloatVector x6 = FloatVector.broadcast(FLOATS, x[from + 6]);
            l6 = low.fma(x6, l6);
            h6 = high.fma(x6, h6);
            final FloatVector x7 = FloatVector.broadcast(FLOATS, x[from + 7]);
            l7 = low.fma(x7, l7);
            h7 = high.fma(x7, h7);
        }
        l0.intoArray(y, yOffset);
        h0.intoArray(y, yOffset + HALF);
        l1.intoArray(y, yOffset + yStride);
        h1.intoArray(y, yOffset + yStride + HALF);
        l2.intoArray(y, yOffset + 2 * yStride);
        h2.intoArray(y, yOffset + 2 * yStride + HALF);
        l3.intoArray(y, yOffset + 3 * yStride);
        h3.intoArray(y, yOffset + 3 * yStride + HALF);
        l4.intoArray(y, yOffset + 4 * yStride);
        h4.intoArray(y, yOffset + 4 * yStride + HALF);
        l5.intoArray(y, yOffset + 5 * yStride);
        h5.intoArray(y, yOffset + 5 * yStride + HALF);
        l6.intoArray(y, yOffset + 6 * yStride);
        h6.intoArray(y, yOffset + 6 * yStride + HALF);
        l7.intoArray(y, yOffset + 7 * yStride);
        h7.intoArray(y, yOffset + 7 * yStride + HALF);
    }

    @Override
    public void pair1Float(final MemorySegment w, final long a, final long b, final float[] x, final int xOffset,
            final int columns, final float[] y, final int ya, final int yb, final int yStride) {
        final long size = ((long) (columns - 1) << 7) + HALF_BYTES + VECTOR_BYTES;
        final MemorySegment panelA = w.asSlice(a, size);
        final MemorySegment panelB = w.asSlice(b, size);
        FloatVector la0 = FloatVector.fromArray(FLOATS, y, ya);
        FloatVector ha0 = FloatVector.fromArray(FLOATS, y, ya + HALF);
        FloatVector lb0 = FloatVector.fromArray(FLOATS, y, yb);
        FloatVector hb0 = FloatVector.fromArray(FLOATS, y, yb + HALF);
        for (int k = 0; k < columns; k++) {
            final long at = (long) k << 7;
            final FloatVector lowA = FloatVector.fromMemorySegment(FLOATS, panelA, at, ByteOrder.LITTLE_ENDIAN);
            final FloatVector highA = FloatVector.fromMemorySegment(FLOATS, panelA, at + HALF_BYTES, ByteOrder.LITTLE_ENDIAN);
            final FloatVector lowB = FloatVector.fromMemorySegment(FLOATS, panelB, at, ByteOrder.LITTLE_ENDIAN);
            final FloatVector highB = FloatVector.fromMemorySegment(FLOATS, panelB, at + HALF_BYTES, ByteOrder.LITTLE_ENDIAN);
            final int from = xOffset + k;
            final FloatVector x0 = FloatVector.broadcast(FLOATS, x[from]);
            la0 = lowA.fma(x0, la0);
            ha0 = highA.fma(x0, ha0);
            lb0 = lowB.fma(x0, lb0);
            hb0 = highB.fma(x0, hb0);
        }
        la0.intoArray(y, ya);
        ha0.intoArray(y, ya + HALF);
        lb0.intoArray(y, yb);
        hb0.intoArray(y, yb + HALF);
    }

    @Override
    public void single4Float(final MemorySegment w, final long a, final float[] x, final int xOffset, final int columns,
            final float[] y, final int yOffset, final int yStride) {
        final MemorySegment panel = w.asSlice(a, ((long) (columns - 1) << 7) + HALF_BYTES + VECTOR_BYTES);
        FloatVector l0 = FloatVector.fromArray(FLOATS, y, yOffset);
        FloatVector l1 = FloatVector.fromArray(FLOATS, y, yOffset + yStride);
        FloatVector l2 = FloatVector.fromArray(FLOATS, y, yOffset + 2 * yStride);
        FloatVector l3 = FloatVector.fromArray(FLOATS, y, yOffset + 3 * yStride);
        FloatVector h0 = FloatVector.fromArray(FLOATS, y, yOffset + HALF);
        FloatVector h1 = FloatVector.fromArray(FLOATS, y, yOffset + yStride + HALF);
        FloatVector h2 = FloatVector.fromArray(FLOATS, y, yOffset + 2 * yStride + HALF);
        FloatVector h3 = FloatVector.fromArray(FLOATS, y, yOffset + 3 * yStride + HALF);
        for (int k = 0; k < columns; k++) {
            final long at = (long) k << 7;
            final FloatVector low = FloatVector.fromMemorySegment(FLOATS, panel, at, ByteOrder.LITTLE_ENDIAN);
            final FloatVector high = FloatVector.fromMemorySegment(FLOATS, panel, at + HALF_BYTES, ByteOrder.LITTLE_ENDIAN);
            final int from = xOffset + k * 4;
            final FloatVector x0 = FloatVector.broadcast(FLOATS, x[from]);
            l0 = low.fma(x0, l0);
            h0 = high.fma(x0, h0);
            final FloatVector x1 = FloatVector.broadcast(FLOATS, x[from + 1]);
            l1 = low.fma(x1, l1);
            h1 = high.fma(x1, h1);
            final FloatVector x2 = FloatVector.broadcast(FLOATS, x[from + 2]);
            l2 = low.fma(x2, l2);
            h2 = high.fma(x2, h2);
            final FloatVector x3 = FloatVector.broadcast(FLOATS, x[from + 3]);
            l3 = low.fma(x3, l3);
            h3 = high.fma(x3, h3);
        }
        l0.intoArray(y, yOffset);
        h0.intoArray(y, yOffset + HALF);
        l1.intoArray(y, yOffset + yStride);
        h1.intoArray(y, yOffset + yStride + HALF);
        l2.intoArray(y, yOffset + 2 * yStride);
        h2.intoArray(y, yOffset + 2 * yStride + HALF);
        l3.intoArray(y, yOffset + 3 * yStride);
        h3.intoArray(y, yOffset + 3 * yStride + HALF);
    }
}
