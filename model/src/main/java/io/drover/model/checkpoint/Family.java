package io.drover.model.checkpoint;

import java.util.List;

import org.jspecify.annotations.Nullable;

import io.drover.model.GatePlan;
import io.drover.model.ModelConfig.QkNorm;

/**
 * What Drover knows of an architecture that its {@code config.json} does not say: one row of {@link #ALL} each, and no code. The
 * decoder around the experts (grouped-query attention with rotary positions, RMSNorm before each half, SwiGLU) is the same for all.
 *
 * @param architecture     the Hugging Face class name
 * @param modelType        the {@code model_type} beside it, used where {@code architectures} is absent
 * @param ropeTheta        base of the rotary frequencies where the config is silent
 * @param normEpsilon      RMSNorm's epsilon where the config is silent
 * @param qkNorm           RMSNorm on queries and keys
 * @param bias             biases of the attention's projections
 * @param gate             the router's pipeline; its normalisation is overridden by {@code norm_topk_prob} if {@code normByConfig}
 * @param normByConfig     whether {@code norm_topk_prob} (default false) decides the normalisation
 * @param widths           the config keys of intermediate widths
 * @param multipliers      whether the config's embedding, attention, residual and logits multipliers apply
 * @param clipQkv          whether {@code clip_qkv} applies
 * @param slidesByDefault  whether {@code sliding_window} is in force where {@code use_sliding_window} is absent
 * @param names            tensor names of the experts
 */
record Family(String architecture, String modelType, double ropeTheta, double normEpsilon, QkNorm qkNorm, Bias bias,
        GatePlan gate,
        boolean normByConfig, Widths widths, boolean multipliers, boolean clipQkv, boolean slidesByDefault, ExpertNames names) {

    /**
     * @param key    config key that decides; null if there are none
     * @param absent the value where the key is absent
     * @param output whether the output projection follows the same key
     */
    record Bias(@Nullable String key, boolean absent, boolean output) {
        static final Bias NONE = new Bias(null, false, false);
        static final Bias ALL_BY_CONFIG = new Bias("attention_bias", false, true);
    }

    /**
     * @param expert key of the routed experts' width
     * @param shared key of the shared expert's width; null if the family has none
     * @param dense  key of the dense layers' width, where {@code decoder_sparse_step} and {@code mlp_only_layers} name such layers;
     *               null if every layer has experts
     */
    record Widths(String expert, @Nullable String shared, @Nullable String dense) {}

    /**
     * Tensor names after {@code model.layers.{L}.}, with {@code {e}} for the expert's number.
     *
     * @param router  [experts, hidden]
     * @param experts one tensor for each matrix of each expert, or all experts of a layer in one
     */
    record ExpertNames(String router, Layout experts) {}

    /** How the experts' matrices are stored. */
    sealed interface Layout {
        /** {@code gate} and {@code up} [width, hidden], {@code down} [hidden, width], for each expert. */
        record Separate(String gate, String up, String down) implements Layout {}

        /** {@code gateUp} [experts, 2 * width, hidden], gate before up; {@code down} [experts, hidden, width]. */
        record Fused(String gateUp, String down) implements Layout {}
    }

    private static final GatePlan SOFTMAX_NORMALISED = new GatePlan(GatePlan.Score.SOFTMAX, GatePlan.Weight.SCORE,
            GatePlan.Normalise.SUM, 1);
    private static final GatePlan SOFTMAX_RAW = new GatePlan(GatePlan.Score.SOFTMAX, GatePlan.Weight.SCORE,
            GatePlan.Normalise.NONE, 1);
    private static final GatePlan SOFTMAX_AFTER = new GatePlan(GatePlan.Score.IDENTITY, GatePlan.Weight.SOFTMAX_OF_SELECTED,
            GatePlan.Normalise.NONE, 1);

    private static final ExpertNames MIXTRAL_NAMES = new ExpertNames("block_sparse_moe.gate.weight",
            new Layout.Separate("block_sparse_moe.experts.{e}.w1.weight", "block_sparse_moe.experts.{e}.w3.weight",
                    "block_sparse_moe.experts.{e}.w2.weight"));
    private static final ExpertNames MLP_NAMES = new ExpertNames("mlp.gate.weight",
            new Layout.Separate("mlp.experts.{e}.gate_proj.weight", "mlp.experts.{e}.up_proj.weight",
                    "mlp.experts.{e}.down_proj.weight"));
    private static final ExpertNames GRANITE_NAMES = new ExpertNames("block_sparse_moe.router.layer.weight",
            new Layout.Fused("block_sparse_moe.input_linear.weight", "block_sparse_moe.output_linear.weight"));

    private static final Widths ONE_WIDTH = new Widths("intermediate_size", null, null);

    static final List<Family> ALL = List.of(
            new Family("MixtralForCausalLM", "mixtral", 1e6, 1e-5, QkNorm.NONE, Bias.NONE, SOFTMAX_NORMALISED, false, ONE_WIDTH,
                    false, false, true, MIXTRAL_NAMES),
            new Family("OlmoeForCausalLM", "olmoe", 1e4, 1e-5, QkNorm.WHOLE_WIDTH, Bias.ALL_BY_CONFIG, SOFTMAX_RAW, true,
                    ONE_WIDTH,
                    false, true, true, MLP_NAMES),
            new Family("Qwen2MoeForCausalLM", "qwen2_moe", 1e4, 1e-6, QkNorm.NONE, new Bias("qkv_bias", true, false), SOFTMAX_RAW,
                    true, new Widths("moe_intermediate_size", "shared_expert_intermediate_size", "intermediate_size"), false,
                    false,
                    false, MLP_NAMES),
            new Family("Qwen3MoeForCausalLM", "qwen3_moe", 1e4, 1e-6, QkNorm.PER_HEAD, Bias.ALL_BY_CONFIG, SOFTMAX_RAW, true,
                    new Widths("moe_intermediate_size", null, "intermediate_size"), false, false, false, MLP_NAMES),
            new Family("GraniteMoeForCausalLM", "granitemoe", 1e4, 1e-6, QkNorm.NONE, Bias.ALL_BY_CONFIG, SOFTMAX_AFTER, false,
                    ONE_WIDTH, true, false, true, GRANITE_NAMES));

    /** The family of a config. */
    static Family of(final JsonFile config) {
        final List<String> architectures = config.texts("architectures");
        final boolean byClass = !architectures.isEmpty();
        final String key = byClass ? "architectures" : "model_type";
        final String name = byClass ? architectures.getFirst() : config.text(key);
        for (final Family family : ALL) {
            if (name.equals(byClass ? family.architecture : family.modelType)) {
                return family;
            }
        }
        throw config.wrong(key, "one of "
                + String.join(", ", ALL.stream().map(byClass ? Family::architecture : Family::modelType).toList()));
    }
}
