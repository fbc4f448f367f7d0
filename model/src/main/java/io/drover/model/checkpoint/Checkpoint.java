package io.drover.model.checkpoint;

import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
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
 * that float32 holds exactly, and of the right shape. Tensors beyond those are ignored. After that, no call fails, but for experts that were allowed to be absent. Views
 * are valid
 * until {@link #close()}; the object is immutable and may be shared by threads. Files must not be changed while they are open.
 */
public final class Checkpoint implements AutoCloseable {
    private static final String LAYER = "model.layers.";

    /** What of the routed experts must be in the files. All else must always be there. */
    public enum Experts {
        /** All of them. */
        ALL,
        /** Any: tensors and whole files may be missing, and a file may be cut off. What is there must be right. */
        ANY
    }

    /** A routed expert, or why it is not here. */
    private record Slot(@Nullable ExpertTensors tensors, @Nullable CheckpointException absence) {}

    private final Arena arena;
    private final Experts required;
    private final Tensors tensors;
    private final Family family;
    private final ModelConfig config;
    private final TensorView embedding;
    private final TensorView finalNorm;
    private final TensorView head;
    private final List<LayerTensors> layers = new ArrayList<>();
    private final List<List<Slot>> experts = new ArrayList<>();

    private Checkpoint(final ConfigReader.Model model, final Tensors tensors, final Experts required, final Arena arena) {
        this.arena = arena;
        this.required = required;
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
        return open(directory, Experts.ALL);
    }

    /**
     * As {@link #open(Path)}.
     *
     * @param required which experts must be there
     */
    public static Checkpoint open(final Path directory, final Experts required) {
        if (!Files.isDirectory(directory)) {
            throw new CheckpointException("model directory " + directory + " is missing or no directory");
        }
        final ConfigReader.Model model = ConfigReader.read(directory);
        final Arena arena = Arena.ofShared();
        try {
            return new Checkpoint(model, Tensors.open(directory, arena, required == Experts.ANY), required, arena);
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

    /**
     * One routed expert; of a family that stores a layer's experts in one tensor, its slice of that.
     *
     * @throws CheckpointException saying why it is not here; only where {@link Experts#ANY} was required
     */
    public ExpertTensors expert(final int layer, final int expert) {
        final Slot slot = experts.get(layer).get(expert);
        if (slot.tensors() == null) {
            throw new CheckpointException(String.valueOf(slot.absence() == null ? "" : slot.absence().getMessage()));
        }
        return slot.tensors();
    }

    /** Whether {@link #expert} has it. */
    public boolean hasExpert(final int layer, final int expert) {
        return experts.get(layer).get(expert).tensors() != null;
    }

    /**
     * SHA-256 in hex of the parsed {@link #config()} in canonical form: two configs that mean the same, in whatever spelling, agree.
     */
    public String configDigest() {
        return Digests.config(config);
    }

    /**
     * SHA-256 in hex over name, number format, shape and content of every tensor in use but those of routed experts, in the order of
     * names, however they are spread over files. Of a tensor of up to 64 KiB, and of every tensor where they are up to 256 MiB together,
     * all bytes count; of a larger one, the first, middle and last 256 bytes, so that a model of 100 GB is told from another in seconds.
     * It identifies weights; it does not prove that no byte was altered. Computed at each call.
     */
    public String trunkDigest() {
        return Digests.weights(tensors.used());
    }

    /** As {@link #trunkDigest}, of the routed experts; empty where one of them is not here. */
    public String expertsDigest() {
        return experts.stream().flatMap(List::stream).allMatch(slot -> slot.tensors() != null)
                ? Digests.weights(tensors.usedByExperts())
                : "";
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
        final int hidden = config.hiddenSize();
        return new ExpertTensors(tensors.view(prefix + "gate_proj.weight", width, hidden),
                tensors.view(prefix + "up_proj.weight", width, hidden), tensors.view(prefix + "down_proj.weight", hidden, width));
    }

    private List<Slot> expertTensors(final int layer) {
        final LayerPlan.Moe moe = config.layers().get(layer).moe();
        if (moe == null) {
            return List.of();
        }
        final String prefix = LAYER + layer + ".";
        final List<Slot> all = new ArrayList<>();
        switch (family.names().experts()) {
            case Family.Layout.Separate names -> {
                for (int expert = 0; expert < moe.experts(); expert++) {
                    final String number = Integer.toString(expert);
                    all.add(separate(prefix + names.gate().replace("{e}", number), prefix + names.up().replace("{e}", number),
                            prefix + names.down().replace("{e}", number), moe.expertWidth()));
                }
            }
            case Family.Layout.Fused names -> all.addAll(fused(prefix + names.gateUp(), prefix + names.down(), moe));
        }
        return all;
    }

    private Slot separate(final String gate, final String up, final String down, final int width) {
        final int hidden = config.hiddenSize();
        final CheckpointException absence = firstAbsence(tensors.absence(gate, width, hidden),
                tensors.absence(up, width, hidden), tensors.absence(down, hidden, width));
        return absence != null
                ? new Slot(null, absence)
                : new Slot(new ExpertTensors(tensors.expertView(gate, width, hidden), tensors.expertView(up, width, hidden),
                        tensors.expertView(down, hidden, width)), null);
    }

    private List<Slot> fused(final String gateUpName, final String downName, final LayerPlan.Moe moe) {
        final int hidden = config.hiddenSize();
        final int width = moe.expertWidth();
        final CheckpointException absence = firstAbsence(tensors.absence(gateUpName, moe.experts(), 2 * width, hidden),
                tensors.absence(downName, moe.experts(), hidden, width));
        if (absence != null) {
            return Collections.nCopies(moe.experts(), new Slot(null, absence));
        }
        final TensorView gateUp = tensors.expertView(gateUpName, moe.experts(), 2 * width, hidden);
        final TensorView down = tensors.expertView(downName, moe.experts(), hidden, width);
        final List<Slot> all = new ArrayList<>();
        for (int expert = 0; expert < moe.experts(); expert++) {
            all.add(new Slot(new ExpertTensors(gateUp.rows(2 * width * expert, width),
                    gateUp.rows(2 * width * expert + width, width), down.rows(hidden * expert, hidden)), null));
        }
        return all;
    }

    /** The first that is not null. @throws CheckpointException that one, where all experts must be here */
    private @Nullable CheckpointException firstAbsence(final @Nullable CheckpointException... absences) {
        for (final CheckpointException absence : absences) {
            if (absence != null) {
                if (required == Experts.ALL) {
                    throw absence;
                }
                return absence;
            }
        }
        return null;
    }
}
