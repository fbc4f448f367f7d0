package io.drover.model.kernel;

import io.drover.model.StorageType;

/**
 * The operations of a forward pass that need a fixed order or a fast implementation. Every implementation of a family gives the same
 * bits. An instance has scratch memory and is used by one thread at a time; what it does with other threads inside is its own affair.
 */
public interface Kernels {
    /** Nodes of one family compute the same bits. */
    String family();

    /** One line: what runs, and why it was chosen. */
    String description();

    /**
     * {@code y[b][o] = sum over k of w[o][k] x[b][k]} for {@code rows} rows b, each sum one chain of fused multiply-adds from 0 over
     * ascending k.
     *
     * @param x       rows of {@code w.columns()} numbers; row b starts at {@code xOffset + b * xStride}
     * @param y       rows of {@code w.rows()} numbers; row b starts at {@code yOffset + b * yStride}
     */
    void multiply(PackedMatrix w, float[] x, int xOffset, int xStride, int rows, float[] y, int yOffset, int yStride);

    /**
     * {@code y = x / sqrt(mean(x²) + epsilon) * weight} (Zhang and Sennrich 2019). The squares are summed in 16 strided partial sums (by
     * fused multiply-add), closed by {@link Tree#sum16}. x and y may be the same.
     *
     * @param weight [width]
     */
    void rmsNorm(float[] x, int xOffset, float[] weight, float epsilon, float[] y, int yOffset);

    /**
     * {@code y = silu(gate) * up}, silu(g) = g / (1 + e^-g) (Shazeer 2020).
     *
     * @param gateUp gate [width] from {@code offset}, up [width] behind it
     */
    void swiGlu(float[] gateUp, int offset, int width, float[] y, int yOffset);

    /** Rounds {@code count} numbers to the type. x and y may be the same. */
    void round(StorageType type, float[] x, int xOffset, int count, float[] y, int yOffset);

    /**
     * Causal attention of each row of the batch over its positions 0 .. n-1, for each head: scores {@code s = scale * sum over d of
     * q[d] K[d]}; {@code e = exp(s - max s)}; their sum in 32 strided partial sums (position mod 32) closed by {@link Tree#sum32};
     * output {@code (sum over positions of e V) / sum e}, chains over ascending d and position.
     */
    void attend(AttentionBatch batch);

    /** Calls the breather if it is due: for the caller's own loops between kernels. */
    void breathe();

    /** Buffers that users of these kernels share, one use at a time. */
    Workspace workspace();
}
