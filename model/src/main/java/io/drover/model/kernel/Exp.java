package io.drover.model.kernel;

/**
 * e to the power of x in float32, as a fixed sequence of exactly rounded operations. The vector kernels repeat the sequence lane by lane,
 * so that all of them agree in every bit.
 *
 * <p>
 * {@code n = round(x / ln 2)} by the addition of 1.5 * 2^23; {@code r = x - n ln 2} with ln 2 in two parts (Cody and Waite, Software
 * Manual for the Elementary Functions, 1980); {@code e^r} by its Taylor polynomial of degree 7, whose remainder for |r| at most ln 2 / 2
 * is below 2^-27; and n is added to the exponent. The error is below 1 unit in the last place. Where the result would not be a normal
 * number (x below {@link #LOW}) it is 0; above {@link #HIGH} it is infinite.
 */
final class Exp {
    static final float LOW = -87.33654f;
    static final float HIGH = 88.72283f;
    static final float LOG2_E = 1.4426950408889634f;
    static final float ROUND = 12582912f;
    static final float LN2_HIGH = 0.693359375f;
    static final float LN2_LOW = -2.12194440e-4f;
    static final float C7 = 1f / 5040;
    static final float C6 = 1f / 720;
    static final float C5 = 1f / 120;
    static final float C4 = 1f / 24;
    static final float C3 = 1f / 6;
    static final float C2 = 0.5f;

    private Exp() {}

    static float exp(final float x) {
        final float t = Math.fma(x, LOG2_E, ROUND);
        final float n = t - ROUND;
        final float r = Math.fma(n, -LN2_LOW, Math.fma(n, -LN2_HIGH, x));
        float p = Math.fma(C7, r, C6);
        p = Math.fma(p, r, C5);
        p = Math.fma(p, r, C4);
        p = Math.fma(p, r, C3);
        p = Math.fma(p, r, C2);
        p = Math.fma(p, r, 1f);
        p = Math.fma(p, r, 1f);
        final float scaled = Float.intBitsToFloat(Float.floatToRawIntBits(p) + (Float.floatToRawIntBits(t) << 23));
        final float bounded = x < LOW ? 0f : scaled;
        // The product is infinity above the bound and keeps a NaN.
        return x <= HIGH ? bounded : x * Float.POSITIVE_INFINITY;
    }

    /** {@code 1 / (1 + e^-x)}. */
    static float sigmoid(final float x) {
        return 1f / (1f + exp(-x));
    }
}
