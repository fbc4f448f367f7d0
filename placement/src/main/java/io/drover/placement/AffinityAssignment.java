package io.drover.placement;

import com.google.ortools.graph.MinCostFlow;
import com.google.ortools.graph.MinCostFlowBase;

/**
 * Sweeps forwards and backwards over the layers of an {@link AffinitySearch}, solving each layer exactly while its neighbours stand still:
 * that is a linear assignment of experts to groups, every group taking as many as it has. No sweep makes the objective worse.
 */
final class AffinityAssignment {
    /** Weights become whole numbers up to this. */
    private static final double SCALE = 1 << 20;

    private final AffinitySearch search;
    private final int groups;
    private final Fit fit;

    /** Whether an expert may be on a group at all. */
    @FunctionalInterface
    interface Fit {
        boolean fits(int layer, int expert, int group);
    }

    AffinityAssignment(final AffinitySearch search, final int groups, final Fit fit) {
        OrToolsNatives.load();
        this.search = search;
        this.groups = groups;
        this.fit = fit;
    }

    /** Sweeps until nothing is gained, at most {@code most} times there and back. */
    void sweep(final int most) {
        final int layers = search.group.length;
        double saved = search.saved();
        for (int round = 0; round < most; round++) {
            for (int layer = 0; layer < layers; layer++) {
                solve(layer);
            }
            for (int layer = layers - 2; layer >= 0; layer--) {
                solve(layer);
            }
            final double now = search.saved();
            if (now <= saved + 1e-9) {
                return;
            }
            saved = now;
        }
    }

    private void solve(final int layer) {
        final int[] expert = search.expert[layer];
        final int[] room = new int[groups];
        double most = 0;
        for (int r = 0; r < expert.length; r++) {
            room[search.group[layer][r]]++;
            for (int g = 0; g < groups; g++) {
                most = Math.max(most, search.gain(layer, expert[r], g));
            }
        }
        if (most == 0) {
            return;
        }
        final MinCostFlow flow = new MinCostFlow();
        final int[] first = new int[expert.length + 1];
        final int[] goalOfArc = new int[expert.length * groups];
        int arcs = 0;
        for (int r = 0; r < expert.length; r++) {
            first[r] = arcs;
            flow.setNodeSupply(r, 1);
            for (int g = 0; g < groups; g++) {
                if (room[g] > 0 && fit.fits(layer, expert[r], g)) {
                    goalOfArc[arcs] = g;
                    // Staying is a shade better than an equal place elsewhere, so that nothing moves for nothing.
                    final long cost = Math.round((most - search.gain(layer, expert[r], g)) / most * SCALE) * 2
                            + (search.group[layer][r] == g ? 0 : 1);
                    arcs = flow.addArcWithCapacityAndUnitCost(r, expert.length + g, 1, cost) + 1;
                }
            }
        }
        first[expert.length] = arcs;
        for (int g = 0; g < groups; g++) {
            flow.setNodeSupply(expert.length + g, -room[g]);
        }
        if (flow.solve() != MinCostFlowBase.Status.OPTIMAL) {
            throw new IllegalStateException(
                    "layer " + layer + " has no assignment of its " + expert.length + " experts, though it had one");
        }
        final int[] goal = new int[expert.length];
        for (int r = 0; r < expert.length; r++) {
            for (int arc = first[r]; arc < first[r + 1]; arc++) {
                if (flow.getFlow(arc) == 1) {
                    goal[r] = goalOfArc[arc];
                }
            }
        }
        search.reassign(layer, goal);
    }
}
