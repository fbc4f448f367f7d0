package io.drover.placement;

/**
 * A device's {@link ComputeRate} from measurements, and how well it explains them.
 *
 * @param rate              a and b
 * @param samples           measurements
 * @param meanRelativeError mean of |predicted - measured| / measured
 * @param maxRelativeError  the worst of them
 */
public record ComputeFit(ComputeRate rate, int samples, double meanRelativeError, double maxRelativeError) {
    /**
     * Least squares of {@code seconds = a * activated + b * calls} with a and b at least 0, each measurement weighted by
     * 1 / seconds², so that it is the relative error which is small, for small batches and large ones alike.
     *
     * @param activated [sample] experts that had at least one call
     * @param calls     [sample] token-expert calls
     * @param seconds   [sample] measured time, above 0
     * @throws IllegalArgumentException if lengths differ, there are fewer than 2 samples, or a time is not above 0
     */
    public static ComputeFit of(final double[] activated, final double[] calls, final double[] seconds) {
        final int n = seconds.length;
        if (activated.length != n || calls.length != n || n < 2) {
            throw new IllegalArgumentException("a fit needs at least 2 measurements of equal count, not " + activated.length
                    + " activated, " + calls.length + " calls, " + n + " times");
        }
        double xx = 0;
        double xy = 0;
        double yy = 0;
        double x1 = 0;
        double y1 = 0;
        for (int i = 0; i < n; i++) {
            if (!(seconds[i] > 0)) {
                throw new IllegalArgumentException("measurement " + i + " took " + seconds[i] + " s, expected above 0");
            }
            final double x = activated[i] / seconds[i];
            final double y = calls[i] / seconds[i];
            xx += x * x;
            xy += x * y;
            yy += y * y;
            x1 += x;
            y1 += y;
        }
        return evaluate(nonNegative(xx, xy, yy, x1, y1), activated, calls, seconds);
    }

    /** The least-squares solution if it is not negative, else the better of the two edges. */
    private static ComputeRate nonNegative(
            final double xx, final double xy, final double yy, final double x1, final double y1) {
        final double determinant = xx * yy - xy * xy;
        if (determinant > 1e-12 * xx * yy) {
            final double a = (x1 * yy - y1 * xy) / determinant;
            final double b = (y1 * xx - x1 * xy) / determinant;
            if (a >= 0 && b >= 0) {
                return new ComputeRate(a, b);
            }
        }
        // Each edge lowers the squared error by its projection, squared.
        final double onX = xx > 0 ? x1 * x1 / xx : 0;
        final double onY = yy > 0 ? y1 * y1 / yy : 0;
        return onX >= onY ? new ComputeRate(xx > 0 ? x1 / xx : 0, 0) : new ComputeRate(0, y1 / yy);
    }

    /** Judges a given rate by measurements, such as ones that it was not fitted to. */
    public static ComputeFit evaluate(
            final ComputeRate rate, final double[] activated, final double[] calls, final double[] seconds) {
        final PredictionError error = new PredictionError();
        for (int i = 0; i < seconds.length; i++) {
            error.add(rate.seconds(activated[i], calls[i]), seconds[i]);
        }
        return new ComputeFit(rate, seconds.length, error.meanRelative(), error.maxRelative());
    }
}
