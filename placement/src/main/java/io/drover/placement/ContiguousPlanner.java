package io.drover.placement;

/**
 * Experts in the order of their ids, in equal runs, device after device: the baseline of every comparison.
 *
 * <p>Goals, in order: each expert placed; runs of ids together; equal counts per device. Slots beyond the f replicas stay
 * empty; the further replicas of an expert are the same runs, shifted by whole nodes. Load, links and moves are not looked at.
 */
public final class ContiguousPlanner implements Planner {
    @Override
    public String name() {
        return "contiguous";
    }

    @Override
    public Placement plan(final PlanRequest request) {
        return FixedOrder.plan(request, name(), (expert, experts, devices) -> (int) ((long) expert * devices / experts));
    }
}
