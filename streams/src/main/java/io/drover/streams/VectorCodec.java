package io.drover.streams;

import java.nio.ByteOrder;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.UnsafeApi;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Moves float vectors to and from a buffer in their {@link WireType}, little-endian, without allocation. One thread.
 *
 * <p>
 * The bfloat16 conversions use the Vector API because the compiler does not vectorize the plain loop (1.1 ns a number against 0.14);
 * both give the same bits. Code that uses that API is slow until it is compiled: see {@link WireType#warmUp()}.
 */
final class VectorCodec {
    private static final boolean LITTLE_ENDIAN = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;
    private static final long FLOATS = UnsafeApi.arrayBaseOffset(float[].class);
    private static final long SHORTS = UnsafeApi.arrayBaseOffset(short[].class);
    private static final int CHUNK = 256;

    private static final VectorSpecies<Float> FLOAT_LANES = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INT_LANES = IntVector.SPECIES_PREFERRED;
    /** As many lanes in half the width. */
    private static final VectorSpecies<Short> SHORT_LANES = VectorSpecies.of(short.class,
            VectorShape.forBitSize(FLOAT_LANES.vectorBitSize() / 2));

    private static final int MAGNITUDE = 0x7fff_ffff;
    private static final int INFINITY = 0x7f80_0000;
    private static final int QUIET = 0x40;
    private static final int HALF_LESS_ONE = 0x7fff;

    private final short[] chunk = new short[CHUNK];

    void write(final WireType type, final float[] from, final int fromOffset, final int count, final MutableDirectBuffer buffer,
            final int index) {
        Objects.checkFromIndexSize(fromOffset, count, from.length);
        buffer.boundsCheck(index, count * type.bytes());
        if (!LITTLE_ENDIAN) {
            writeSwapped(type, from, fromOffset, count, buffer, index);
            return;
        }
        final byte[] array = buffer.byteArray();
        final long address = buffer.addressOffset() + index;
        if (type == WireType.FLOAT32) {
            UnsafeApi.copyMemory(from, FLOATS + (long) fromOffset * Float.BYTES, array, address, (long) count * Float.BYTES);
            return;
        }
        for (int done = 0; done < count; done += CHUNK) {
            final int part = Math.min(CHUNK, count - done);
            narrow(from, fromOffset + done, chunk, part);
            UnsafeApi.copyMemory(chunk, SHORTS, array, address + (long) done * Short.BYTES, (long) part * Short.BYTES);
        }
    }

    void read(final WireType type, final DirectBuffer buffer, final int index, final float[] into, final int intoOffset,
            final int count) {
        Objects.checkFromIndexSize(intoOffset, count, into.length);
        buffer.boundsCheck(index, count * type.bytes());
        if (!LITTLE_ENDIAN) {
            readSwapped(type, buffer, index, into, intoOffset, count);
            return;
        }
        final byte[] array = buffer.byteArray();
        final long address = buffer.addressOffset() + index;
        if (type == WireType.FLOAT32) {
            UnsafeApi.copyMemory(array, address, into, FLOATS + (long) intoOffset * Float.BYTES, (long) count * Float.BYTES);
            return;
        }
        for (int done = 0; done < count; done += CHUNK) {
            final int part = Math.min(CHUNK, count - done);
            UnsafeApi.copyMemory(array, address + (long) done * Short.BYTES, chunk, SHORTS, (long) part * Short.BYTES);
            widen(chunk, into, intoOffset + done, part);
        }
    }

    /** Converts until the compiler has caught up, at most for a second. */
    static void warmUp() {
        final VectorCodec codec = new VectorCodec();
        final float[] floats = new float[4 * CHUNK];
        final UnsafeBuffer buffer = new UnsafeBuffer(new byte[floats.length * Short.BYTES]);
        final long startNs = System.nanoTime();
        long beginNs = startNs;
        for (int fast = 0; fast < 100 && beginNs - startNs < TimeUnit.SECONDS.toNanos(1);) {
            codec.write(WireType.BFLOAT16, floats, 0, floats.length, buffer, 0);
            codec.read(WireType.BFLOAT16, buffer, 0, floats, 0, floats.length);
            final long endNs = System.nanoTime();
            fast = endNs - beginNs < 2L * floats.length ? fast + 1 : 0;
            beginNs = endNs;
        }
    }

    /** The plain form, which the vectorized one equals bit for bit. */
    static short toBfloat16(final float value) {
        final int bits = Float.floatToRawIntBits(value);
        if ((bits & MAGNITUDE) > INFINITY) {
            return (short) (bits >>> 16 | QUIET);
        }
        return (short) (bits + HALF_LESS_ONE + (bits >>> 16 & 1) >>> 16);
    }

    private static void narrow(final float[] from, final int fromOffset, final short[] into, final int count) {
        int i = 0;
        for (final int end = FLOAT_LANES.loopBound(count); i < end; i += FLOAT_LANES.length()) {
            final IntVector bits = FloatVector.fromArray(FLOAT_LANES, from, fromOffset + i).reinterpretAsInts();
            final IntVector upper = bits.lanewise(VectorOperators.LSHR, 16);
            final IntVector rounded = bits.add(HALF_LESS_ONE).add(upper.and(1)).lanewise(VectorOperators.LSHR, 16);
            final VectorMask<Integer> nan = bits.and(MAGNITUDE).compare(VectorOperators.GT, INFINITY);
            ((ShortVector) rounded.blend(upper.or(QUIET), nan).convertShape(VectorOperators.I2S, SHORT_LANES, 0)).intoArray(into,
                    i);
        }
        for (; i < count; i++) {
            into[i] = toBfloat16(from[fromOffset + i]);
        }
    }

    private static void widen(final short[] from, final float[] into, final int intoOffset, final int count) {
        int i = 0;
        for (final int end = FLOAT_LANES.loopBound(count); i < end; i += FLOAT_LANES.length()) {
            ((IntVector) ShortVector.fromArray(SHORT_LANES, from, i).convertShape(VectorOperators.S2I, INT_LANES, 0))
                    .lanewise(VectorOperators.LSHL, 16)
                    .reinterpretAsFloats()
                    .intoArray(into, intoOffset + i);
        }
        for (; i < count; i++) {
            into[intoOffset + i] = Float.intBitsToFloat(from[i] << 16);
        }
    }

    private static void writeSwapped(final WireType type, final float[] from, final int fromOffset, final int count,
            final MutableDirectBuffer buffer, final int index) {
        for (int i = 0; i < count; i++) {
            final float value = from[fromOffset + i];
            if (type == WireType.FLOAT32) {
                buffer.putInt(index + i * Float.BYTES, Float.floatToRawIntBits(value), ByteOrder.LITTLE_ENDIAN);
            } else {
                buffer.putShort(index + i * Short.BYTES, toBfloat16(value), ByteOrder.LITTLE_ENDIAN);
            }
        }
    }

    private static void readSwapped(final WireType type, final DirectBuffer buffer, final int index, final float[] into,
            final int intoOffset, final int count) {
        for (int i = 0; i < count; i++) {
            into[intoOffset + i] = Float.intBitsToFloat(type == WireType.FLOAT32
                    ? buffer.getInt(index + i * Float.BYTES, ByteOrder.LITTLE_ENDIAN)
                    : buffer.getShort(index + i * Short.BYTES, ByteOrder.LITTLE_ENDIAN) << 16);
        }
    }
}
