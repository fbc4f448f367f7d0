package io.drover.model.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import io.drover.model.StorageType;
import io.drover.model.checkpoint.TensorView;
import io.drover.model.checkpoint.TensorView.Dtype;

/** Every implementation against the definition of each kernel, bit for bit. */
class KernelContractTest {
    private static final float[] ODD_NUMBERS = {0f, -0f, 1f, -1f, 100f, -100f, 87.4f, -87.4f, 88.8f, -88.8f, Float.MIN_VALUE,
        Float.MAX_VALUE, -Float.MAX_VALUE, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NaN, 1.00390625f, 1.01171875f,
        Float.intBitsToFloat(0x7f7f_ffff), Float.intBitsToFloat(0x7f80_0001)};

    /** The kernels under test. */
    enum Implementation {
        PLAIN(1) {
            @Override
            Kernels on(final ComputeTeam team) {
                return new PlainKernels(team);
            }
        },
        VECTOR_512(1) {
            @Override
            Kernels on(final ComputeTeam team) {
                return new VectorKernels(512, team);
            }
        },
        VECTOR_512_THREADS(3) {
            @Override
            Kernels on(final ComputeTeam team) {
                return new VectorKernels(512, team);
            }
        },
        VECTOR_256(1) {
            @Override
            Kernels on(final ComputeTeam team) {
                return new VectorKernels(256, team);
            }
        },
        VECTOR_256_THREADS(2) {
            @Override
            Kernels on(final ComputeTeam team) {
                return new VectorKernels(256, team);
            }
        };

        private final int threads;

        Implementation(final int threads) {
            this.threads = threads;
        }

        abstract Kernels on(ComputeTeam team);
    }

    @ParameterizedTest
    @EnumSource
    void aMultiplyIsOneChainPerOutputWhateverTheShapeAndTheRowsBeside(final Implementation implementation) {
        final Random random = new Random(7);
        try (ComputeTeam team = new ComputeTeam(implementation.threads, () -> {})) {
            final Kernels kernels = implementation.on(team);
            for (int rows = 1; rows <= 64; rows++) {
                final int parts = 1 + random.nextInt(3);
                multiply(kernels, random, rows, 1 + random.nextInt(rows % 8 == 0 ? 700 : 90), parts, 1 + random.nextInt(100));
            }
            multiply(kernels, random, 130, 257, 1, 96);
            multiply(kernels, random, 1, 4100, 1, 333);
        }
    }

    private static void multiply(final Kernels kernels, final Random random, final int rows, final int columns, final int parts,
            final int outputs) {
        try (Arena arena = Arena.ofShared()) {
            final TensorView[] views = new TensorView[parts];
            final int dtypes = random.nextInt(3);
            for (int i = 0; i < parts; i++) {
                final Dtype dtype = dtypes > 0 ? Dtype.BF16 : Dtype.values()[random.nextInt(3)];
                views[i] = random(arena, random, dtype, outputs + i, columns);
            }
            final PackedMatrix packed = PackedMatrix.pack(arena, views);
            final int xOffset = random.nextInt(5);
            final int xStride = columns + random.nextInt(5);
            final int yOffset = random.nextInt(5);
            final int yStride = packed.rows() + random.nextInt(5);
            final float[] x = numbers(random, xOffset + rows * xStride);
            final float[] expected = numbers(random, yOffset + rows * yStride + 40);
            final float[] actual = expected.clone();
            for (int row = 0; row < rows; row++) {
                int output = 0;
                for (final TensorView view : views) {
                    for (int o = 0; o < view.rows(); o++) {
                        float sum = 0;
                        for (int k = 0; k < columns; k++) {
                            sum = Math.fma(view.get(o, k), x[xOffset + row * xStride + k], sum);
                        }
                        expected[yOffset + row * yStride + output++] = sum;
                    }
                }
            }
            kernels.multiply(packed, x, xOffset, xStride, rows, actual, yOffset, yStride);
            assertSameBits(actual, expected, "%d rows, %d columns, %d outputs, %s", rows, columns, packed.rows(), packed.type());
        }
    }

