package io.drover.model.checkpoint;

import org.jspecify.annotations.Nullable;

/**
 * The tensors of one decoder layer except its routed experts. H is the hidden size, D the head width.
 *
 * @param attentionNorm   [1, H], before attention
 * @param query           [heads * D, H]
 * @param key             [kvHeads * D, H]
 * @param value           [kvHeads * D, H]
 * @param output          [H, heads * D]
 * @param queryBias       [1, heads * D] or null
 * @param keyBias         [1, kvHeads * D] or null
 * @param valueBias       [1, kvHeads * D] or null
 * @param outputBias      [1, H] or null
 * @param queryNorm       [1, D] per head or [1, heads * D] over the whole width, or null
 * @param keyNorm         [1, D] per head or [1, kvHeads * D] over the whole width, or null
 * @param feedForwardNorm [1, H], before the experts
 * @param router          [experts, H], or null in a dense layer
 * @param shared          the shared expert, or null
 * @param sharedGate      [1, H], or null
 * @param dense           the MLP of a dense layer, or null
 */
public record LayerTensors(TensorView attentionNorm, TensorView query, TensorView key, TensorView value, TensorView output,
        @Nullable TensorView queryBias, @Nullable TensorView keyBias, @Nullable TensorView valueBias,
        @Nullable TensorView outputBias, @Nullable TensorView queryNorm, @Nullable TensorView keyNorm, TensorView feedForwardNorm,
        @Nullable TensorView router, @Nullable ExpertTensors shared, @Nullable TensorView sharedGate,
        @Nullable ExpertTensors dense) {}
