package io.drover.model.kernel;

/** Operations on one row in the Vector API, for one vector width; the parameters are those of {@link Kernels}. */
interface RowOps {
    void rmsNorm(float[] x, int xOffset, float[] weight, float epsilon, float[] y, int yOffset, float[] lanes);

    void swiGlu(float[] gateUp, int offset, int width, float[] y, int yOffset);

    void roundBfloat16(float[] x, int xOffset, int count, float[] y, int yOffset);

    /**
     * Turns raw scores {@code [0, length)} into {@code exp(scale * score - max)}; behind them, up to a multiple of 32, into 0.
     *
     * @param lanes scratch of 32
     * @return their sum
     */
    float softmax(float[] scores, int length, float scale, float[] lanes);
}
