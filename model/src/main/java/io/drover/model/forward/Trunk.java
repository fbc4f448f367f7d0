package io.drover.model.forward;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.IntConsumer;

import io.drover.model.GatePlan;
import io.drover.model.LayerPlan;
import io.drover.model.ModelConfig;
import io.drover.model.ModelConfig.QkNorm;
import io.drover.model.StorageType;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.model.checkpoint.LayerTensors;
import io.drover.model.checkpoint.TensorView;
import io.drover.model.kernel.AttentionBatch;
import io.drover.model.kernel.Kernels;
import io.drover.model.kernel.KvLayout;
import io.drover.model.kernel.PackedMatrix;
import io.drover.model.kernel.Softmax;

/**
 * Everything of the model but its routed experts: embedding, attention, gate, shared expert, dense layers, output head. The one forward
 * pass of all families; what differs is in the {@link ModelConfig}. Used by the thread that owns the kernels; may call the breather.
 */
public final class Trunk implements AutoCloseable {
    private final ModelConfig config;
    private final Kernels kernels;
    private final StorageType wireType;
    private final Arena arena;
    private final TensorView embedding;
    private final float[] finalNorm;
    private final PackedMatrix head;
    private final List<TrunkLayer> layers;
    private final RopeTable rope;
    private final AttentionBatch attention;
    private final int hidden;
    private final int queryWidth;
    private final int keyWidth;
    private final int qkvWidth;
    private final KvLayout kvLayout;
    private final int[] oneSlot = new int[1];
    private float[] normed = new float[0];
    private float[] qkv = new float[0];
    private float[] queries = new float[0];
    private float[] mixed = new float[0];
    private float[] projected = new float[0];
    private float[] gates = new float[0];

    /** The tensors that a trunk is packed from. */
    record Source(ModelConfig config, TensorView embedding, TensorView finalNorm, TensorView head, List<LayerTensors> layers) {}

    Trunk(final Source source, final Kernels kernels, final StorageType kvType, final StorageType wireType,
            final IntConsumer layersLoaded) {
        config = source.config;
        this.kernels = kernels;
        this.wireType = wireType;
        hidden = config.hiddenSize();
        queryWidth = config.heads() * config.headDim();
        keyWidth = config.kvHeads() * config.headDim();
        qkvWidth = queryWidth + 2 * keyWidth;
        embedding = source.embedding;
        finalNorm = TrunkLayer.vector(source.finalNorm);
        rope = new RopeTable(config.headDim(), config.ropeTheta(), config.maxPositions());
        kvLayout = KvLayout.of(config, kvType);
        attention = new AttentionBatch(kvLayout, config.heads(), config.attentionScale());
        layers = new ArrayList<>();
        arena = Arena.ofShared();
        try {
            for (final LayerTensors layer : source.layers) {
                layers.add(TrunkLayer.pack(arena, layer));
                layersLoaded.accept(layers.size());
            }
            head = PackedMatrix.pack(arena, source.head);
        } catch (final RuntimeException | OutOfMemoryError e) {
            arena.close();
            throw e;
        }
    }

    /**
     * Reads and packs the trunk. The checkpoint must stay open: the embedding is read where it lies.
     *
     * @param kvType       type of the {@link KvPool}s that rows will use
     * @param wireType     what expert inputs are rounded to
     * @param layersLoaded told the number of layers loaded, after each
     */
    public static Trunk load(final Checkpoint checkpoint, final Kernels kernels, final StorageType kvType,
            final StorageType wireType,
            final IntConsumer layersLoaded) {
        final List<LayerTensors> layers = new ArrayList<>();
        for (int layer = 0; layer < checkpoint.config().layers().size(); layer++) {
            layers.add(checkpoint.layer(layer));
        }
        return new Trunk(
                new Source(checkpoint.config(), checkpoint.embedding(), checkpoint.finalNorm(), checkpoint.head(), layers),
                kernels,
                kvType, wireType, layersLoaded);
    }

    public ModelConfig config() {
        return config;
    }

    /** Starts rows: residual = embedding of the token. */
    public void embed(final Rows rows, final int[] slots, final int count) {
        final float[] residual = rows.residual();
        for (int i = 0; i < count; i++) {
            final int offset = slots[i] * hidden;
            embedding.copyRow(Objects.checkIndex(rows.tokenId(slots[i]), config.vocabSize()), residual, offset);
            for (int j = 0; j < hidden; j++) {
                residual[offset + j] *= config.embeddingScale();
            }
            kernels.breathe();
        }
    }

