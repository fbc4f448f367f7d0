package io.drover.model;

import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import io.drover.model.ModelConfig.QkNorm;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.model.checkpoint.ExpertTensors;
import io.drover.model.checkpoint.LayerTensors;
import io.drover.model.checkpoint.TensorView;

/**
 * The oracle: the decoder written out as plainly as it can be, one position after the other, in float32 on one thread. It shares
 * nothing with the served path but the checkpoint, so that the two check each other.
 *
 * <p>
 * Per layer: RMSNorm; q, k, v; rotation of q and k; softmax(q·k) v over all earlier positions; output projection; residual. Then
 * RMSNorm; router; the chosen experts' {@code down(silu(gate x) * up x)}, weighted; the shared expert; residual. Every sum runs over
 * its index upwards in float32 with fused multiply-adds. Exponentials and angles are {@link StrictMath}'s in double.
 *
 * <p>
 * Numbers are rounded where the served path stores or sends them: a rotated key and a value to the KV type before any use; a routed
 * expert's input and output to the wire type. The router, a shared expert and a dense layer run where the sequence lives and see the
 * unrounded input. The weighted outputs are added in the order of the gate's ranks, then the shared expert's.
 *
 * <p>
 * All weights are decoded to float32 when it is built (4 bytes for each parameter, on the heap), so it is for small models and needs
 * the checkpoint no longer than that. Immutable; calls may run in parallel.
 */
public final class ReferenceForward {
    private final ModelConfig config;
    private final StorageType wire;
    private final StorageType kv;
    private final float[] embedding;
    private final Matrix head;
    private final float[] finalNorm;
    private final List<Layer> layers = new ArrayList<>();
    private final float[][] cos;
    private final float[][] sin;

    /**
     * What the router of one layer decided for one position.
     *
     * @param experts by rank, the largest score first
     * @param weights of those experts, as they enter the combine
     */
    public record Routing(int position, int layer, int[] experts, float[] weights) {}

    /** A linear layer's weight by input, then output, so that the inner loop runs over independent sums. */
    private record Matrix(float[] byInput, int outputs, int inputs) {
        static Matrix of(final TensorView view) {
            final float[] byInput = new float[view.rows() * view.columns()];
            for (int row = 0; row < view.rows(); row++) {
                for (int column = 0; column < view.columns(); column++) {
                    byInput[column * view.rows() + row] = view.get(row, column);
                }
            }
            return new Matrix(byInput, view.rows(), view.columns());
        }

        float[] times(final float[] x) {
            final float[] sums = new float[outputs];
            for (int k = 0; k < inputs; k++) {
                final float factor = x[k];
                final int start = k * outputs;
                for (int row = 0; row < outputs; row++) {
                    sums[row] = Math.fma(factor, byInput[start + row], sums[row]);
                }
            }
            return sums;
        }
    }

    private record Mlp(Matrix gate, Matrix up, Matrix down) {
        static Mlp of(final ExpertTensors tensors) {
            return new Mlp(Matrix.of(tensors.gate()), Matrix.of(tensors.up()), Matrix.of(tensors.down()));
        }

        static @Nullable Mlp ofNullable(final @Nullable ExpertTensors tensors) {
            return tensors == null ? null : of(tensors);
        }

        float[] apply(final float[] x) {
            final float[] gated = gate.times(x);
            final float[] upward = up.times(x);
            for (int i = 0; i < gated.length; i++) {
                gated[i] = gated[i] * sigmoid(gated[i]) * upward[i];
            }
            return down.times(gated);
        }
    }

    private record Layer(float[] attentionNorm, Matrix query, Matrix key, Matrix value, Matrix output,
            float @Nullable [] queryBias,
            float @Nullable [] keyBias, float @Nullable [] valueBias, float @Nullable [] outputBias, float @Nullable [] queryNorm,
            float @Nullable [] keyNorm, float[] feedForwardNorm, @Nullable Matrix router, List<Mlp> experts, @Nullable Mlp shared,
            @Nullable Matrix sharedGate, @Nullable Mlp dense) {}

    /** The keys and values of one sequence so far: {@code [layer][position][kvHeads * headDim]}, rounded to the KV type. */
    private final class Sequence {
        private final List<List<float[]>> keys = new ArrayList<>();
        private final List<List<float[]>> values = new ArrayList<>();
        private final List<Routing> routings = new ArrayList<>();
        private int length;