    @ParameterizedTest
    @EnumSource
    void attentionReadsOnlyThePositionsARowMaySeeOnWhateverPages(final Implementation implementation) {
        final Random random = new Random(8);
        try (ComputeTeam team = new ComputeTeam(implementation.threads, () -> {})) {
            final Kernels kernels = implementation.on(team);
            for (final StorageType type : StorageType.values()) {
                for (final int headDim : new int[]{2, 16, 20, 32, 80, 96, 128}) {
                    for (final int group : new int[]{1, 3}) {
                        attend(kernels, random, new KvLayout(2, 2, headDim, type), group, 1 + random.nextInt(5));
                    }
                }
                attend(kernels, random, new KvLayout(1, 2, 64, type), 4, 24);
            }
        }
    }

    private static void attend(final Kernels kernels, final Random random, final KvLayout layout, final int group,
            final int rows) {
        final int pages = 5;
        final int width = layout.kvHeads() * layout.headDim();
        final int queryWidth = width * group;
        try (Arena arena = Arena.ofShared()) {
            final MemorySegment pool = arena.allocate(layout.pageBytes() * pages, 64);
            pool.fill((byte) 0xff);
            final List<Long> order = new ArrayList<>();
            for (long page = 0; page < pages; page++) {
                order.add(page * layout.pageBytes());
            }
            Collections.shuffle(order, random);
            final long[] offsets = order.stream().mapToLong(Long::longValue).toArray();
            final int longest = 1 + random.nextInt(pages * KvLayout.POSITIONS);
            final int layer = layout.layers() - 1;
            final float[][] keys = new float[longest][];
            final float[][] values = new float[longest][];
            for (int position = 0; position < longest; position++) {
                keys[position] = numbers(random, width);
                values[position] = numbers(random, width);
                layout.write(pool, offsets[position / KvLayout.POSITIONS], layer, position, keys[position], 0, values[position],
                        0);
            }
            final float[] queries = numbers(random, rows * queryWidth);
            final float[] actual = new float[rows * queryWidth];
            final AttentionBatch batch = new AttentionBatch(layout, layout.kvHeads() * group, 0.37f);
            batch.begin(layer, rows, queries, actual);
            final int[] lengths = new int[rows];
            for (int row = 0; row < rows; row++) {
                lengths[row] = row == 0 ? longest : 1 + random.nextInt(longest);
                batch.add(pool, offsets, lengths[row]);
            }
            kernels.attend(batch);
            final float[] expected = new float[rows * queryWidth];
            for (int row = 0; row < rows; row++) {
                for (int head = 0; head < layout.kvHeads() * group; head++) {
                    attention(layout, queries, row * queryWidth + head * layout.headDim(), head / group * layout.headDim(), keys,
                            values,
                            lengths[row], expected);
                }
            }
            assertSameBits(actual, expected, "%s, group %d, %d rows, lengths %s", layout, group, rows, Arrays.toString(lengths));
        }
    }

    private static void attention(final KvLayout layout, final float[] queries, final int query, final int kv,
            final float[][] keys,
            final float[][] values, final int length, final float[] into) {
        final float[] e = new float[length];
        float max = Float.NEGATIVE_INFINITY;
        for (int position = 0; position < length; position++) {
            float score = 0;
            for (int d = 0; d < layout.headDim(); d++) {
                score = Math.fma(layout.type().round(keys[position][kv + d]), queries[query + d], score);
            }
            e[position] = score * 0.37f;
            max = Math.max(max, e[position]);
        }
        final float[] partial = new float[32];
        for (int position = 0; position < length; position++) {
            e[position] = Exp.exp(e[position] - max);
            partial[position % 32] += e[position];
        }
        for (int half = 16; half > 0; half /= 2) {
            for (int i = 0; i < half; i++) {
                partial[i] += partial[i + half];
            }
        }
        for (int d = 0; d < layout.headDim(); d++) {
            float sum = 0;
            for (int position = 0; position < length; position++) {
                sum = Math.fma(e[position], layout.type().round(values[position][kv + d]), sum);
            }
            into[query + d] = sum / partial[0];
        }
    }

