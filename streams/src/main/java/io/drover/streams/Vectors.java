package io.drover.streams;

import java.nio.ByteOrder;
import java.util.Objects;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.UnsafeApi;

/** Moves float vectors to and from a buffer in their {@link WireType}, little-endian, without allocation. */
final class Vectors {
    private static final boolean LITTLE_ENDIAN = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;
    private static final long FLOATS = UnsafeApi.arrayBaseOffset(float[].class);

    private Vectors() {}

    static void write(final WireType type, final float[] from, final int fromOffset, final int count,
            final MutableDirectBuffer buffer, final int index) {
        Objects.checkFromIndexSize(fromOffset, count, from.length);
        buffer.boundsCheck(index, count * type.bytes());
        switch (type) {
            case FLOAT32 -> writeFloat32(from, fromOffset, count, buffer, index);
            case BFLOAT16 -> writeBfloat16(from, fromOffset, count, buffer, index);
        }
    }

    static void read(final WireType type, final DirectBuffer buffer, final int index, final float[] into, final int intoOffset,
            final int count) {
        Objects.checkFromIndexSize(intoOffset, count, into.length);
        buffer.boundsCheck(index, count * type.bytes());
        switch (type) {
            case FLOAT32 -> readFloat32(buffer, index, into, intoOffset, count);
            case BFLOAT16 -> readBfloat16(buffer, index, into, intoOffset, count);
        }
    }

    private static void writeFloat32(final float[] from, final int fromOffset, final int count, final MutableDirectBuffer buffer,
            final int index) {
        if (LITTLE_ENDIAN) {
            UnsafeApi.copyMemory(from, floatAddress(fromOffset), buffer.byteArray(), buffer.addressOffset() + index,
                    (long) count * Float.BYTES);
            return;
        }
        for (int i = 0; i < count; i++) {
            buffer.putInt(index + i * Float.BYTES, Float.floatToRawIntBits(from[fromOffset + i]), ByteOrder.LITTLE_ENDIAN);
        }
    }

    private static void readFloat32(final DirectBuffer buffer, final int index, final float[] into, final int intoOffset,
            final int count) {
        if (LITTLE_ENDIAN) {
            UnsafeApi.copyMemory(buffer.byteArray(), buffer.addressOffset() + index, into, floatAddress(intoOffset),
                    (long) count * Float.BYTES);
            return;
        }
        for (int i = 0; i < count; i++) {
            into[intoOffset + i] = Float.intBitsToFloat(buffer.getInt(index + i * Float.BYTES, ByteOrder.LITTLE_ENDIAN));
        }
    }

    private static void writeBfloat16(final float[] from, final int fromOffset, final int count, final MutableDirectBuffer buffer,
            final int index) {
        for (int i = 0; i < count; i++) {
            buffer.putShort(index + i * Short.BYTES, toBfloat16(from[fromOffset + i]), ByteOrder.LITTLE_ENDIAN);
        }
    }

    private static void readBfloat16(final DirectBuffer buffer, final int index, final float[] into, final int intoOffset,
            final int count) {
        for (int i = 0; i < count; i++) {
            into[intoOffset + i] = Float.intBitsToFloat(buffer.getShort(index + i * Short.BYTES, ByteOrder.LITTLE_ENDIAN) << 16);
        }
    }

    static short toBfloat16(final float value) {
        final int bits = Float.floatToRawIntBits(value);
        if ((bits & 0x7fff_ffff) > 0x7f80_0000) {
            return (short) (bits >>> 16 | 0x40);
        }
        return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
    }

    private static long floatAddress(final int index) {
        return FLOATS + (long) index * Float.BYTES;
    }
}
