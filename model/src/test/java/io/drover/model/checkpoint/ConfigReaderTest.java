package io.drover.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

import io.drover.model.ModelConfig;

/** The spellings of {@code config.json} over the years, and what of it is refused. */
class ConfigReaderTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path directory;

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "mixtral | {\"architectures\": [\"GPT2LMHeadModel\"]} | architectures is [\"GPT2LMHeadModel\"]; expected one of MixtralForCausalLM, OlmoeForCausalLM,",
        "mixtral | {\"architectures\": null, \"model_type\": \"gpt2\"} | model_type is \"gpt2\"; expected one of mixtral, olmoe,",
        "mixtral | {\"architectures\": \"MixtralForCausalLM\"} | expected an array of strings",
        "mixtral | {\"hidden_size\": \"64\"} | hidden_size is \"64\"; expected a positive integer",
        "mixtral | {\"hidden_size\": 64.5} | hidden_size is 64.5; expected a positive integer",
        "mixtral | {\"hidden_size\": 0} | hidden_size is 0; expected a positive integer",
        "mixtral | {\"hidden_size\": 2000000000} | hidden_size is 2000000000; expected at most",
        "mixtral | {\"vocab_size\": null} | vocab_size is missing; expected a positive integer",
        "mixtral | {\"num_hidden_layers\": 1000000000} | num_hidden_layers is 1000000000; expected at most 4096",
        "mixtral | {\"num_local_experts\": 1000000000} | the expert count is 1000000000; expected at most",
        "mixtral | {\"num_local_experts\": null} | none of num_local_experts, num_experts, n_routed_experts,",
        "mixtral | {\"num_experts\": 9} | num_local_experts is 8 and num_experts is 9; expected one value",
        "mixtral | {\"num_experts_per_tok\": 9} | 9 experts per token; expected at most the 8 there are",
        "mixtral | {\"num_key_value_heads\": 3} | num_key_value_heads is 3; expected a divisor of num_attention_heads, 4",
        "mixtral | {\"head_dim\": 15} | the head width is 15; expected an even number",
        "mixtral | {\"head_dim\": null, \"num_attention_heads\": 5} | num_attention_heads is 5; expected a divisor of hidden_size, 64",
        "mixtral | {\"hidden_act\": \"gelu\"} | hidden_act is \"gelu\"; expected silu",
        "mixtral | {\"rms_norm_eps\": true} | rms_norm_eps is true; expected a number",
        "mixtral | {\"rms_norm_eps\": -1} | rms_norm_eps is -1.0; expected a number above 0",
        "mixtral | {\"tie_word_embeddings\": \"yes\"} | tie_word_embeddings is \"yes\"; expected true or false",
        "mixtral | {\"eos_token_id\": [1, \"2\"]} | eos_token_id is [1,\"2\"]; expected an integer or an array of integers",
        "mixtral | {\"sliding_window\": 128} | sliding_window is 128; expected null",
        "qwen2_moe | {\"sliding_window\": 128, \"use_sliding_window\": true} | sliding_window is 128; expected null",
        "qwen3_moe | {\"layer_types\": [\"linear_attention\"]} | layer_types names 'linear_attention'; expected full_attention",
        "mixtral | {\"rope_parameters\": {\"rope_type\": \"yarn\", \"factor\": 4}} | rope_type is \"yarn\"; expected \"default\"",
        "mixtral | {\"rope_parameters\": {\"rope_type\": \"default\", \"factor\": 4}} | factor is 4; expected no key but rope_theta",
        "mixtral | {\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}} | type is \"linear\"; expected \"default\"",
        "mixtral | {\"rope_scaling\": 2} | rope_scaling is 2; expected an object",
        "mixtral | {\"partial_rotary_factor\": 0.5} | partial_rotary_factor is 0.5; expected 1",
        "mixtral | {\"quantization_config\": {\"quant_method\": \"fp8\"}} | quantization_config is {\"quant_method\":\"fp8\"}; expected none",
        "olmoe | {\"clip_qkv\": \"no\"} | clip_qkv is \"no\"; expected a number",
        "qwen2_moe | {\"shared_expert_intermediate_size\": 0} | shared_expert_intermediate_size is 0; expected a positive integer",
        "granitemoe | {\"logits_scaling\": 0} | logits_scaling is 0.0; expected a number above 0"})
    void whatCannotBeServedIsRefusedByName(final String family, final String change, final String message) throws IOException {
        write(family, change);
        assertThatThrownBy(() -> ConfigReader.read(directory)).isInstanceOf(CheckpointException.class)
                .hasMessageContaining(message)
                .hasMessageContaining("config.json")
                .message()
                .doesNotContain("\n");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {"mixtral | {\"num_local_experts\": null, \"n_routed_experts\": 8}",
        "mixtral | {\"num_local_experts\": null, \"moe_num_experts\": 8, \"num_experts\": 8}",
        "mixtral | {\"rope_parameters\": null, \"rope_theta\": 1000000.0, \"rope_scaling\": null}",
        "mixtral | {\"rope_parameters\": null, \"rope_theta\": 1000000, \"rope_scaling\": {\"type\": \"default\"}}",
        "mixtral | {\"rope_parameters\": null}", "mixtral | {\"head_dim\": null}", "mixtral | {\"rms_norm_eps\": null}",
        "mixtral | {\"architectures\": null}", "mixtral | {\"sliding_window\": 4096}", "mixtral | {\"eos_token_id\": [2]}",
        "mixtral | {\"tie_word_embeddings\": null, \"hidden_act\": null}",
        "qwen2_moe | {\"sliding_window\": 128, \"use_sliding_window\": null}",
        "qwen2_moe | {\"qkv_bias\": null, \"layer_types\": null, \"mlp_only_layers\": null, \"decoder_sparse_step\": null}"})
    void otherSpellingsOfTheSameModelMeanTheSame(final String family, final String change) throws IOException {
        write(family, "{}");
        final ModelConfig plain = ConfigReader.read(directory).config();
        write(family, change);
        assertThat(ConfigReader.read(directory).config()).isEqualTo(plain);
        assertThat(Digests.config(ConfigReader.read(directory).config())).isEqualTo(Digests.config(plain));
    }

    @Test
    void keyAndValueHeadsAreAsManyAsQueryHeadsWhereTheConfigIsSilent() throws IOException {
        write("mixtral", "{\"num_key_value_heads\": null}");
        assertThat(ConfigReader.read(directory).config().kvHeads()).isEqualTo(4);
    }

    @Test
    void layersWithoutExpertsAreThoseTheConfigNames() throws IOException {
        write("qwen3_moe", "{\"mlp_only_layers\": [0], \"decoder_sparse_step\": 3, \"intermediate_size\": 40}");
        final ModelConfig config = ConfigReader.read(directory).config();
        assertThat(config.expertsPerLayer()).containsExactly(0, 0, 16);
        assertThat(config.layers().getFirst().denseWidth()).isEqualTo(40);
    }

    @Test
    void theGenerationConfigDecidesWhichTokensEnd() throws IOException {
        write("mixtral", "{}");
        Files.writeString(directory.resolve("generation_config.json"), "{\"eos_token_id\": [7, 8, 7], \"bos_token_id\": 5}");
        assertThat(ConfigReader.read(directory).config().eosTokenIds()).isEqualTo(List.of(7, 8));
        assertThat(ConfigReader.read(directory).config().bosTokenId()).isEqualTo(5);
        Files.writeString(directory.resolve("generation_config.json"), "{}");
        assertThat(ConfigReader.read(directory).config().eosTokenIds()).isEqualTo(List.of(2));
        Files.writeString(directory.resolve("generation_config.json"), "{\"eos_token_id\": {}}");
        assertThatThrownBy(() -> ConfigReader.read(directory)).hasMessageContaining("generation_config.json: eos_token_id is {}");
    }

    @Test
    void filesThatAreNoJsonObjectsAreRefused() throws IOException {
        assertThatThrownBy(() -> ConfigReader.read(directory)).hasMessageContaining("config.json is missing");
        for (final String text : List.of("", "[]", "3", "{\"a\": 1", "{\"a\": 1, \"a\": 2}", "{} x", "\u0000\u0001")) {
            Files.writeString(directory.resolve("config.json"), text);
            assertThatThrownBy(() -> ConfigReader.read(directory)).as(text)
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("config.json")
                    .message()
                    .doesNotContain("\n");
        }
    }

    private void write(final String family, final String change) throws IOException {
        final ObjectNode config = (ObjectNode) JSON
                .readTree(CheckpointTest.FIXTURES.resolve(family).resolve("config.json").toFile());
        config.setAll((ObjectNode) JSON.readTree(change));
        JSON.writeValue(directory.resolve("config.json").toFile(), config);
    }
}