    /**
     * The attention half of a layer. Writes keys and values of all rows, then lets each row attend to its sequence up to itself; so
     * rows of one sequence in a call must be a run of positions without a gap, and all positions before must have been through this
     * layer.
     */
    public void attend(final int layer, final Rows rows, final int[] slots, final int count) {
        final TrunkLayer weights = layers.get(layer);
        normed = atLeast(normed, count * hidden);
        qkv = atLeast(qkv, count * qkvWidth);
        queries = atLeast(queries, count * queryWidth);
        mixed = atLeast(mixed, count * queryWidth);
        projected = atLeast(projected, count * hidden);
        norm(weights.attentionNorm(), rows, slots, count);
        kernels.multiply(weights.qkv(), normed, 0, hidden, count, qkv, 0, qkvWidth);
        attention.begin(layer, count, queries, mixed);
        for (int i = 0; i < count; i++) {
            final KvSequence sequence = rows.sequence(slots[i]);
            final int position = rows.position(slots[i]);
            if (sequence.layout().type() != kvLayout.type()) {
                throw new IllegalArgumentException("the sequence's pool holds " + sequence.layout().type().label()
                        + "; the trunk was loaded for " + kvLayout.type().label());
            }
            prepare(weights, i * qkvWidth, position);
            System.arraycopy(qkv, i * qkvWidth, queries, i * queryWidth, queryWidth);
            sequence.write(layer, position, qkv, i * qkvWidth + queryWidth, qkv, i * qkvWidth + queryWidth + keyWidth);
            attention.add(sequence.memory(), sequence.pageOffsets(), position + 1);
            kernels.breathe();
        }
        kernels.attend(attention);
        kernels.multiply(weights.output(), mixed, 0, queryWidth, count, projected, 0, hidden);
        final float[] bias = weights.outputBias();
        for (int i = 0; i < count; i++) {
            if (bias != null) {
                add(bias, projected, i * hidden);
            }
            addToResidual(projected, i * hidden, rows.residual(), slots[i] * hidden);
        }
    }

    /**
     * The first part of the feed-forward half: norm, gate, expert input, and the shared expert, whose output waits in the rows. A dense
     * layer is done as a whole.
     *
     * @return whether there are experts to call; if so, {@link #combine} must follow
     */
    public boolean route(final int layer, final Rows rows, final int[] slots, final int count) {
        final TrunkLayer weights = layers.get(layer);
        normed = atLeast(normed, count * hidden);
        projected = atLeast(projected, count * hidden);
        norm(weights.feedForwardNorm(), rows, slots, count);
        final LayerPlan.Moe moe = config.layers().get(layer).moe();
        if (moe == null) {
            Objects.requireNonNull(weights.dense()).run(kernels, normed, count, projected);
            for (int i = 0; i < count; i++) {
                addToResidual(projected, i * hidden, rows.residual(), slots[i] * hidden);
            }
            return false;
        }
        gate(moe, Objects.requireNonNull(weights.router()), rows, slots, count);
        for (int i = 0; i < count; i++) {
            kernels.round(wireType, normed, i * hidden, hidden, rows.expertInput(), slots[i] * hidden);
        }
        if (moe.shared() != null) {
            shared(weights, rows, slots, count);
        }
        return true;
    }

    /**
     * The last part of the feed-forward half of an MoE layer: {@code residual += residualScale * (sum over ranks of weight * output, in
     * rank order, + shared)}.
     */
    public void combine(final int layer, final Rows rows, final int[] slots, final int count) {
        final LayerPlan.Moe moe = Objects.requireNonNull(config.layers().get(layer).moe());
        final float[] outputs = rows.expertOutput();
        projected = atLeast(projected, hidden);
        for (int i = 0; i < count; i++) {
            final int first = slots[i] * rows.maxTopK();
            Arrays.fill(projected, 0, hidden, 0f);
            for (int rank = 0; rank < moe.topK(); rank++) {
                addScaled(outputs, (first + rank) * hidden, rows.weights()[first + rank]);
            }
            if (moe.shared() != null) {
                addScaled(rows.shared(), slots[i] * hidden, rows.sharedFactors()[slots[i]]);
            }
            addToResidual(projected, 0, rows.residual(), slots[i] * hidden);
            kernels.breathe();
        }
    }

    /**
     * The logits after the last layer.
     *
     * @param logits [vocab], written
     */
    public void logits(final Rows rows, final int slot, final float[] logits) {
        oneSlot[0] = slot;
        logits(rows, oneSlot, 1, logits);
    }

