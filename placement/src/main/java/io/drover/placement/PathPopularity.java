package io.drover.placement;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Lina's estimate of the next layer's expert popularity: {@code (1/N) * sum over recent tokens t of P(e | path(t))}, the path being the
 * highest-gate experts of the last l layers, P counted in a profile. A path that the profile has not seen is shortened from its old
 * end until it has; with nothing left, the layer's load counts.
 */
final class PathPopularity {
    private final RoutingStatistics profile;
    private final RoutingStatistics recent;
    private final int[] routed;

    private PathPopularity(final RoutingStatistics profile, final RoutingStatistics recent) {
        this.profile = profile;
        this.recent = recent;
        routed = recent.routedLayers();
    }

    /**
     * @return [layer][expert] share of the layer's calls, the sum 1; a dense layer's row is empty
     * @throws IllegalArgumentException if the two are not of one model
     */
    static double[][] estimate(final RoutingStatistics profile, final RoutingStatistics recent, final int pathLength) {
        if (!Arrays.equals(profile.expertsPerLayer(), recent.expertsPerLayer()) || profile.topK() != recent.topK()) {
            throw new IllegalArgumentException("the profile is of " + Arrays.toString(profile.expertsPerLayer())
                    + " experts, the recent routing of " + Arrays.toString(recent.expertsPerLayer()));
        }
        final PathPopularity estimator = new PathPopularity(profile, recent);
        final double[][] popularity = new double[recent.layers()][0];
        for (int i = 0; i < estimator.routed.length; i++) {
            popularity[estimator.routed[i]] = i == 0 || recent.paths() == 0
                    ? estimator.measured(i)
                    : estimator.estimate(i, Math.min(pathLength, i));
        }
        return popularity;
    }

    private double[] measured(final int i) {
        final double[] share = new double[recent.experts(routed[i])];
        Arrays.setAll(share, expert -> recent.calls(routed[i], expert));
        final double sum = Arrays.stream(share).sum();
        Arrays.setAll(share, expert -> sum > 0 ? share[expert] / sum : 1.0 / share.length);
        return share;
    }

    private double[] estimate(final int i, final int pathLength) {
        final double[] sum = new double[recent.experts(routed[i])];
        final List<Map<Long, double[]>> byLength = profiled(i, pathLength);
        final double[] fallback = measured(i);
        for (int path = 0; path < recent.paths(); path++) {
            double[] next = fallback;
            for (int length = pathLength; length > 0; length--) {
                final double[] seen = byLength.get(length - 1).get(key(recent, path, i, length));
                if (seen != null) {
                    next = seen;
                    break;
                }
            }
            double of = 0;
            for (final double count : next) {
                of += count;
            }
            for (int expert = 0; expert < sum.length; expert++) {
                sum[expert] += next[expert] / of / recent.paths();
            }
        }
        return sum;
    }

    /** [length - 1] path → [expert] calls in the profile. */
    private List<Map<Long, double[]>> profiled(final int i, final int pathLength) {
        final List<Map<Long, double[]>> byLength = new ArrayList<>();
        for (int length = 1; length <= pathLength; length++) {
            final Map<Long, double[]> byPath = new HashMap<>();
            byLength.add(byPath);
            for (int path = 0; path < profile.paths(); path++) {
                final double[] counts = byPath.computeIfAbsent(key(profile, path, i, length),
                        key -> new double[profile.experts(routed[i])]);
                for (int rank = 0; rank < profile.topK(); rank++) {
                    counts[profile.pathExpert(path, i, rank)]++;
                }
            }
        }
        return byLength;
    }

    /** Exact for up to 4 layers; beyond, a hash. */
    private static long key(final RoutingStatistics statistics, final int path, final int i, final int length) {
        long key = 0;
        for (int back = length; back > 0; back--) {
            key = Long.rotateLeft(key, 16) ^ statistics.pathExpert(path, i - back, 0);
        }
        return key;
    }
}
