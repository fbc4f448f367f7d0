package io.drover.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.drover.model.GatePlan;
import io.drover.model.ModelConfig;
import io.drover.model.ModelConfig.QkNorm;
import io.drover.model.ReferenceForward;
import io.drover.model.StorageType;

class CheckpointTest {
    static final Path FIXTURES = Path.of(System.getProperty("drover.root"), "model/src/test/resources/fixtures");
    static final Path DEMO = Path.of(System.getProperty("drover.root"), "model/demo");

    @ParameterizedTest
    @ValueSource(strings = {"mixtral", "olmoe", "qwen2_moe", "qwen3_moe", "granitemoe"})
    void everyTensorOfEveryFamilyIsThereWithTheShapeOfTheConfig(final String family) {
        try (Checkpoint checkpoint = Checkpoint.open(FIXTURES.resolve(family))) {
            final ModelConfig config = checkpoint.config();
            assertThat(config.layers()).hasSize(3);
            assertThat(config.headDim()).isEqualTo(16);
            assertThat(config.eosTokenIds()).containsExactly(2);
            assertThat(checkpoint.head().rows()).isEqualTo(config.vocabSize());
            for (int layer = 0; layer < 3; layer++) {
                final var moe = config.layers().get(layer).moe();
                assertThat(moe).isNotNull();
                final ExpertTensors last = checkpoint.expert(layer, moe.experts() - 1);
                assertThat(new int[]{last.gate().rows(), last.up().rows(), last.down().rows()})
                        .containsExactly(moe.expertWidth(), moe.expertWidth(), config.hiddenSize());
                assertThat(checkpoint.layer(layer).query().rows()).isEqualTo(config.heads() * config.headDim());
            }
            assertThat(checkpoint.trunkDigest()).hasSize(64).isEqualTo(checkpoint.trunkDigest());
        }
    }

    @Test
    void whatTellsTheFamiliesApartIsReadFromTheirConfigs() {
        try (Checkpoint mixtral = Checkpoint.open(FIXTURES.resolve("mixtral"));
                Checkpoint olmoe = Checkpoint.open(FIXTURES.resolve("olmoe"));
                Checkpoint qwen2 = Checkpoint.open(FIXTURES.resolve("qwen2_moe"));
                Checkpoint qwen3 = Checkpoint.open(FIXTURES.resolve("qwen3_moe"));
                Checkpoint granite = Checkpoint.open(FIXTURES.resolve("granitemoe"))) {
            assertThat(mixtral.config().ropeTheta()).isEqualTo(1e6);
            assertThat(gate(mixtral))
                    .isEqualTo(new GatePlan(GatePlan.Score.SOFTMAX, GatePlan.Weight.SCORE, GatePlan.Normalise.SUM, 1));
            assertThat(gate(olmoe).normalise()).isEqualTo(GatePlan.Normalise.NONE);
            assertThat(gate(qwen3).normalise()).isEqualTo(GatePlan.Normalise.SUM);
            assertThat(olmoe.config().qkNorm()).isEqualTo(QkNorm.WHOLE_WIDTH);
            assertThat(qwen3.config().qkNorm()).isEqualTo(QkNorm.PER_HEAD);
            assertThat(qwen2.config().qkvBias()).isTrue();
            assertThat(qwen2.layer(0).sharedGate()).isNotNull();
            assertThat(granite.config().attentionScale()).isEqualTo(0.125f);
            assertThat(granite.config().logitsDivisor()).isEqualTo(4);
            assertThat(granite.config().residualScale()).isEqualTo(0.4f);
            assertThat(gate(granite).weight()).isEqualTo(GatePlan.Weight.SOFTMAX_OF_SELECTED);
            assertThat(mixtral.configDigest()).isNotEqualTo(qwen3.configDigest());
        }
    }

    @Test
    void theEmbeddedModelTiesItsHeadAndTakesItsEndTokensFromTheGenerationConfig() {
        try (Checkpoint demo = Checkpoint.open(DEMO)) {
            assertThat(demo.head()).isSameAs(demo.embedding());
            assertThat(demo.config().eosTokenIds()).containsExactly(0, 1);
            assertThat(demo.config().bosTokenId()).isZero();
            assertThat(demo.config().attentionScale()).isEqualTo((float) (1 / Math.sqrt(32)));
        }
    }

    @Test
    void aModelInManyFilesIsTheSameModel(@TempDir final Path directory) throws IOException {
        final ModelDirectory model = new ModelDirectory(directory, "qwen2_moe");
        model.writeConfig();
        final Map<String, String> places = new HashMap<>();
        for (final String name : model.tensors.keySet()) {
            places.put(name, "model-0000" + (1 + Math.floorMod(name.hashCode(), 3)) + "-of-00003.safetensors");
        }
        for (final String file : Set.copyOf(places.values())) {
            model.write(file, name -> places.get(name).equals(file));
        }
        model.writeIndex(places);
        try (Checkpoint whole = Checkpoint.open(FIXTURES.resolve("qwen2_moe")); Checkpoint parts = Checkpoint.open(directory)) {
            assertThat(parts.config()).isEqualTo(whole.config());
            assertThat(parts.trunkDigest()).isEqualTo(whole.trunkDigest());
            assertThat(parts.expertsDigest()).isEqualTo(whole.expertsDigest());
            assertThat(parts.expert(2, 7).down().get(5, 6)).isEqualTo(whole.expert(2, 7).down().get(5, 6));
        }
    }

