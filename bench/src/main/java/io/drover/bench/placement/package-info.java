/**
 * What planning costs and how good its fast methods are, on routing made from a seed. Start at {@link
 * io.drover.bench.placement.PlanScale} for time against size, and {@link io.drover.bench.placement.ExFlowGaps} for the distance from the
 * solver.
 */
@NullMarked
package io.drover.bench.placement;

import org.jspecify.annotations.NullMarked;