        Sequence() {
            for (int layer = 0; layer < config.layers().size(); layer++) {
                keys.add(new ArrayList<>());
                values.add(new ArrayList<>());
            }
        }

        /** Appends a token and returns the hidden state after the last layer. */
        float[] append(final int token) {
            if (token < 0 || token >= config.vocabSize()) {
                throw new IllegalArgumentException("token id " + token + "; expected 0 to " + (config.vocabSize() - 1));
            }
            if (length == config.maxPositions()) {
                throw new IllegalArgumentException("the sequence is full; expected at most " + length + " positions");
            }
            final float[] x = new float[config.hiddenSize()];
            System.arraycopy(embedding, token * x.length, x, 0, x.length);
            for (int i = 0; i < x.length; i++) {
                x[i] *= config.embeddingScale();
            }
            for (int layer = 0; layer < layers.size(); layer++) {
                addTo(x, attention(layer, rmsNorm(x, layers.get(layer).attentionNorm, 0, x.length)));
                addTo(x, feedForward(layer, rmsNorm(x, layers.get(layer).feedForwardNorm, 0, x.length)));
            }
            length++;
            return x;
        }

        private float[] attention(final int index, final float[] x) {
            final Layer layer = layers.get(index);
            final float[] q = plus(layer.query.times(x), layer.queryBias);
            final float[] k = plus(layer.key.times(x), layer.keyBias);
            final float[] v = plus(layer.value.times(x), layer.valueBias);
            normalise(q, layer.queryNorm);
            normalise(k, layer.keyNorm);
            for (final float[] vector : List.of(q, k, v)) {
                clip(vector);
            }
            rotate(q, length);
            rotate(k, length);
            round(k, kv);
            round(v, kv);
            keys.get(index).add(k);
            values.get(index).add(v);
            final float[] mixed = new float[q.length];
            for (int head = 0; head < config.heads(); head++) {
                attend(q, head, keys.get(index), values.get(index), mixed);
            }
            return plus(layer.output.times(mixed), layer.outputBias);
        }

        private float[] feedForward(final int index, final float[] x) {
            final Layer layer = layers.get(index);
            if (layer.dense != null) {
                return layer.dense.apply(x);
            }
            final LayerPlan.Moe moe = config.layers().get(index).moe();
            if (moe == null || layer.router == null) {
                throw new IllegalStateException("layer " + index + " has neither experts nor a dense MLP");
            }
            final Routing routing = route(index, moe, layer.router.times(x));
            routings.add(routing);
            final float[] sent = x.clone();
            round(sent, wire);
            final float[] sum = new float[x.length];
            for (int rank = 0; rank < moe.topK(); rank++) {
                final float[] returned = layer.experts.get(routing.experts[rank]).apply(sent);
                round(returned, wire);
                for (int i = 0; i < sum.length; i++) {
                    sum[i] = Math.fma(routing.weights[rank], returned[i], sum[i]);
                }
            }
            if (layer.shared != null) {
                final float[] shared = layer.shared.apply(x);
                final float factor = layer.sharedGate == null ? 1 : sigmoid(layer.sharedGate.times(x)[0]);
                for (int i = 0; i < sum.length; i++) {
                    sum[i] = Math.fma(factor, shared[i], sum[i]);
                }
            }
            return sum;
        }

        private Routing route(final int index, final LayerPlan.Moe moe, final float[] logits) {
            final GatePlan gate = moe.gate();
            final float[] scores = switch (gate.score()) {
                case IDENTITY -> logits;
                case SOFTMAX -> softmax(logits);
            };
            final int[] experts = largest(scores, moe.topK());
            final float[] selected = new float[experts.length];
            for (int rank = 0; rank < experts.length; rank++) {
                selected[rank] = scores[experts[rank]];
            }
            final float[] weights = switch (gate.weight()) {
                case SCORE -> selected;
                case SOFTMAX_OF_SELECTED -> softmax(selected);
            };
            float divisor = 0;
            for (final float weight : weights) {
                divisor += weight;
            }
            for (int rank = 0; rank < weights.length; rank++) {
                weights[rank] = (gate.normalise() == GatePlan.Normalise.SUM ? weights[rank] / divisor : weights[rank])
                        * gate.scale();
            }
            return new Routing(length, index, experts, weights);
        }
    }

