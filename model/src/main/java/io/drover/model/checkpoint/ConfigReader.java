package io.drover.model.checkpoint;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import io.drover.model.GatePlan;
import io.drover.model.LayerPlan;
import io.drover.model.ModelConfig;

/**
 * Reads {@code config.json} (and the token ids of {@code generation_config.json}) as published by Hugging Face, in the older and
 * the newer spelling of its keys. What would change the mathematics and is not supported is refused by name, never ignored.
 */
final class ConfigReader {
    private static final List<String> EXPERT_COUNT = List.of("num_local_experts", "num_experts", "n_routed_experts",
            "moe_num_experts", "num_moe_experts");
    private static final List<String> EXPERTS_PER_TOKEN = List.of("num_experts_per_tok", "num_experts_per_token", "moe_topk",
            "moe_k");
    /** Far above any model, and low enough that twice one does not overflow. */
    private static final int MAX_WIDTH = 1 << 17;
    private static final int MAX_LAYERS = 4096;
    private static final int MAX_EXPERTS = 65_536;

    private final JsonFile config;
    private final Family family;
    private final int hiddenSize;
    private final int heads;
    private final int headDim;

    private ConfigReader(final JsonFile config) {
        this.config = config;
        family = Family.of(config);
        hiddenSize = width("hidden_size");
        heads = width("num_attention_heads");
        headDim = config.has("head_dim") ? width("head_dim") : headDimOfHidden();
    }

    record Model(Family family, ModelConfig config) {}

    static Model read(final Path directory) {
        final ConfigReader reader = new ConfigReader(JsonFile.read(directory.resolve("config.json")));
        final Path generation = directory.resolve("generation_config.json");
        return new Model(reader.family, reader.model(Files.exists(generation) ? JsonFile.read(generation) : reader.config));
    }

    private ModelConfig model(final JsonFile generation) {
        refuseUnsupported();
        final int kvHeads = config.positiveInt("num_key_value_heads", heads);
        if (heads % kvHeads != 0) {
            throw config.wrong("num_key_value_heads", "a divisor of num_attention_heads, " + heads);
        }
        if ((long) heads * headDim > MAX_WIDTH * 8L) {
            throw new CheckpointException(
                    config.source() + ": " + heads + " heads of width " + headDim + "; expected a product of at most "
                            + MAX_WIDTH * 8L);
        }
        if (headDim % 2 != 0) {
            throw new CheckpointException(config.source() + ": the head width is " + headDim + "; expected an even number");
        }
        final Family.Bias bias = family.bias();
        final boolean qkvBias = bias.key() != null && config.flag(bias.key(), bias.absent());
        final JsonFile bos = generation.has("bos_token_id") ? generation : config;
        final JsonFile eos = generation.has("eos_token_id") ? generation : config;
        return new ModelConfig(family.architecture(), config.positiveInt("vocab_size"), hiddenSize, heads, kvHeads, headDim,
                config.positiveInt("max_position_embeddings"),
                (float) config.positiveNumber("rms_norm_eps", family.normEpsilon()),
                ropeTheta(), family.qkNorm(), qkvBias, qkvBias && bias.output(), clipQkv(),
                family.multipliers() ? multiplier("attention_multiplier") : (float) (1 / Math.sqrt(headDim)),
                multiplier("embedding_multiplier"), multiplier("residual_multiplier"), multiplier("logits_scaling"),
                config.flag("tie_word_embeddings", false), layers(),
                bos.has("bos_token_id") ? bos.anyInt("bos_token_id") : -1,
                eos.intOrInts("eos_token_id").stream().filter(id -> id >= 0).distinct().toList());
    }

    private int width(final String key) {
        final int width = config.positiveInt(key);
        if (width > MAX_WIDTH) {
            throw config.wrong(key, "at most " + MAX_WIDTH);
        }
        return width;
    }

    private int headDimOfHidden() {
        if (hiddenSize % heads != 0) {
            throw config.wrong("num_attention_heads", "a divisor of hidden_size, " + hiddenSize + ", where head_dim is absent");
        }
        return hiddenSize / heads;
    }

