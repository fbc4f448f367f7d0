/**
 * Where an expert should live.
 *
 * <p>A Mixture-of-Experts layer sends each token to k of its experts. Where those are, decides what crosses the network and which
 * device works hardest. This package knows no framework: time, randomness and the cluster come in as arguments, so that the same code
 * plans a live cluster, replays a trace, and simulates hundreds of devices.
 *
 * <h2>What a placement costs</h2>
 *
 * A token's layer can be put together in two ways ({@link io.drover.placement.Mode}).
 * <ul>
 *   <li><b>home</b>: the token stays where its sequence is. Each other device that runs one of its experts is sent its hidden vector
 *       once, and each expert there sends its output back. Outputs are not summed on the way, since a float sum depends on its order
 *       and a placement must never change a token. What helps is that a token's experts are together (co-activation), and near its
 *       home.
 *   <li><b>walk</b>: the token's residual moves to the device of its highest-gate expert, outputs are combined there, and the next
 *       layer starts there; its context's KV must be there too. What helps is <em>affinity</em>: experts of consecutive layers that
 *       follow each other share a device (ExFlow, arXiv 2401.08383), so that a token finds its next experts where it is.
 * </ul>
 * Affinity draws experts together and load pulls them apart: a placement that only follows affinity has hot devices, and one that only
 * follows load (EPLB) crosses the network for nearly every expert. Replicas buy both, for memory, and moving them costs bytes.
 * {@link io.drover.placement.CostModel} holds all of it in one place.
 *
 * <h2>Where to start</h2>
 * <ul>
 *   <li>{@link io.drover.placement.Measures}: what is counted, exactly. Everything that reports a figure uses it.
 *   <li>{@link io.drover.placement.ReplicaChoice}: which replica a token uses; the router runs it for every token-layer, the measures
 *       and planners too.
 *       {@link io.drover.placement.HomeChoice}: where a sequence should be at home.
 *   <li>{@link io.drover.placement.RoutingStatistics}: what nodes record, and all that a planner sees of the routing.
 *   <li>{@link io.drover.placement.Planner} and {@link io.drover.placement.PlanRequest}: what a policy is asked, and the constraints
 *       that each plan is checked against. {@link io.drover.placement.ContiguousPlanner} is the baseline,
 *       {@link io.drover.placement.EplbPlanner} the state of the art by load alone.
 *   <li>{@link io.drover.placement.Placement}, {@link io.drover.placement.Epoch}: what is published to the nodes.
 * </ul>
 */
@NullMarked
package io.drover.placement;

import org.jspecify.annotations.NullMarked;