    /**
     * @param wire what a routed expert's input and output are rounded to
     * @param kv   what keys and values are rounded to
     */
    public ReferenceForward(final Checkpoint checkpoint, final StorageType wire, final StorageType kv) {
        config = checkpoint.config();
        this.wire = wire;
        this.kv = kv;
        embedding = new float[config.vocabSize() * config.hiddenSize()];
        for (int row = 0; row < config.vocabSize(); row++) {
            checkpoint.embedding().copyRow(row, embedding, row * config.hiddenSize());
        }
        head = Matrix.of(checkpoint.head());
        finalNorm = vector(checkpoint.finalNorm());
        for (int layer = 0; layer < config.layers().size(); layer++) {
            layers.add(decode(checkpoint, layer));
        }
        final int half = config.headDim() / 2;
        cos = new float[config.maxPositions()][];
        sin = new float[config.maxPositions()][];
        for (int position = 0; position < config.maxPositions(); position++) {
            cos[position] = new float[half];
            sin[position] = new float[half];
            for (int i = 0; i < half; i++) {
                final double angle = position / StrictMath.pow(config.ropeTheta(), (double) i / half);
                cos[position][i] = (float) StrictMath.cos(angle);
                sin[position][i] = (float) StrictMath.sin(angle);
            }
        }
    }

    /**
     * The logits after every position of a prompt: {@code [positions][vocab]}.
     *
     * @throws IllegalArgumentException if a token id is not of the vocabulary or the prompt longer than the context
     */
    public float[][] logits(final int[] prompt) {
        final Sequence sequence = new Sequence();
        final float[][] logits = new float[prompt.length][];
        for (int position = 0; position < prompt.length; position++) {
            logits[position] = logitsOf(sequence.append(prompt[position]));
        }
        return logits;
    }

    /** The most likely continuation, of exactly {@code tokens} ids: it does not stop at an end token. */
    public int[] greedy(final int[] prompt, final int tokens) {
        return generate(prompt, tokens, Sampling.GREEDY);
    }

    /** A continuation of exactly {@code tokens} ids, drawn by {@link Sampler}; it does not stop at an end token. */
    public int[] generate(final int[] prompt, final int tokens, final Sampling sampling) {
        if (prompt.length == 0) {
            throw new IllegalArgumentException("the prompt is empty; expected at least one token id");
        }
        final Sequence sequence = new Sequence();
        final Sampler sampler = new Sampler(config.vocabSize());
        float[] x = {};
        for (final int token : prompt) {
            x = sequence.append(token);
        }
        final int[] drawn = new int[tokens];
        for (int i = 0; i < tokens; i++) {
            drawn[i] = sampler.sample(logitsOf(x), sampling, prompt.length + i, Sampler.NONE_BANNED);
            if (i < tokens - 1) {
                x = sequence.append(drawn[i]);
            }
        }
        return drawn;
    }

    /** What every MoE layer's router decides for every position of a text, in the order of positions, then layers. */
    public List<Routing> routings(final int[] tokens) {
        final Sequence sequence = new Sequence();
        for (final int token : tokens) {
            sequence.append(token);
        }
        return List.copyOf(sequence.routings);
    }

    private float[] logitsOf(final float[] x) {
        final float[] logits = head.times(rmsNorm(x, finalNorm, 0, x.length));
        for (int i = 0; i < logits.length; i++) {
            logits[i] /= config.logitsDivisor();
        }
        return logits;
    }

    private void addTo(final float[] residual, final float[] update) {
        for (int i = 0; i < residual.length; i++) {
            residual[i] = Math.fma(config.residualScale(), update[i], residual[i]);
        }
    }

    private void attend(final float[] q, final int head, final List<float[]> keys, final List<float[]> values,
            final float[] mixed) {
        final int dim = config.headDim();
        final int kvStart = head / (config.heads() / config.kvHeads()) * dim;
        final float[] scores = new float[keys.size()];
        for (int position = 0; position < scores.length; position++) {
            float dot = 0;
            for (int i = 0; i < dim; i++) {
                dot = Math.fma(q[head * dim + i], keys.get(position)[kvStart + i], dot);
            }
            scores[position] = dot * config.attentionScale();
        }
        final float[] weights = softmax(scores);
        for (int position = 0; position < weights.length; position++) {
            for (int i = 0; i < dim; i++) {
                mixed[head * dim + i] = Math.fma(weights[position], values.get(position)[kvStart + i], mixed[head * dim + i]);
            }
        }
    }