    @Test
    void oneChangedWeightChangesTheDigestAndAnUnknownTensorDoesNot(@TempDir final Path directory) throws IOException {
        final ModelDirectory model = new ModelDirectory(directory, "mixtral");
        model.tensors.put("model.layers.0.some_buffer", new ModelDirectory.Tensor("I8", new long[]{3}, new byte[3]));
        try (Checkpoint plain = Checkpoint.open(FIXTURES.resolve("mixtral"));
                Checkpoint padded = Checkpoint.open(model.write().path)) {
            assertThat(padded.trunkDigest()).isEqualTo(plain.trunkDigest());
        }
        model.tensors.get("model.norm.weight").data()[3] ^= 1;
        try (Checkpoint plain = Checkpoint.open(FIXTURES.resolve("mixtral"));
                Checkpoint changed = Checkpoint.open(model.write().path)) {
            assertThat(changed.trunkDigest()).isNotEqualTo(plain.trunkDigest());
        }
    }

    @Test
    void aChangedExpertChangesTheDigestOfTheExpertsAlone(@TempDir final Path directory) throws IOException {
        final ModelDirectory model = new ModelDirectory(directory, "mixtral");
        model.tensors.get("model.layers.0.block_sparse_moe.experts.3.w1.weight").data()[3] ^= 1;
        try (Checkpoint plain = Checkpoint.open(FIXTURES.resolve("mixtral"));
                Checkpoint changed = Checkpoint.open(model.write().path)) {
            assertThat(changed.trunkDigest()).isEqualTo(plain.trunkDigest());
            assertThat(changed.expertsDigest()).hasSize(64).isNotEqualTo(plain.expertsDigest());
        }
    }

    @Test
    void weightsInFloat32AndFloat16AreReadExactly(@TempDir final Path directory) throws IOException {
        final String name = "model.layers.0.block_sparse_moe.experts.3.w1.weight";
        final ModelDirectory model = new ModelDirectory(directory, "mixtral");
        final ModelDirectory.Tensor original = model.tensors.get(name);
        for (final TensorView.Dtype dtype : TensorView.Dtype.values()) {
            try (Checkpoint plain = Checkpoint.open(FIXTURES.resolve("mixtral"))) {
                final TensorView expected = plain.expert(0, 3).gate();
                final ByteBuffer data = ByteBuffer.allocate(24 * 64 * dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
                for (int i = 0; i < 24 * 64; i++) {
                    final float value = expected.get(i / 64, i % 64);
                    switch (dtype) {
                        case BF16 -> data.putShort(StorageType.toBfloat16(value));
                        case F16 -> data.putShort(Float.floatToFloat16(value));
                        case F32 -> data.putFloat(value);
                    }
                }
                model.tensors.put(name, new ModelDirectory.Tensor(dtype.name(), original.shape(), data.array()));
                try (Checkpoint other = Checkpoint.open(model.write().path)) {
                    assertThat(other.expert(0, 3).gate().dtype()).isEqualTo(dtype);
                    for (int i = 0; i < 24 * 64; i++) {
                        final float value = expected.get(i / 64, i % 64);
                        assertThat(other.expert(0, 3).gate().get(i / 64, i % 64))
                                .isEqualTo(dtype == TensorView.Dtype.F16
                                        ? Float.float16ToFloat(Float.floatToFloat16(value))
                                        : value);
                    }
                }
            }
        }
    }

    @Test
    void aLayerWithoutExpertsHasADenseMlp(@TempDir final Path directory) throws IOException {
        final ModelDirectory model = new ModelDirectory(directory, "qwen3_moe");
        model.config.putArray("mlp_only_layers").add(1);
        model.writeConfig();
        model.write();
        assertThatThrownBy(() -> Checkpoint.open(directory))
                .hasMessageContaining("model.layers.1.mlp.gate_proj.weight is missing");
        for (final String matrix : List.of("gate", "up", "down")) {
            model.tensors.put("model.layers.1.mlp." + matrix + "_proj.weight",
                    model.tensors.remove("model.layers.1.mlp.experts.0." + matrix + "_proj.weight"));
        }
        try (Checkpoint checkpoint = Checkpoint.open(model.write().path)) {
            assertThat(checkpoint.layer(1).dense()).isNotNull();
            assertThat(checkpoint.layer(1).router()).isNull();
            final float[][] logits = new ReferenceForward(checkpoint, StorageType.FLOAT32, StorageType.FLOAT32)
                    .logits(new int[]{1, 2, 3});
            for (final float logit : logits[2]) {
                assertThat(logit).isFinite();
            }
        }
    }

    private static GatePlan gate(final Checkpoint checkpoint) {
        final var moe = checkpoint.config().layers().getFirst().moe();
        assertThat(moe).isNotNull();
        return moe.gate();
    }
}
