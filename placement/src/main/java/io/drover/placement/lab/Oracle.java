package io.drover.placement.lab;

import org.jspecify.annotations.Nullable;

import io.drover.placement.Budget;
import io.drover.placement.CostModel;
import io.drover.placement.Placement;
import io.drover.placement.PlanRequest;
import io.drover.placement.Planner;
import io.drover.placement.RoutingStatistics;

/**
 * The placement that a planner would have wished for: each window is served by a plan made from that window alone, with nothing to pay for
 * its moves. It takes the better, by predicted bytes, of the last plan improved and a plan from nothing. What a policy needs beyond it is its
 * regret; as planners do not find the optimum, the optimum's regret may be larger.
 */
final class Oracle implements OnlinePolicy {
    private final Planner planner;
    private final PlanRequest request;
    private final CostModel free;
    private Placement placement;

    /** @param request whose budget, cost and topology hold; its statistics do not matter */
    Oracle(final Planner planner, final Placement first, final PlanRequest request) {
        this.planner = planner;
        this.request = request;
        placement = first;
        free = new CostModel(request.cost().mode(), request.cost().wire(), 1, request.cost().stepTokens(),
                request.cost().slack());
    }

    @Override
    public String name() {
        return "oracle-" + planner.name();
    }

    @Override
    public boolean hindsight() {
        return true;
    }

    @Override
    public Placement placement() {
        return placement;
    }

    @Override
    public int afterWindow(final int window, final RoutingStatistics own) {
        final Placement improved = plan(own, placement);
        final Placement fresh = plan(own, null);
        placement = bytes(own, fresh) < bytes(own, improved) ? fresh : improved;
        return 0;
    }

    private Placement plan(final RoutingStatistics own, final @Nullable Placement current) {
        return planner.plan(new PlanRequest(own, request.topology(), current,
                new Budget(request.budget().minReplicas(), Long.MAX_VALUE), free, request.seed(), request.effort()));
    }

    private double bytes(final RoutingStatistics own, final Placement candidate) {
        return free.predict(candidate, own, request.topology(), request.seed()).measured().bytes(free.wire());
    }
}
