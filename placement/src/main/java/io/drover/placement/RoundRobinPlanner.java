package io.drover.placement;

/**
 * Expert e on the (e mod devices)-th device.
 *
 * <p>Goals, in order: each expert placed; neighbouring ids apart; equal counts per device. Slots beyond the f replicas stay
 * empty; the further replicas of an expert are shifted by whole nodes. Load, links and moves are not looked at.
 */
public final class RoundRobinPlanner implements Planner {
    @Override
    public String name() {
        return "round-robin";
    }

    @Override
    public Placement plan(final PlanRequest request) {
        return FixedOrder.plan(request, name(), (expert, experts, devices) -> expert % devices);
    }
}
