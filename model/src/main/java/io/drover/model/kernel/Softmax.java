package io.drover.model.kernel;

/** Small softmaxes and logistic functions in scalar Java, with the exponential of this package. */
public final class Softmax {
    private Softmax() {}

    /** Replaces {@code count} numbers by their softmax; the sum is taken in order of index. */
    public static void run(final float[] x, final int offset, final int count) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < count; i++) {
            max = Math.max(max, x[offset + i]);
        }
        float sum = 0;
        for (int i = 0; i < count; i++) {
            x[offset + i] = Exp.exp(x[offset + i] - max);
            sum += x[offset + i];
        }
        for (int i = 0; i < count; i++) {
            x[offset + i] /= sum;
        }
    }

    /** {@code 1 / (1 + e^-x)}. */
    public static float sigmoid(final float x) {
        return Exp.sigmoid(x);
    }
}
