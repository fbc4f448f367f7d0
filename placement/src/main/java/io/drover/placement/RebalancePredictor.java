package io.drover.placement;

/** How long a step takes: what {@link Rebalance} weighs placements by. */
@FunctionalInterface
public interface RebalancePredictor {
    /** @return seconds of a step of the cost model's tokens; NaN if the statistics do not suffice to tell */
    double stepSeconds(RoutingStatistics statistics, Topology topology, Placement placement);

    /** What changes of one placement would gain, roughly and fast, for choosing among many. */
    @FunctionalInterface
    interface Estimate {
        /**
         * @param changed    differs from the placement in no layer before the first and none after the last
         * @param firstLayer with routed experts
         * @param lastLayer  with routed experts
         * @return seconds that a step is shorter
         */
        double gainSeconds(Placement changed, int firstLayer, int lastLayer);
    }

    /** Prepares to estimate changes of a placement. */
    default Estimate estimate(final RoutingStatistics statistics, final Topology topology, final Placement placement) {
        final double before = stepSeconds(statistics, topology, placement);
        return (changed, firstLayer, lastLayer) -> before - stepSeconds(statistics, topology, changed);
    }

    /** The cost model's prediction by replay of the sampled paths. */
    static RebalancePredictor of(final CostModel cost, final long homeSeed) {
        return new PathPredictor(cost, homeSeed, (share, topology) -> share.computeSeconds() + share.transferSeconds());
    }

    /**
     * As {@link #of}, but with the transfers of all devices' links on average instead of the busiest one's, and without latency: what matters
     * where the bytes themselves are dear.
     */
    static RebalancePredictor ofTraffic(final CostModel cost, final long homeSeed) {
        return new PathPredictor(cost, homeSeed, (share, topology) -> share.computeSeconds()
                + (share.sameHostBytes() / topology.link(Tier.SAME_HOST).bytesPerSecond()
                        + share.networkBytes() / topology.link(Tier.NETWORK).bytesPerSecond()) / topology.size());
    }
}
