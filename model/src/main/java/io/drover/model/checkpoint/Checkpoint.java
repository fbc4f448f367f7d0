package io.drover.model.checkpoint;

import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import io.drover.model.LayerPlan;
import io.drover.model.ModelConfig;
import io.drover.model.ModelConfig.QkNorm;

/**
 * A model directory as published by Hugging Face: {@code config.json} and one or many {@code .safetensors}, memory-mapped. Nothing is
 * copied to the heap; a view reads the file's pages, which the operating system may drop and read again.
 *
 * <p>
 * Every tensor that the config calls for is checked when the checkpoint is opened: that it is there, inside its file, in a format
 * that float32 holds exactly, and of the right shape. Tensors beyond those are ignored. After that, no call fails. Views are valid
 * until {@link #close()}; the object is immutable and may be shared by threads. Files must not be changed while they are open.
 */
public final class Checkpoint implements AutoCloseable {
    private static final String LAYER = "model.layers.";

    private final Arena arena;
    private final Tensors tensors;
    private final Family family;
    private final ModelConfig config;
    private final TensorView embedding;
    private final TensorView finalNorm;
    private final TensorView head;
    private final List<LayerTensors> layers = new ArrayList<>();
    private final List<List<ExpertTensors>> experts = new ArrayList<>();

    private Checkpoint(final ConfigReader.Model model, final Tensors tensors, final Arena arena) {
        this.arena = arena;
        this.tensors = tensors;
        family = model.family();
        config = model.config();
        embedding = tensors.view("model.embed_tokens.weight", config.vocabSize(), config.hiddenSize());
        finalNorm = tensors.view("model.norm.weight", config.hiddenSize());
        head = config.tiedEmbeddings() ? embedding : tensors.view("lm_head.weight", config.vocabSize(), config.hiddenSize());
        for (int layer = 0; layer < config.layers().size(); layer++) {
            layers.add(layerTensors(layer));
            experts.add(expertTensors(layer));
        }
    }

