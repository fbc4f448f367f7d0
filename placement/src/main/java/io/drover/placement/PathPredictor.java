package io.drover.placement;

import java.util.Arrays;

/** Predicts steps by {@link PathReplay}, as a sum over layers. */
final class PathPredictor implements RebalancePredictor {
    /** Layers after a change that are weighed with it, as their tokens come from elsewhere; what is left of that further on is little. */
    private static final int AFTER = 1;

    /** What a layer's share of a step counts as, in seconds. */
    @FunctionalInterface
    interface Price {
        double seconds(PathReplay.Share share, Topology topology);
    }

    private final CostModel cost;
    private final long homeSeed;
    private final Price price;

    PathPredictor(final CostModel cost, final long homeSeed, final Price price) {
        this.cost = cost;
        this.homeSeed = homeSeed;
        this.price = price;
    }

    @Override
    public double stepSeconds(final RoutingStatistics statistics, final Topology topology, final Placement placement) {
        if (statistics.paths() == 0) {
            return Double.NaN;
        }
        final PathReplay replay = new PathReplay(cost, statistics, topology, homeSeed);
        final int layers = replay.routed().length;
        return seconds(replay, placement, topology, 0, layers, replay.homes());
    }

    private double seconds(
            final PathReplay replay,
            final Placement placement,
            final Topology topology,
            final int first,
            final int end,
            final int[] at) {
        double sum = 0;
        for (final PathReplay.Share share : replay.shares(placement, replay.replay(placement, first, end, at), first, end)) {
            sum += price.seconds(share, topology);
        }
        return sum;
    }

    @Override
    public Estimate estimate(final RoutingStatistics statistics, final Topology topology, final Placement placement) {
        final PathReplay replay = new PathReplay(cost, statistics, topology, homeSeed);
        final int[] routed = replay.routed();
        final int[][] entry = new int[routed.length][];
        final double[] before = new double[routed.length];
        final int[] at = replay.homes();
        for (int i = 0; i < routed.length; i++) {
            entry[i] = at.clone();
            before[i] = seconds(replay, placement, topology, i, i + 1, at);
        }
        return (changed, firstLayer, lastLayer) -> {
            final int first = Arrays.binarySearch(routed, firstLayer);
            final int end = Math.min(routed.length, Arrays.binarySearch(routed, lastLayer) + 1 + AFTER);
            double gain = -seconds(replay, changed, topology, first, end, entry[first].clone());
            for (int i = first; i < end; i++) {
                gain += before[i];
            }
            return gain;
        };
    }
}
