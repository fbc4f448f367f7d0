package io.drover.placement.lab;

import org.jspecify.annotations.Nullable;

import io.drover.placement.CostModel;
import io.drover.placement.Placement;
import io.drover.placement.PlanRequest;
import io.drover.placement.Planner;
import io.drover.placement.RoutingStatistics;

/** A way to keep a placement while the load shifts. */
interface OnlinePolicy {
    String name();

    Placement placement();

    /** After a window: looks at the decayed statistics so far, and perhaps changes the placement. @return replicas loaded */
    int afterWindow(int window, RoutingStatistics statistics);

    /** Replicas brought back, for gain, to a device that they left within the horizon. */
    default int returns() {
        return 0;
    }

    /** Steps that did not pay and were undone. */
    default int undone() {
        return 0;
    }

    /** Steps for gain whose effect is known: what they were to save and what they saved, as shares of the step time. */
    default Gains gains() {
        return Gains.NONE;
    }

    /**
     * Whether it sees each window before it is served by the plan made from it. Such a policy loads what it likes for nothing: it is what
     * the others are compared with, not one that could be run.
     */
    default boolean hindsight() {
        return false;
    }

    /**
     * Means over steps.
     *
     * @param steps     judged so far
     * @param predicted NaN without steps
     * @param realised  NaN without steps
     */
    record Gains(int steps, double predicted, double realised) {
        static final Gains NONE = new Gains(0, Double.NaN, Double.NaN);
    }

    /** Never changes. */
    static OnlinePolicy fixed(final String name, final Placement placement) {
        return new Planned(name, placement, null, null, Integer.MAX_VALUE);
    }

    /** Plans every few windows from the placement that it has, and takes the plan whole and at once. */
    static OnlinePolicy periodic(
            final String name, final Placement first, final Planner planner, final PlanRequest request, final int period) {
        return new Planned(name, first, planner, request, period);
    }

    /** The state of both. */
    final class Planned implements OnlinePolicy {
        private final String name;
        private final @Nullable Planner planner;
        private final @Nullable PlanRequest request;
        private final int period;
        private Placement placement;

        private Planned(
                final String name,
                final Placement placement,
                final @Nullable Planner planner,
                final @Nullable PlanRequest request,
                final int period) {
            this.name = name;
            this.placement = placement;
            this.planner = planner;
            this.request = request;
            this.period = period;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public Placement placement() {
            return placement;
        }

        @Override
        public int afterWindow(final int window, final RoutingStatistics statistics) {
            if (planner == null || request == null || (window + 1) % period != 0) {
                return 0;
            }
            final Placement next = planner.plan(new PlanRequest(statistics, request.topology(), placement, request.budget(),
                    request.cost(), request.seed(), request.effort()));
            final int moves = CostModel.moves(placement, next);
            placement = next;
            return moves;
        }
    }
}
