package io.drover.placement;

/** How long a step takes: what {@link Rebalance} weighs placements by. */
@FunctionalInterface
public interface RebalancePredictor {
    /** @return seconds of a step of the cost model's tokens; NaN if the statistics do not suffice to tell */
    double stepSeconds(RoutingStatistics statistics, Topology topology, Placement placement);

    /** The cost model's prediction by replay of the sampled paths. */
    static RebalancePredictor of(final CostModel cost, final long homeSeed) {
        return (statistics, topology, placement) -> statistics.paths() == 0
                ? Double.NaN
                : cost.predict(placement, statistics, topology, homeSeed).stepSeconds();
    }

    /**
     * As {@link #of}, but with the transfers of all devices' links on average instead of the busiest one's, and without latency: what matters
     * where the bytes themselves are dear.
     */
    static RebalancePredictor ofTraffic(final CostModel cost, final long homeSeed) {
        return (statistics, topology, placement) -> {
            if (statistics.paths() == 0) {
                return Double.NaN;
            }
            final Prediction prediction = cost.predict(placement, statistics, topology, homeSeed);
            final double perLink = prediction.sameHostBytes() / topology.link(Tier.SAME_HOST).bytesPerSecond()
                    + prediction.networkBytes() / topology.link(Tier.NETWORK).bytesPerSecond();
            return prediction.computeSeconds() + perLink / topology.size();
        };
    }
}
