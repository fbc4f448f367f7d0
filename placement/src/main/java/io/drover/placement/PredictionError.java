package io.drover.placement;

/** Gathers predicted against measured values. */
public final class PredictionError {
    private long samples;
    private double sum;
    private double max;

    /** @param measured above 0 */
    public void add(final double predicted, final double measured) {
        if (!(measured > 0)) {
            throw new IllegalArgumentException("a measured value is above 0, not " + measured);
        }
        final double error = Math.abs(predicted - measured) / measured;
        samples++;
        sum += error;
        max = Math.max(max, error);
    }

    public long samples() {
        return samples;
    }

    /** Mean of |predicted - measured| / measured; NaN without samples. */
    public double meanRelative() {
        return sum / samples;
    }

    /** The worst |predicted - measured| / measured so far. */
    public double maxRelative() {
        return max;
    }
}
