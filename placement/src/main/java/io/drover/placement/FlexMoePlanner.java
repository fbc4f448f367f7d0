package io.drover.placement;

import org.jspecify.annotations.Nullable;

/**
 * FlexMoE (arXiv 2304.03946), the inference variant: no gradient synchronisation, hence no cost of a replica but its slot.
 *
 * <p>Goals, in order: each expert on f nodes, lost ones restored first; a lower time of a layer's slowest device, by the cost model
 * of {@link LayerLoad}, with each step; few steps. It starts from the current placement (contiguous where there is none) and is
 * incremental. It looks at load and links, not at transitions or co-activation.
 *
 * <p>As long as a layer's balance ratio (busiest device / mean) is above the threshold, it takes the first of these that makes the
 * layer's slowest device strictly faster, the layer with the largest gain first:
 * <ol>
 *   <li>Expand the expert with most calls per replica, into a free slot or in place of the layer's coldest spare replica (Shrink);
 *       of all devices the one that gives the lowest time.
 *   <li>Migrate: move a replica from the slowest device into a free slot elsewhere, or exchange it with another device's.
 * </ol>
 * Never loads more than the move budget beyond what restoration needs.
 */
public final class FlexMoePlanner implements Planner {
    private final double threshold;

    /** Acts above a balance ratio of 1.1. */
    public FlexMoePlanner() {
        this(1.1);
    }

    /** @param threshold balance ratio above which a layer is changed; at least 1 */
    public FlexMoePlanner(final double threshold) {
        if (!(threshold >= 1)) {
            throw new IllegalArgumentException("a balance ratio is at least 1, not " + threshold);
        }
        this.threshold = threshold;
    }

    @Override
    public String name() {
        return "flexmoe";
    }

    @Override
    public Placement plan(final PlanRequest request) {
        request.checkFeasible();
        final @Nullable Placement current = request.current();
        final PlanRequest from = current == null ? request.withCurrent(new ContiguousPlanner().plan(request)) : request;
        final Assignment assignment = Assignment.ofCurrent(from);
        Restoration.complete(from, assignment);
        new FlexMoeScheduler(from, assignment, threshold, current == null ? Long.MAX_VALUE : request.maxMoves()).run();
        final Placement plan = assignment.toPlacement();
        request.check(plan);
        return plan;
    }
}
