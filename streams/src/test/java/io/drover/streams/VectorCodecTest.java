package io.drover.streams;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;

import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class VectorCodecTest {
    private static final long SEED = 20_26;

    private final VectorCodec codec = new VectorCodec();

    @ParameterizedTest
    @EnumSource(WireType.class)
    void everyLengthAndPlaceReadsBackAsWrittenOneByOne(final WireType type) {
        final Random random = new Random(SEED);
        for (int round = 0; round < 300; round++) {
            final int count = random.nextInt(700);
            final int fromOffset = random.nextInt(5);
            final int index = random.nextInt(20);
            final float[] from = new float[fromOffset + count + 3];
            for (int i = 0; i < from.length; i++) {
                from[i] = Float.intBitsToFloat(random.nextInt(8) == 0 ? random.nextInt() | 0x7f80_0000 : random.nextInt());
            }
            final ByteBuffer bytes = round % 2 == 0 ? ByteBuffer.allocate(4000) : ByteBuffer.allocateDirect(4000);
            final UnsafeBuffer buffer = new UnsafeBuffer(bytes);
            codec.write(type, from, fromOffset, count, buffer, index);
            final float[] into = new float[count + 2];
            codec.read(type, buffer, index, into, 1, count);
            bytes.order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < count; i++) {
                final float value = from[fromOffset + i];
                final float expected = type == WireType.FLOAT32
                        ? value
                        : Float.intBitsToFloat(VectorCodec.toBfloat16(value) << 16);
                final int wire = type == WireType.FLOAT32
                        ? bytes.getInt(index + i * 4)
                        : bytes.getShort(index + i * 2) << 16;
                assertThat(wire).as("seed %d, round %d, number %d", SEED, round, i).isEqualTo(Float.floatToRawIntBits(expected));
                assertThat(Float.floatToRawIntBits(into[1 + i])).isEqualTo(Float.floatToRawIntBits(expected));
            }
            assertThat(into[0]).isZero();
            assertThat(into[count + 1]).isZero();
        }
    }

    @Test
    void bfloat16RoundsToNearestTiesToEven() {
        assertThat(rounded(0x3f80_7fff)).isEqualTo(0x3f80);
        assertThat(rounded(0x3f80_8000)).as("a tie, even below").isEqualTo(0x3f80);
        assertThat(rounded(0x3f80_8001)).isEqualTo(0x3f81);
        assertThat(rounded(0x3f81_8000)).as("a tie, even above").isEqualTo(0x3f82);
        assertThat(rounded(0x7f7f_ffff)).as("the largest float").isEqualTo(0x7f80);
        assertThat(rounded(0x8000_0000)).as("negative zero").isEqualTo(0x8000);
        assertThat(rounded(0x7f80_0001)).as("a NaN that truncation would make infinite").isEqualTo(0x7fc0);
        assertThat(rounded(0xffff_ffff)).as("a NaN that rounding would make zero").isEqualTo(0xffff);
    }

    @ParameterizedTest
    @EnumSource(WireType.class)
    void nothingBeyondEitherSideIsTouched(final WireType type) {
        final UnsafeBuffer buffer = new UnsafeBuffer(new byte[64]);
        final float[] floats = new float[64];
        assertThatExceptionOfType(IndexOutOfBoundsException.class)
                .isThrownBy(() -> codec.read(type, buffer, 0, floats, 0, 33));
        assertThatExceptionOfType(IndexOutOfBoundsException.class)
                .isThrownBy(() -> codec.write(type, floats, 0, 33, buffer, 0));
        assertThatExceptionOfType(IndexOutOfBoundsException.class)
                .isThrownBy(() -> codec.read(type, buffer, 0, floats, 60, 5));
        assertThatExceptionOfType(IndexOutOfBoundsException.class)
                .isThrownBy(() -> codec.write(type, floats, 60, 5, buffer, 0));
    }

    private static int rounded(final int bits) {
        return VectorCodec.toBfloat16(Float.intBitsToFloat(bits)) & 0xffff;
    }
}
