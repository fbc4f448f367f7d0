package io.drover.placement.lab;

import org.jspecify.annotations.Nullable;

import io.drover.placement.Measured;
import io.drover.placement.Placement;

/**
 * One row of the table: a policy in a scenario, fitted on one part of the routing and measured on another.
 *
 * @param policy      the planner's name
 * @param scenario    the cluster
 * @param placement   what it planned, null if it refused
 * @param refusal     why it refused, null if it did not
 * @param fitted      figures on the part it was fitted to, null if it refused
 * @param measured    figures on the other part, null if it refused
 * @param load        [layer][device] calls per position on the other part; empty if it refused
 * @param bound       what no placement of that imbalance can go below on the other part, null if not computed
 * @param moves       replicas to load when coming from the contiguous placement
 * @param planSeconds of a core, to plan
 */
record Figures(String policy, Scenario scenario, @Nullable Placement placement, @Nullable String refusal,
        @Nullable Measured fitted,
        @Nullable Measured measured, double[][] load, @Nullable LowerBound bound, int moves, double planSeconds) {

    static Figures refused(final String policy, final Scenario scenario, final String refusal, final @Nullable LowerBound bound) {
        return new Figures(policy, scenario, null, refusal, null, null, new double[0][], bound, 0, Double.NaN);
    }
}
