/**
 * The placement lab: recorded or synthetic routing in, policies side by side out.
 *
 * <p>A placement is good or bad only against real routing, and only against what could have been: each table here is made by replaying
 * every token of a trace through {@link io.drover.placement.Measures} (never by a model of the traffic), on traces that the planner
 * has not seen, and stands beside a lower bound. The planners are those that a running cluster uses, called in the same way, and the
 * online replay drives the same {@link io.drover.placement.Rebalance} machine.
 *
 * <p>Start at {@link io.drover.placement.lab.PlanCommand}, the command line ({@code ./drover plan}); {@link
 * io.drover.placement.lab.TraceReader} says what a trace on disk looks like.
 */
@NullMarked
package io.drover.placement.lab;

import org.jspecify.annotations.NullMarked;
