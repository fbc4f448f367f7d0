package io.drover.model.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import io.drover.model.Fixture;
import io.drover.model.ModelConfig;
import io.drover.model.StorageType;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.model.checkpoint.ExpertTensors;
import io.drover.model.checkpoint.TensorView;
import io.drover.model.checkpoint.TensorView.Dtype;
import io.drover.model.kernel.ComputeTeam;
import io.drover.model.kernel.CpuKernels;
import io.drover.model.kernel.Kernels;

/** An expert that came as bytes is the expert that was packed from files, bit for bit, in every number format. */
class ExpertImageTest {
    private final Kernels kernels = CpuKernels.create(new ComputeTeam(1, () -> {}), "auto");

    private static ModelConfig config() {
        try (Checkpoint mixtral = Checkpoint.open(Fixture.of("mixtral").directory())) {
            return mixtral.config();
        }
    }

    private final ModelConfig config = config();
    private final int hidden = config.hiddenSize();
    private final int width = config.layers().getFirst().moe().expertWidth();

    private TensorView random(final Random random, final Dtype dtype, final int rows, final int columns) {
        final byte[] numbers = new byte[rows * columns * dtype.bytes()];
        for (int i = 0; i < rows * columns; i++) {
            final float value = (float) random.nextGaussian();
            final int bits = switch (dtype) {
                case BF16 -> StorageType.toBfloat16(value);
                case F16 -> Float.floatToFloat16(value);
                case F32 -> Float.floatToRawIntBits(value);
            };
            for (int b = 0; b < dtype.bytes(); b++) {
                numbers[i * dtype.bytes() + b] = (byte) (bits >> 8 * b);
            }
        }
        final MemorySegment data = Arena.ofAuto().allocate(numbers.length, 8);
        MemorySegment.copy(numbers, 0, data, ValueLayout.JAVA_BYTE, 0, numbers.length);
        return new TensorView("t", dtype, data, rows, columns);
    }

    private ExpertWeights packed(final Dtype gate, final Dtype up, final Dtype down) {
        final Random random = new Random(7);
        return ExpertWeights.load(new ExpertTensors(random(random, gate, width, hidden), random(random, up, width, hidden),
                random(random, down, hidden, width)), kernels, StorageType.FLOAT32);
    }

    private static byte[] bytes(final ExpertWeights weights) {
        final byte[] all = new byte[(int) weights.image().length()];
        weights.image().read(0, all, all.length);
        return all;
    }

    private ExpertReceiver receiver() {
        return new ExpertReceiver(config, 0, kernels, StorageType.FLOAT32);
    }

    private float[] output(final ExpertWeights weights) {
        final int rows = 5;
        final float[] in = new float[rows * hidden];
        final Random random = new Random(3);
        for (int i = 0; i < in.length; i++) {
            in[i] = (float) random.nextGaussian();
        }
        final float[] out = new float[rows * hidden];
        final ExpertBatch batch = new ExpertBatch(rows);
        for (int row = 0; row < rows; row++) {
            batch.add(in, row * hidden, out, row * hidden);
        }
        weights.run(batch);
        return out;
    }

    @ParameterizedTest
    @CsvSource({"BF16,BF16,BF16", "F32,F32,F32", "F16,F16,F16", "BF16,BF16,F32", "F32,BF16,BF16", "F16,BF16,F32"})
    void theBitsAreThoseOfTheFiles(final Dtype gate, final Dtype up, final Dtype down) {
        try (ExpertWeights original = packed(gate, up, down); ExpertReceiver receiver = receiver()) {
            final byte[] image = bytes(original);
            final Random random = new Random(11);
            for (int done = 0; done < image.length;) {
                final int part = Math.min(image.length - done, 1 + random.nextInt(done == 0 ? 15 : 5000));
                final byte[] chunk = new byte[part];
                original.image().read(done, chunk, part);
                receiver.accept(chunk);
                done += part;
            }
            try (ExpertWeights received = receiver.finish()) {
                assertThat(bytes(received)).isEqualTo(image);
                assertThat(received.digest()).isEqualTo(original.digest());
                assertThat(received.bytes()).isEqualTo(original.bytes());
                assertThat(output(received)).containsExactly(output(original));
            }
        }
    }

    @Test
    void theHeaderIsAsDrawn() {
        try (ExpertWeights original = packed(Dtype.BF16, Dtype.BF16, Dtype.F16)) {
            final byte[] image = bytes(original);
            assertThat(HexFormat.of().formatHex(image, 0, 16)).isEqualTo("44584931" + "01000000" + "40000000" + "18000000");
            assertThat(image).hasSize((int) (16 + original.bytes()));
        }
    }

    @Test
    void oneBitChangesTheDigest() {
        try (ExpertWeights original = packed(Dtype.BF16, Dtype.BF16, Dtype.BF16); ExpertReceiver receiver = receiver()) {
            final byte[] image = bytes(original);
            image[image.length / 2] ^= 4;
            receiver.accept(image);
            try (ExpertWeights received = receiver.finish()) {
                assertThat(received.digest()).isNotEqualTo(original.digest());
            }
        }
    }

    @Test
    void whatIsNoImageOfSuchAnExpertIsRefused() {
        try (ExpertWeights original = packed(Dtype.F32, Dtype.F32, Dtype.F32)) {
            final byte[] image = bytes(original);
            for (final int wrong : List.of(0, 4, 5, 6, 8, 12)) {
                final byte[] changed = image.clone();
                changed[wrong] += 2;
                try (ExpertReceiver receiver = receiver()) {
                    assertThatIllegalArgumentException().isThrownBy(() -> receiver.accept(changed))
                            .withMessageContaining("no image");
                }
            }
            try (ExpertReceiver receiver = receiver()) {
                assertThatIllegalArgumentException().isThrownBy(() -> receiver.accept(Arrays.copyOf(image, image.length + 1)))
                        .withMessageContaining("more than");
            }
            try (ExpertReceiver receiver = receiver()) {
                receiver.accept(Arrays.copyOf(image, image.length - 1));
                assertThatIllegalArgumentException().isThrownBy(receiver::finish).withMessageContaining("ends at byte");
            }
            try (ExpertReceiver receiver = receiver()) {
                receiver.accept(Arrays.copyOf(image, 9));
                assertThatIllegalArgumentException().isThrownBy(receiver::finish).withMessageContaining("ends at byte 9");
            }
        }
    }
}