    /**
     * The logits of several rows.
     *
     * @param logits [count, vocab], written
     */
    public void logits(final Rows rows, final int[] slots, final int count, final float[] logits) {
        normed = atLeast(normed, count * hidden);
        norm(finalNorm, rows, slots, count);
        kernels.multiply(head, normed, 0, hidden, count, logits, 0, config.vocabSize());
        if (config.logitsDivisor() != 1) {
            for (int i = 0; i < count * config.vocabSize(); i++) {
                logits[i] /= config.logitsDivisor();
            }
        }
    }

    /** Frees the memory. Nothing may be running. */
    @Override
    public void close() {
        arena.close();
    }

    private void norm(final float[] weight, final Rows rows, final int[] slots, final int count) {
        for (int i = 0; i < count; i++) {
            kernels.rmsNorm(rows.residual(), slots[i] * hidden, weight, config.normEpsilon(), normed, i * hidden);
            kernels.breathe();
        }
    }

    /** From projections to rotated queries and keys: bias, norm, clip, rotation, in this order. */
    private void prepare(final TrunkLayer weights, final int offset, final int position) {
        final float[] bias = weights.qkvBias();
        if (bias != null) {
            add(bias, qkv, offset);
        }
        final float[] queryNorm = weights.queryNorm();
        final float[] keyNorm = weights.keyNorm();
        if (config.qkNorm() != QkNorm.NONE) {
            normHeads(Objects.requireNonNull(queryNorm), offset, queryWidth);
            normHeads(Objects.requireNonNull(keyNorm), offset + queryWidth, keyWidth);
        }
        if (config.clipQkv() != Float.POSITIVE_INFINITY) {
            for (int i = offset; i < offset + qkvWidth; i++) {
                qkv[i] = Math.clamp(qkv[i], -config.clipQkv(), config.clipQkv());
            }
        }
        rope.rotate(qkv, offset, config.heads() + config.kvHeads(), position);
    }

    /** The weight's length says whether it covers one head or the whole width. */
    private void normHeads(final float[] weight, final int offset, final int width) {
        for (int from = offset; from < offset + width; from += weight.length) {
            kernels.rmsNorm(qkv, from, weight, config.normEpsilon(), qkv, from);
        }
    }

    private void gate(final LayerPlan.Moe moe, final PackedMatrix router, final Rows rows, final int[] slots, final int count) {
        final int experts = moe.experts();
        final GatePlan plan = moe.gate();
        gates = atLeast(gates, count * experts);
        kernels.multiply(router, normed, 0, hidden, count, gates, 0, experts);
        for (int i = 0; i < count; i++) {
            final int to = slots[i] * rows.maxTopK();
            Gate.route(plan, gates, i * experts, experts, moe.topK(), rows.experts(), rows.weights(), to);
            for (int rank = moe.topK(); rank < rows.maxTopK(); rank++) {
                rows.experts()[to + rank] = -1;
                rows.weights()[to + rank] = 0;
            }
        }
    }

    private void shared(final TrunkLayer weights, final Rows rows, final int[] slots, final int count) {
        Objects.requireNonNull(weights.shared()).run(kernels, normed, count, projected);
        final PackedMatrix gate = weights.sharedGate();
        if (gate != null) {
            gates = atLeast(gates, count);
            kernels.multiply(gate, normed, 0, hidden, count, gates, 0, 1);
        }
        for (int i = 0; i < count; i++) {
            rows.sharedFactors()[slots[i]] = gate == null ? 1f : Softmax.sigmoid(gates[i]);
            System.arraycopy(projected, i * hidden, rows.shared(), slots[i] * hidden, hidden);
        }
    }

    private static void add(final float[] bias, final float[] y, final int offset) {
        for (int i = 0; i < bias.length; i++) {
            y[offset + i] += bias[i];
        }
    }

    private void addScaled(final float[] x, final int offset, final float weight) {
        for (int i = 0; i < hidden; i++) {
            projected[i] = Math.fma(weight, x[offset + i], projected[i]);
        }
    }

    private void addToResidual(final float[] x, final int offset, final float[] residual, final int to) {
        final float factor = config.residualScale();
        for (int i = 0; i < hidden; i++) {
            residual[to + i] = Math.fma(factor, x[offset + i], residual[to + i]);
        }
    }

    private static float[] atLeast(final float[] buffer, final int length) {
        return buffer.length >= length ? buffer : new float[Math.max(length, 2 * buffer.length)];
    }
}
