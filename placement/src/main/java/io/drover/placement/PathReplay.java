package io.drover.placement;

/**
 * Replays the sampled paths of routing statistics with the rule that the router uses, layer by layer: what one layer passes to the next is
 * only where each path is, so that a few layers can be replayed without the others.
 */
final class PathReplay {
    /**
     * What one layer takes of a step.
     *
     * @param computeSeconds  of the slowest device
     * @param transferSeconds of the busiest device and the latency of two trips
     * @param sameHostBytes   between devices of one host, KV included
     * @param networkBytes    between hosts, KV included
     */
    record Share(double computeSeconds, double transferSeconds, double sameHostBytes, double networkBytes) {}

    private final CostModel cost;
    private final RoutingStatistics statistics;
    private final Topology topology;
    private final long homeSeed;
    private final int[] routed;

    /**
     * @param homeSeed of the homes of the sampled sequences, {@link Measures#drawHome}
     * @throws IllegalArgumentException if there are no sampled paths
     */
    PathReplay(final CostModel cost, final RoutingStatistics statistics, final Topology topology, final long homeSeed) {
        if (statistics.paths() == 0) {
            throw new IllegalArgumentException("a prediction needs sampled paths, but the statistics hold 0 of "
                    + statistics.positions() + " positions");
        }
        this.cost = cost;
        this.statistics = statistics;
        this.topology = topology;
        this.homeSeed = homeSeed;
        routed = statistics.routedLayers();
    }

    /** The routed layers, ascending; what is called an index here is one into this. */
    int[] routed() {
        return routed;
    }

    /** [path] the device ordinals where the paths begin. */
    int[] homes() {
        final int[] homes = new int[statistics.paths()];
        for (int path = 0; path < homes.length; path++) {
            homes[path] = Measures.drawHome(topology, homeSeed, statistics.pathSequence(path));
        }
        return homes;
    }

    /**
     * Replays the routed layers from one index until another.
     *
     * @param at [path] device ordinals where the paths are; changed to where they are then
     */
    Measures replay(final Placement placement, final int first, final int end, final int[] at) {
        final Measures measures = new Measures(placement, topology, cost.mode(), cost.slack(), routed[first],
                routed[end - 1] + 1);
        measures.add(at.length);
        final int[] experts = new int[statistics.topK()];
        for (int i = first; i < end; i++) {
            for (int path = 0; path < at.length; path++) {
                for (int rank = 0; rank < experts.length; rank++) {
                    experts[rank] = statistics.pathExpert(path, i, rank);
                }
                at[path] = measures.tokenLayer(routed[i], experts, at[path]);
            }
        }
        return measures;
    }

    /** The shares of the routed layers from one index until another, in order, of what has been replayed of them. */
    Share[] shares(final Placement placement, final Measures measures, final int first, final int end) {
        final StepTime time = new StepTime(cost, placement, topology, measures);
        final Share[] shares = new Share[end - first];
        for (int i = first; i < end; i++) {
            shares[i - first] = time.share(routed[i]);
        }
        return shares;
    }

    Prediction predict(final Placement placement) {
        final Measures measures = replay(placement, 0, routed.length, homes());
        double compute = 0;
        double transfer = 0;
        double sameHost = 0;
        double network = 0;
        for (final Share share : shares(placement, measures, 0, routed.length)) {
            compute += share.computeSeconds();
            transfer += share.transferSeconds();
            sameHost += share.sameHostBytes();
            network += share.networkBytes();
        }
        return new Prediction(compute, transfer, sameHost, network, measures.measured());
    }
}
