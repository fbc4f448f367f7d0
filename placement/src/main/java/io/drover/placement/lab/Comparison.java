package io.drover.placement.lab;

import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import io.drover.placement.ContiguousPlanner;
import io.drover.placement.CostModel;
import io.drover.placement.Measured;
import io.drover.placement.Measures;
import io.drover.placement.Placement;
import io.drover.placement.PlanRequest;
import io.drover.placement.Planner;
import io.drover.placement.PlanningException;
import io.drover.placement.RoutingStatistics;

/** Runs policies on one part of a trace and measures them on another. */
final class Comparison {
    private static final int PATHS = 1 << 15;

    private final Trace fit;
    private final Trace report;
    private final RoutingStatistics statistics;
    private final Bounds bounds;

    Comparison(final Split.Parts parts, final long seed) {
        fit = parts.fit();
        report = parts.report();
        statistics = Replay.statistics(fit, PATHS, seed);
        bounds = new Bounds(report);
    }

    RoutingStatistics statistics() {
        return statistics;
    }

    List<Figures> run(final List<Planner> planners, final Scenario scenario) {
        final List<Figures> rows = new ArrayList<>();
        for (final Planner planner : planners) {
            rows.add(run(planner, scenario));
        }
        return rows;
    }

    private Figures run(final Planner planner, final Scenario scenario) {
        final PlanRequest request = request(scenario);
        try {
            final double start = CpuTime.seconds();
            final Placement placement = planner.plan(request);
            final double seconds = CpuTime.seconds() - start;
            request.check(placement);
            final Measures replayed = Replay.measure(report, placement, scenario);
            final Measured measured = replayed.measured();
            return new Figures(planner.name(), scenario, placement, null, Replay.measure(fit, placement, scenario).measured(),
                    measured,
                    load(replayed, scenario),
                    bounds.of(scenario, measured.imbalance()), moves(placement, request), seconds);
        } catch (final PlanningException e) {
            return Figures.refused(planner.name(), scenario, String.valueOf(e.getMessage()), bounds.of(scenario, 1));
        }
    }

    private double[][] load(final Measures measures, final Scenario scenario) {
        final double[][] load = new double[report.layers()][scenario.devices()];
        for (int layer = 0; layer < load.length; layer++) {
            for (int device = 0; device < load[layer].length; device++) {
                load[layer][device] = measures.calls(layer, device) / report.tokens();
            }
        }
        return load;
    }

    PlanRequest request(final Scenario scenario) {
        return new PlanRequest(statistics, scenario.topology(), null, scenario.budget(), scenario.cost(), scenario.seed(),
                scenario.effort());
    }

    private static int moves(final Placement placement, final PlanRequest request) {
        return CostModel.moves(new ContiguousPlanner().plan(request), placement);
    }

    /** Bound at a given imbalance, null if it is not computed. */
    @Nullable
    LowerBound bound(final Scenario scenario, final double imbalance) {
        return bounds.of(scenario, imbalance);
    }

}
