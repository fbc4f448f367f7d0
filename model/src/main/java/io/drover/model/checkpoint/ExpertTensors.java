package io.drover.model.checkpoint;

/**
 * The three matrices of a SwiGLU feed-forward: {@code down(silu(gate x) * up x)}. Also used for a shared expert and a dense MLP.
 *
 * @param gate [width, hidden]
 * @param up   [width, hidden]
 * @param down [hidden, width]
 */
public record ExpertTensors(TensorView gate, TensorView up, TensorView down) {}
