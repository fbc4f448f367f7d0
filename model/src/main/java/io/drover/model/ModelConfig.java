package io.drover.model;

import java.util.List;

/**
 * A model's architecture as numbers, read from a checkpoint's {@code config.json}: everything the one forward pass needs to
 * know of a family. Families differ only in these values and in their tensor names.
 *
 * @param architecture       the Hugging Face class name, e.g. {@code MixtralForCausalLM}
 * @param vocabSize          rows of the embedding
 * @param hiddenSize         width of the residual stream
 * @param heads              query heads
 * @param kvHeads            key and value heads; divides {@code heads}
 * @param headDim            width of a head
 * @param maxPositions       longest context
 * @param normEpsilon        added to the mean square in RMSNorm
 * @param ropeTheta          base of the rotary frequencies
 * @param qkNorm             RMSNorm on queries and keys before the rotation
 * @param qkvBias            whether the q, k and v projections have a bias
 * @param outputBias         whether the attention's output projection has a bias
 * @param clipQkv            q, k and v are clamped to ± this, after {@code qkNorm} and before the rotation; {@code Float.POSITIVE_INFINITY} if not
 * @param attentionScale     factor on q·k
 * @param embeddingScale     factor on the embedding's output
 * @param residualScale      factor on each sub-layer's output before it is added to the residual
 * @param logitsDivisor      the logits are divided by this
 * @param tiedEmbeddings     whether the output head is the embedding
 * @param layers             feed-forward plan of each layer
 * @param bosTokenId         begin-of-sequence id, or -1
 * @param eosTokenIds        ids that end a generation; may be empty
 */
public record ModelConfig(String architecture, int vocabSize, int hiddenSize, int heads, int kvHeads, int headDim,
        int maxPositions,
        float normEpsilon, double ropeTheta, QkNorm qkNorm, boolean qkvBias, boolean outputBias, float clipQkv,
        float attentionScale,
        float embeddingScale, float residualScale, float logitsDivisor, boolean tiedEmbeddings, List<LayerPlan> layers,
        int bosTokenId, List<Integer> eosTokenIds) {

    /** RMSNorm on queries and keys. */
    public enum QkNorm {
        NONE,
        /** Each head by itself (Qwen3-MoE). */
        PER_HEAD,
        /** The whole projected width before the split into heads (OLMoE). */
        WHOLE_WIDTH
    }

    public ModelConfig {
        layers = List.copyOf(layers);
        eosTokenIds = List.copyOf(eosTokenIds);
    }

    /** The largest top-k of any layer; 0 for a dense model. */
    public int maxTopK() {
        return layers.stream().mapToInt(plan -> plan.moe() == null ? 0 : plan.moe().topK()).max().orElse(0);
    }

    /** Routed experts per layer, 0 for a dense layer: what a placement covers. */
    public int[] expertsPerLayer() {
        return layers.stream().mapToInt(plan -> plan.moe() == null ? 0 : plan.moe().experts()).toArray();
    }
}
