package io.drover.model.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.drover.model.Fixture;
import io.drover.model.ReferenceForward;
import io.drover.model.StorageType;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.model.kernel.ComputeTeam;
import io.drover.model.kernel.CpuKernels;

/** What no fixture has: dense layers, clipped projections, weights in other formats. */
class VariantTest {
    @TempDir
    private Path directory;

    @Test
    void aDenseLayerBetweenExpertsEqualsTheOracles() throws IOException {
        final Fixture fixture = Fixture.of("qwen2_moe");
        final Path dense = RewrittenModel.write(fixture.directory(), directory,
                "{\"mlp_only_layers\": [1], \"intermediate_size\": 40}",
                name -> name.replace("layers.1.mlp.shared_expert.", "layers.1.mlp."), "BF16");
        try (Checkpoint checkpoint = Checkpoint.open(dense)) {
            assertThat(checkpoint.config().expertsPerLayer()).containsExactly(8, 0, 8);
        }
        assertEqualsOracle(dense, fixture);
    }

    @Test
    void clippedProjectionsEqualTheOracles() throws IOException {
        final Fixture fixture = Fixture.of("olmoe");
        assertEqualsOracle(RewrittenModel.write(fixture.directory(), directory, "{\"clip_qkv\": 0.4}", name -> name, "BF16"),
                fixture);
    }

    @ParameterizedTest
    @ValueSource(strings = {"mixtral", "granitemoe", "qwen3_moe"})
    void theFormatOfTheWeightsChangesNoBit(final String family) throws IOException {
        final Fixture fixture = Fixture.of(family);
        final Path rewritten = RewrittenModel.write(fixture.directory(), directory, "{}", name -> name, "F32");
        assertThat(
                Arrays.deepEquals(logits(rewritten, fixture.inputIds(), 9), logits(fixture.directory(), fixture.inputIds(), 40)))
                .isTrue();
    }

    @Test
    void halfPrecisionWeightsEqualTheOracles() throws IOException {
        final Fixture fixture = Fixture.of("olmoe");
        assertEqualsOracle(RewrittenModel.write(fixture.directory(), directory, "{}", name -> name, "F16"), fixture);
    }

    private static void assertEqualsOracle(final Path model, final Fixture fixture) {
        final float[][] actual = logits(model, fixture.inputIds(), 7);
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            final float[][] expected = new ReferenceForward(checkpoint, StorageType.FLOAT32, StorageType.FLOAT32)
                    .logits(fixture.inputIds());
            for (int position = 0; position < expected.length; position++) {
                assertThat(actual[position]).containsExactly(expected[position], within(2e-4f));
            }
        }
        assertThat(Arrays.deepEquals(actual, logits(fixture.directory(), fixture.inputIds(), 7)))
                .as("the change is one that changes the logits")
                .isFalse();
    }

    private static float[][] logits(final Path directory, final int[] prompt, final int chunk) {
        try (Checkpoint checkpoint = Checkpoint.open(directory);
                ComputeTeam team = new ComputeTeam(1, () -> {});
                Model model = new Model(checkpoint, CpuKernels.create(team, "auto"), StorageType.FLOAT32, StorageType.FLOAT32,
                        4)) {
            return model.prompt(prompt, chunk);
        }
    }
}
