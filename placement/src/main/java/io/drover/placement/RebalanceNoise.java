package io.drover.placement;

import java.util.Arrays;

import org.jspecify.annotations.Nullable;

/**
 * How much the predicted step time of one and the same placement changes from window to window, as a share of it: the median of the last few
 * changes, so that a shift of the load, which is one of them, does not count as noise.
 */
final class RebalanceNoise {
    private static final int REMEMBERED = 8;
    /** Fewer changes tell nothing. */
    private static final int NEEDED = 3;
    /** Times the median change: about twice the standard deviation of normal noise. */
    private static final double BEYOND_LUCK = 3;

    private final double[] changes = new double[REMEMBERED];
    private int count;
    private @Nullable Placement placement;
    private double seconds;

    /** One window's prediction for the placement in force. */
    void observe(final Placement inForce, final double stepSeconds) {
        if (inForce.equals(placement)) {
            changes[count++ % REMEMBERED] = Math.abs(stepSeconds / seconds - 1);
        }
        placement = inForce;
        seconds = stepSeconds;
    }

    /** The least gain that is not likely to be luck, as a share of the step time; 0 while too little is known. */
    double leastGain() {
        if (count < NEEDED) {
            return 0;
        }
        final double[] sorted = Arrays.copyOf(changes, Math.min(count, REMEMBERED));
        Arrays.sort(sorted);
        return BEYOND_LUCK * sorted[sorted.length / 2];
    }
}
