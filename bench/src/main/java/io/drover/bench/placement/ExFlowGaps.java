package io.drover.bench.placement;

import java.io.PrintStream;
import java.util.Locale;

import io.drover.placement.ExFlowGap;
import io.drover.placement.RoutingStatistics;

/** ExFlow's fast method against CP-SAT on growing cases: within 1 % where the solver proves an optimum, beside its bound elsewhere. */
public final class ExFlowGaps {
    private static final int POSITIONS = 4000;
    private static final int[][] SHAPES = {{3, 8, 2}, {6, 8, 2}, {12, 8, 2}, {4, 8, 4}, {8, 8, 4}, {4, 16, 2}, {8, 16, 2},
        {4, 16, 4},
        {8, 16, 4}, {4, 32, 4}, {24, 32, 4}};

    private ExFlowGaps() {}

    /** @param arguments limit of the solver in its deterministic time, about seconds; 60 by default */
    public static void main(final String[] arguments) {
        final double effort = arguments.length > 0 ? Double.parseDouble(arguments[0]) : 60;
        final PrintStream out = System.out;
        out.println("layers experts devices | fast      solver    bound     proven | fast above solver, bound");
        for (final int[] shape : SHAPES) {
            final RoutingStatistics statistics = new PlantedRouting(shape[0], shape[1], 2, 3).statistics(POSITIONS);
            final ExFlowGap gap = ExFlowGap.of(statistics, shape[2], 100, effort, 1);
            out.printf(Locale.ROOT, "%6d %7d %7d | %.6f  %.6f  %.6f  %-6b | %7.3f %%  %7.3f %%%n", shape[0], shape[1], shape[2],
                    gap.fast(), gap.solver(), gap.bound(), gap.proven(), 100 * gap.aboveSolver(), 100 * gap.aboveBound());
        }
    }
}
