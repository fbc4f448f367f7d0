package io.drover.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.drover.model.GatePlan;
import io.drover.model.ModelConfig;
import io.drover.model.ModelConfig.QkNorm;

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
            assertThat(checkpoint.weightsDigest()).hasSize(64).isEqualTo(checkpoint.weightsDigest());
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

    private static GatePlan gate(final Checkpoint checkpoint) {
        final var moe = checkpoint.config().layers().getFirst().moe();
        assertThat(moe).isNotNull();
        return moe.gate();
    }
}
