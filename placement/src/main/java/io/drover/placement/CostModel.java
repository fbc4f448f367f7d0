package io.drover.placement;

/**
 * What a placement costs.
 *
 * @param mode        how tokens travel
 * @param wire        what they carry
 * @param expertBytes weights of one expert
 * @param stepTokens  positions that all devices together take through the model in one step; at least 1
 * @param slack       the router's tolerance of load, see {@link ReplicaChoice}
 */
public record CostModel(Mode mode, Wire wire, long expertBytes, int stepTokens, double slack) {
    public CostModel {
        if (expertBytes < 1 || stepTokens < 1 || !(slack >= 0)) {
            throw new IllegalArgumentException("expertBytes and stepTokens are at least 1 and slack at least 0, not "
                    + expertBytes + ", " + stepTokens + ", " + slack);
        }
    }

    /**
     * Predicts a step by replaying the sampled paths with the rule that the router uses.
     *
     * @param homeSeed of the homes of the sampled sequences, {@link Measures#drawHome}
     * @throws IllegalArgumentException if there are no sampled paths
     */
    public Prediction predict(
            final Placement placement, final RoutingStatistics statistics, final Topology topology, final long homeSeed) {
        return new PathReplay(this, statistics, topology, homeSeed).predict(placement);
    }

    /** Weight bytes to load to get from one placement to another. */
    public long moveBytes(final Placement from, final Placement to) {
        return expertBytes * moves(from, to);
    }

    /** Replicas of {@code to} that {@code from} has not. */
    public static int moves(final Placement from, final Placement to) {
        int moves = 0;
        for (int layer = 0; layer < to.layers(); layer++) {
            for (int expert = 0; expert < to.experts(layer); expert++) {
                for (int i = 0; i < to.replicas(layer, expert); i++) {
                    if (!from.hosts(to.device(layer, expert, i), layer, expert)) {
                        moves++;
                    }
                }
            }
        }
        return moves;
    }
}
