package io.drover.placement;

/**
 * Time a device needs for its experts: {@code secondsPerExpert * activated experts + secondsPerCall * token-expert calls}.
 * The first term is the reading of an expert's weights, the second the arithmetic of one row (METRO, arXiv 2512.09277).
 *
 * @param secondsPerExpert a, at least 0
 * @param secondsPerCall   b, at least 0
 */
public record ComputeRate(double secondsPerExpert, double secondsPerCall) {
    public ComputeRate {
        if (!(secondsPerExpert >= 0) || !(secondsPerCall >= 0)) {
            throw new IllegalArgumentException("compute rates are at least 0 s, not " + secondsPerExpert + " s/expert and "
                    + secondsPerCall + " s/call");
        }
    }

    /** Of a device that needs so many times as long. */
    public ComputeRate times(final double slowness) {
        return new ComputeRate(secondsPerExpert * slowness, secondsPerCall * slowness);
    }

    public double seconds(final double activatedExperts, final double calls) {
        return secondsPerExpert * activatedExperts + secondsPerCall * calls;
    }
}