    /** Rotates the pairs (i, i + headDim / 2) of every head. */
    private void rotate(final float[] heads, final int position) {
        final int half = config.headDim() / 2;
        for (int start = 0; start < heads.length; start += config.headDim()) {
            for (int i = 0; i < half; i++) {
                final float a = heads[start + i];
                final float b = heads[start + half + i];
                heads[start + i] = a * cos[position][i] - b * sin[position][i];
                heads[start + half + i] = b * cos[position][i] + a * sin[position][i];
            }
        }
    }

    private void normalise(final float[] heads, final float @Nullable [] weight) {
        if (weight == null) {
            return;
        }
        final int width = config.qkNorm() == QkNorm.PER_HEAD ? config.headDim() : heads.length;
        for (int start = 0; start < heads.length; start += width) {
            System.arraycopy(rmsNorm(heads, weight, start, width), 0, heads, start, width);
        }
    }

    private void clip(final float[] vector) {
        for (int i = 0; i < vector.length; i++) {
            vector[i] = Math.clamp(vector[i], -config.clipQkv(), config.clipQkv());
        }
    }

    private float[] rmsNorm(final float[] x, final float[] weight, final int start, final int width) {
        float squares = 0;
        for (int i = 0; i < width; i++) {
            squares = Math.fma(x[start + i], x[start + i], squares);
        }
        final float scale = (float) (1 / Math.sqrt(squares / width + config.normEpsilon()));
        final float[] normed = new float[width];
        for (int i = 0; i < width; i++) {
            normed[i] = x[start + i] * scale * weight[i];
        }
        return normed;
    }

    private static float[] softmax(final float[] x) {
        float max = Float.NEGATIVE_INFINITY;
        for (final float value : x) {
            max = Math.max(max, value);
        }
        final float[] weights = new float[x.length];
        float sum = 0;
        for (int i = 0; i < x.length; i++) {
            weights[i] = (float) StrictMath.exp(x[i] - max);
            sum += weights[i];
        }
        for (int i = 0; i < x.length; i++) {
            weights[i] /= sum;
        }
        return weights;
    }

    /** Indices of the largest values, the largest first; the lower index wins a tie. */
    private static int[] largest(final float[] values, final int count) {
        final boolean[] taken = new boolean[values.length];
        final int[] indices = new int[count];
        for (int rank = 0; rank < count; rank++) {
            int best = -1;
            for (int i = 0; i < values.length; i++) {
                if (!taken[i] && (best < 0 || values[i] > values[best])) {
                    best = i;
                }
            }
            taken[best] = true;
            indices[rank] = best;
        }
        return indices;
    }

    private static float sigmoid(final float x) {
        return (float) (1 / (1 + StrictMath.exp(-x)));
    }

    private static void round(final float[] values, final StorageType type) {
        for (int i = 0; i < values.length; i++) {
            values[i] = type.round(values[i]);
        }
    }

    private static float[] plus(final float[] values, final float @Nullable [] bias) {
        if (bias != null) {
            for (int i = 0; i < values.length; i++) {
                values[i] += bias[i];
            }
        }
        return values;
    }

    private static Layer decode(final Checkpoint checkpoint, final int index) {
        final LayerTensors tensors = checkpoint.layer(index);
        final List<Mlp> experts = new ArrayList<>();
        for (int expert = 0; expert < checkpoint.config().expertsPerLayer()[index]; expert++) {
            experts.add(Mlp.of(checkpoint.expert(index, expert)));
        }
        return new Layer(vector(tensors.attentionNorm()), Matrix.of(tensors.query()), Matrix.of(tensors.key()),
                Matrix.of(tensors.value()), Matrix.of(tensors.output()), nullableVector(tensors.queryBias()),
                nullableVector(tensors.keyBias()), nullableVector(tensors.valueBias()), nullableVector(tensors.outputBias()),
                nullableVector(tensors.queryNorm()), nullableVector(tensors.keyNorm()), vector(tensors.feedForwardNorm()),
                matrix(tensors.router()), experts, Mlp.ofNullable(tensors.shared()), matrix(tensors.sharedGate()),
                Mlp.ofNullable(tensors.dense()));
    }

    private static @Nullable Matrix matrix(final @Nullable TensorView view) {
        return view == null ? null : Matrix.of(view);
    }

    private static float[] vector(final TensorView view) {
        final float[] values = new float[view.columns()];
        view.copyRow(0, values, 0);
        return values;
    }

    private static float @Nullable [] nullableVector(final @Nullable TensorView view) {
        return view == null ? null : vector(view);
    }
}
