package io.drover.placement;

/** Which pairs of experts {@link RoutingStatistics} counts; each position adds 1 to each of its pairs. */
public enum Relation {
    /** Every expert of a layer → every expert of the next routed layer: k·k pairs. */
    TRANSITION,
    /** The highest-gate expert of a layer → every expert of the next routed layer: what a dispatch costs in {@link Mode#WALK}. */
    OWNER_TRANSITION,
    /** The highest-gate expert of a layer → that of the next routed layer: the residual's way in {@link Mode#WALK}. */
    OWNER_HANDOVER,
    /** Two experts of one position in one layer, counted in both directions: k·(k-1) pairs. */
    COACTIVATION,
    /** The highest-gate expert → the other experts of the same layer: what returns cost in {@link Mode#WALK}. */
    OWNER_COACTIVATION;

    static final int COUNT = values().length;

    boolean withinLayer() {
        return this == COACTIVATION || this == OWNER_COACTIVATION;
    }
}