    /**
     * Maps and checks a model directory.
     *
     * @throws CheckpointException in one line, if the directory does not hold a model that can be served
     */
    public static Checkpoint open(final Path directory) {
        if (!Files.isDirectory(directory)) {
            throw new CheckpointException("model directory " + directory + " is missing or no directory");
        }
        final ConfigReader.Model model = ConfigReader.read(directory);
        final Arena arena = Arena.ofShared();
        try {
            return new Checkpoint(model, Tensors.open(directory, arena), arena);
        } catch (final RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    public ModelConfig config() {
        return config;
    }

    /** [vocab, hidden] */
    public TensorView embedding() {
        return embedding;
    }

    /** [1, hidden] */
    public TensorView finalNorm() {
        return finalNorm;
    }

    /** [vocab, hidden]; the embedding if the model ties them. */
    public TensorView head() {
        return head;
    }

    /** The tensors of a layer, from 0, without its routed experts. */
    public LayerTensors layer(final int layer) {
        return layers.get(layer);
    }

    /** One routed expert; of a family that stores a layer's experts in one tensor, its slice of that. */
    public ExpertTensors expert(final int layer, final int expert) {
        return experts.get(layer).get(expert);
    }

    /**
     * SHA-256 in hex of the parsed {@link #config()} in canonical form: two configs that mean the same, in whatever spelling, agree.
     */
    public String configDigest() {
        return Digests.config(config);
    }

    /**
     * SHA-256 in hex over name, number format, shape and content of every tensor in use, in the order of names, however they are
     * spread over files. Of a tensor of up to 64 KiB, and of every tensor in a model of up to 256 MiB, all bytes count; of a larger
     * one, the first, middle and last 256 bytes, so that a model of 100 GB is told from another in seconds. It identifies weights; it
     * does not prove that no byte was altered. Computed at each call.
     */
    public String weightsDigest() {
        return Digests.weights(tensors.used());
    }

    @Override
    public void close() {
        arena.close();
    }

    private LayerTensors layerTensors(final int layer) {
        final int hidden = config.hiddenSize();
        final int queries = config.heads() * config.headDim();
        final int keys = config.kvHeads() * config.headDim();
        final String prefix = LAYER + layer + ".";
        final String attention = prefix + "self_attn.";
        final boolean qkvBias = config.qkvBias();
        final LayerPlan plan = config.layers().get(layer);
        final LayerPlan.Moe moe = plan.moe();
        final LayerPlan.Shared shared = moe == null ? null : moe.shared();
        return new LayerTensors(tensors.view(prefix + "input_layernorm.weight", hidden),
                tensors.view(attention + "q_proj.weight", queries, hidden),
                tensors.view(attention + "k_proj.weight", keys, hidden),
                tensors.view(attention + "v_proj.weight", keys, hidden),
                tensors.view(attention + "o_proj.weight", hidden, queries),
                vectorIf(qkvBias, attention + "q_proj.bias", queries), vectorIf(qkvBias, attention + "k_proj.bias", keys),
                vectorIf(qkvBias, attention + "v_proj.bias", keys),
                vectorIf(config.outputBias(), attention + "o_proj.bias", hidden),
                qkNorm(attention + "q_norm.weight", queries), qkNorm(attention + "k_norm.weight", keys),
                tensors.view(prefix + "post_attention_layernorm.weight", hidden),
                moe == null ? null : tensors.view(prefix + family.names().router(), moe.experts(), hidden),
                shared == null ? null : mlp(prefix + "mlp.shared_expert.", shared.width()),
                shared == null || !shared.gated() ? null : tensors.view(prefix + "mlp.shared_expert_gate.weight", 1, hidden),
                moe == null ? mlp(prefix + "mlp.", plan.denseWidth()) : null);
    }

    private @Nullable TensorView vectorIf(final boolean present, final String name, final int length) {
        return present ? tensors.view(name, length) : null;
    }

    private @Nullable TensorView qkNorm(final String name, final int wholeWidth) {
        return vectorIf(config.qkNorm() != QkNorm.NONE, name,
                config.qkNorm() == QkNorm.PER_HEAD ? config.headDim() : wholeWidth);
    }

    private ExpertTensors mlp(final String prefix, final int width) {
        return separate(prefix + "gate_proj.weight", prefix + "up_proj.weight", prefix + "down_proj.weight", width);
    }

    private ExpertTensors separate(final String gate, final String up, final String down, final int width) {
        final int hidden = config.hiddenSize();
        return new ExpertTensors(tensors.view(gate, width, hidden), tensors.view(up, width, hidden),
                tensors.view(down, hidden, width));
    }

    private List<ExpertTensors> expertTensors(final int layer) {
        final LayerPlan.Moe moe = config.layers().get(layer).moe();
        if (moe == null) {
            return List.of();
        }
        final String prefix = LAYER + layer + ".";
        final List<ExpertTensors> all = new ArrayList<>();
        switch (family.names().experts()) {
            case Family.Layout.Separate names -> {
                for (int expert = 0; expert < moe.experts(); expert++) {
                    final String number = Integer.toString(expert);
                    all.add(separate(prefix + names.gate().replace("{e}", number), prefix + names.up().replace("{e}", number),
                            prefix + names.down().replace("{e}", number), moe.expertWidth()));
                }
            }
            case Family.Layout.Fused names -> {
                final int hidden = config.hiddenSize();
                final int width = moe.expertWidth();
                final TensorView gateUp = tensors.view(prefix + names.gateUp(), moe.experts(), 2 * width, hidden);
                final TensorView down = tensors.view(prefix + names.down(), moe.experts(), hidden, width);
                for (int expert = 0; expert < moe.experts(); expert++) {
                    all.add(new ExpertTensors(gateUp.rows(2 * width * expert, width),
                            gateUp.rows(2 * width * expert + width, width),
                            down.rows(hidden * expert, hidden)));
                }
            }
        }
        return all;
    }
}