    private void refuseUnsupported() {
        final String activation = config.text("hidden_act", "silu");
        if (!activation.equals("silu") && !activation.equals("swish")) {
            throw config.wrong("hidden_act", "silu");
        }
        if (config.has("quantization_config")) {
            throw config.wrong("quantization_config", "none: weights in bf16, f16 or f32");
        }
        final boolean slides = config.flag("use_sliding_window", family.slidesByDefault());
        final int window = config.has("sliding_window") ? config.anyInt("sliding_window") : 0;
        final boolean active = slides && window > 0 && window < config.positiveInt("max_position_embeddings");
        if (active) {
            throw config.wrong("sliding_window", "null, or use_sliding_window false: attention over a window is not supported");
        }
        for (final String type : config.texts("layer_types")) {
            if (!type.equals("full_attention") && !type.equals("sliding_attention")) {
                throw new CheckpointException(config.source() + ": layer_types names '" + type + "'; expected full_attention");
            }
        }
    }

    private double ropeTheta() {
        for (final String key : List.of("rope_parameters", "rope_scaling")) {
            if (config.has(key)) {
                refuseScaledRope(config.object(key));
            }
        }
        final boolean partial = config.number("partial_rotary_factor", 1) != 1;
        if (partial) {
            throw config.wrong("partial_rotary_factor", "1");
        }
        final JsonFile source = config.has("rope_parameters") && config.object("rope_parameters").has("rope_theta")
                ? config.object("rope_parameters")
                : config;
        return source.positiveNumber("rope_theta", family.ropeTheta());
    }

    private static void refuseScaledRope(final JsonFile rope) {
        for (final String key : List.of("rope_type", "type")) {
            if (!rope.text(key, "default").equals("default")) {
                throw rope.wrong(key, "\"default\"");
            }
        }
        if (rope.number("partial_rotary_factor", 1) != 1) {
            throw rope.wrong("partial_rotary_factor", "1");
        }
        for (final String key : rope.keys()) {
            if (!List.of("rope_type", "type", "rope_theta", "partial_rotary_factor").contains(key) && rope.has(key)) {
                throw rope.wrong(key, "no key but rope_theta beside rope_type \"default\"");
            }
        }
    }

    private float clipQkv() {
        return family.clipQkv() ? (float) config.positiveNumber("clip_qkv", Double.POSITIVE_INFINITY) : Float.POSITIVE_INFINITY;
    }

    private float multiplier(final String key) {
        return family.multipliers() ? (float) config.positiveNumber(key, 1) : 1;
    }

    private List<LayerPlan> layers() {
        final int count = config.positiveInt("num_hidden_layers");
        if (count > MAX_LAYERS) {
            throw config.wrong("num_hidden_layers", "at most " + MAX_LAYERS);
        }
        final String denseWidth = family.widths().dense();
        final int sparseStep = denseWidth == null ? 1 : config.positiveInt("decoder_sparse_step", 1);
        final List<Integer> denseLayers = denseWidth == null ? List.of() : config.intOrInts("mlp_only_layers");
        final LayerPlan sparse = new LayerPlan(0, moe());
        final List<LayerPlan> plans = new ArrayList<>();
        for (int layer = 0; layer < count; layer++) {
            if (denseWidth != null && (denseLayers.contains(layer) || (layer + 1) % sparseStep != 0)) {
                plans.add(new LayerPlan(width(denseWidth), null));
            } else {
                plans.add(sparse);
            }
        }
        return plans;
    }

    private LayerPlan.Moe moe() {
        final int experts = config.positiveInt(EXPERT_COUNT);
        if (experts > MAX_EXPERTS) {
            throw new CheckpointException(
                    config.source() + ": the expert count is " + experts + "; expected at most " + MAX_EXPERTS);
        }
        final int topK = config.positiveInt(EXPERTS_PER_TOKEN);
        if (topK > experts) {
            throw new CheckpointException(config.source() + ": " + topK + " experts per token; expected at most the " + experts
                    + " there are");
        }
        final String shared = family.widths().shared();
        return new LayerPlan.Moe(experts, topK, width(family.widths().expert()), gate(),
                shared == null ? null : new LayerPlan.Shared(width(shared), true));
    }

    private GatePlan gate() {
        final GatePlan gate = family.gate();
        if (!family.normByConfig()) {
            return gate;
        }
        final boolean normalised = config.flag("norm_topk_prob", false);
        return new GatePlan(gate.score(), gate.weight(), normalised ? GatePlan.Normalise.SUM : GatePlan.Normalise.NONE,
                gate.scale());
    }
}