    @ParameterizedTest
    @EnumSource
    void aNormSumsInSixteenStridesAndOneTree(final Implementation implementation) {
        final Random random = new Random(9);
        try (ComputeTeam team = new ComputeTeam(implementation.threads, () -> {})) {
            final Kernels kernels = implementation.on(team);
            for (int width = 1; width <= 130; width++) {
                final float[] x = numbers(random, width + 3);
                final float[] weight = numbers(random, width);
                final float[] partial = new float[16];
                for (int i = 0; i < width; i++) {
                    partial[i % 16] = Math.fma(x[3 + i], x[3 + i], partial[i % 16]);
                }
                for (int half = 8; half > 0; half /= 2) {
                    for (int i = 0; i < half; i++) {
                        partial[i] += partial[i + half];
                    }
                }
                final float factor = 1f / (float) Math.sqrt(partial[0] / width + 1e-5f);
                final float[] expected = x.clone();
                for (int i = 0; i < width; i++) {
                    expected[3 + i] = x[3 + i] * factor * weight[i];
                }
                final float[] actual = x.clone();
                kernels.rmsNorm(actual, 3, weight, 1e-5f, actual, 3);
                assertSameBits(actual, expected, "width %d", width);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aSwiGluUsesTheOneExponential(final Implementation implementation) {
        final Random random = new Random(10);
        try (ComputeTeam team = new ComputeTeam(implementation.threads, () -> {})) {
            final Kernels kernels = implementation.on(team);
            for (int width = 1; width <= 100; width++) {
                final float[] x = numbers(random, 2 + 2 * width);
                System.arraycopy(ODD_NUMBERS, 0, x, 2, Math.min(width, ODD_NUMBERS.length));
                final float[] expected = new float[width + 1];
                for (int i = 0; i < width; i++) {
                    expected[1 + i] = x[2 + i] / (1f + Exp.exp(-x[2 + i])) * x[2 + width + i];
                }
                final float[] actual = new float[width + 1];
                kernels.swiGlu(x, 2, width, actual, 1);
                assertSameBits(actual, expected, "width %d", width);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void roundingIsToNearestEvenAndKeepsWhatIsNoNumber(final Implementation implementation) {
        final Random random = new Random(11);
        try (ComputeTeam team = new ComputeTeam(implementation.threads, () -> {})) {
            final Kernels kernels = implementation.on(team);
            for (final StorageType type : StorageType.values()) {
                for (int count = 1; count <= 100; count++) {
                    final float[] x = new float[count + 2];
                    for (int i = 0; i < x.length; i++) {
                        x[i] = random.nextBoolean()
                                ? Float.intBitsToFloat(random.nextInt())
                                : ODD_NUMBERS[random.nextInt(ODD_NUMBERS.length)];
                    }
                    final float[] expected = x.clone();
                    for (int i = 0; i < count; i++) {
                        expected[1 + i] = type.round(x[1 + i]);
                    }
                    final float[] actual = x.clone();
                    kernels.round(type, actual, 1, count, actual, 1);
                    assertSameBits(actual, expected, "%s, count %d", type, count);
                }
            }
        }
    }

    private static TensorView random(final Arena arena, final Random random, final Dtype dtype, final int rows,
            final int columns) {
        final MemorySegment data = arena.allocate((long) rows * columns * dtype.bytes(), 4);
        for (int i = 0; i < rows * columns; i++) {
            final float value = (float) random.nextGaussian();
            switch (dtype) {
                case BF16 -> data.setAtIndex(ValueLayout.JAVA_SHORT, i, StorageType.toBfloat16(value));
                case F16 -> data.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(value));
                case F32 -> data.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
            }
        }
        return new TensorView("random", dtype, data, rows, columns);
    }

    private static float[] numbers(final Random random, final int count) {
        final float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = (float) random.nextGaussian();
        }
        return numbers;
    }

    private static void assertSameBits(final float[] actual, final float[] expected, final String what,
            final Object... arguments) {
        for (int i = 0; i < expected.length; i++) {
            if (Float.floatToIntBits(actual[i]) != Float.floatToIntBits(expected[i])) {
                assertThat(actual[i]).as("index " + i + " of " + expected.length + ": " + String.format(what, arguments))
                        .isEqualTo(expected[i]);
            }
        }
        assertThat(actual).hasSameSizeAs(expected);
    }
}
