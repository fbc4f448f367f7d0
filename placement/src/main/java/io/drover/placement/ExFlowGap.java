package io.drover.placement;

import java.util.Arrays;

/**
 * ExFlow's fast method beside the solver, on equal groups: hand-overs that cross groups, per position.
 *
 * @param fast   of the fast method
 * @param solver best that the solver found
 * @param bound  what no assignment can be below, by the solver
 * @param proven whether the solver's is optimal
 */
public record ExFlowGap(double fast, double solver, double bound, boolean proven) {
    /**
     * @param devices      equal groups; each layer's experts are dealt out to them
     * @param effort       of the fast method, as in {@link PlanRequest}
     * @param solverEffort limit in CP-SAT's deterministic time, about seconds of one core
     */
    public static ExFlowGap of(
            final RoutingStatistics statistics, final int devices, final int effort, final double solverEffort, final long seed) {
        final AffinityWeights weights = AffinityWeights.handOvers(statistics);
        final int[][] dealt = new int[weights.layers][];
        for (int layer = 0; layer < weights.layers; layer++) {
            dealt[layer] = new int[weights.experts[layer]];
            Arrays.setAll(dealt[layer], e -> e % devices);
        }
        final AffinityAssignment.Fit anywhere = (layer, e, group) -> true;
        final int[][] fast = new ExFlowSearch(weights, devices, anywhere, effort).run(dealt, seed);
        // Not started from the fast method's solution: what it finds is its own.
        final ExFlowSolver.Solution solution = ExFlowSolver.solve(weights, devices, dealt, anywhere, solverEffort, (int) seed);
        return new ExFlowGap(ExFlowSolver.crossed(weights, fast), solution.crossed(), solution.bound(), solution.proven());
    }

    /** How far the fast method is above the best known: 0.01 is one percent; negative where it beats the solver. */
    public double aboveSolver() {
        return solver == 0 ? 0 : fast / solver - 1;
    }

    /** How far the fast method is at most above the optimum. */
    public double aboveBound() {
        return bound == 0 ? Double.POSITIVE_INFINITY : fast / bound - 1;
    }
}
