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
}
