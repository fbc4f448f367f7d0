package io.drover.model.forward;

import java.lang.foreign.Arena;

import org.jspecify.annotations.Nullable;

import io.drover.model.checkpoint.LayerTensors;
import io.drover.model.checkpoint.TensorView;
import io.drover.model.kernel.PackedMatrix;

/**
 * A layer's weights without its routed experts, packed.
 *
 * @param qkv     query, key and value projections as one matrix
 * @param qkvBias their biases, one after the other, or null
 * @param shared  the shared expert, or null
 * @param dense   the MLP of a dense layer, or null
 */
record TrunkLayer(float[] attentionNorm, PackedMatrix qkv, float @Nullable [] qkvBias, float @Nullable [] queryNorm,
        float @Nullable [] keyNorm, PackedMatrix output, float @Nullable [] outputBias, float[] feedForwardNorm,
        @Nullable PackedMatrix router, @Nullable FeedForward shared, @Nullable PackedMatrix sharedGate,
        @Nullable FeedForward dense) {

    static TrunkLayer pack(final Arena arena, final LayerTensors tensors) {
        return new TrunkLayer(vector(tensors.attentionNorm()),
                PackedMatrix.pack(arena, tensors.query(), tensors.key(), tensors.value()),
                tensors.queryBias() == null ? null : vector(tensors.queryBias(), tensors.keyBias(), tensors.valueBias()),
                tensors.queryNorm() == null ? null : vector(tensors.queryNorm()),
                tensors.keyNorm() == null ? null : vector(tensors.keyNorm()),
                PackedMatrix.pack(arena, tensors.output()),
                tensors.outputBias() == null ? null : vector(tensors.outputBias()),
                vector(tensors.feedForwardNorm()),
                tensors.router() == null ? null : PackedMatrix.pack(arena, tensors.router()),
                tensors.shared() == null ? null : FeedForward.pack(arena, tensors.shared()),
                tensors.sharedGate() == null ? null : PackedMatrix.pack(arena, tensors.sharedGate()),
                tensors.dense() == null ? null : FeedForward.pack(arena, tensors.dense()));
    }

    /** Vectors as one array of float32. */
    static float[] vector(final TensorView... parts) {
        int length = 0;
        for (final TensorView part : parts) {
            length += part.columns();
        }
        final float[] all = new float[length];
        int at = 0;
        for (final TensorView part : parts) {
            part.copyRow(0, all, at);
            at += part.columns();
        }
        return all;
    }
}
