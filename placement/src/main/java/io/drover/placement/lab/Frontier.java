package io.drover.placement.lab;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

import io.drover.placement.Measured;
import io.drover.placement.Mode;
import io.drover.placement.Planner;

/** Traffic against imbalance over numbers of devices and slots: every policy in one table, the bound beside each figure. */
final class Frontier {
    private static final int[] DEVICES = {2, 4, 8};

    /** @param minReplicas f: two from the first point on at which every expert can have two */
    private record Point(String slots, int minReplicas) {}

    private static final List<Point> POINTS = List.of(new Point("+0%", 1), new Point("+12.5%", 1), new Point("+25%", 1),
            new Point("+50%", 1), new Point("+100%", 2));

    private final PlanOptions options;
    private final PrintStream out;

    Frontier(final PlanOptions options, final PrintStream out) {
        this.options = options;
        this.out = out;
    }

    List<Figures> run(final Comparison comparison, final Mode mode, final List<Planner> planners, final long experts) {
        out.printf(Locale.ROOT, "%n%s: vectors (bound) at imbalance, per token-layer, on the part not fitted to%n%-7s %-8s %-2s",
                mode.name().toLowerCase(Locale.ROOT), "devices", "slots", "f");
        planners.forEach(planner -> out.printf(Locale.ROOT, " | %22s", planner.name()));
        out.println();
        final List<Figures> all = new ArrayList<>();
        for (final int devices : DEVICES) {
            for (final Point point : POINTS) {
                final Scenario scenario = Scenario.of(options, mode, devices, point.slots(), point.minReplicas(), experts);
                final List<Figures> rows = comparison.run(planners, scenario);
                out.printf(Locale.ROOT, "%-7d %-8s %-2d", devices, point.slots(), point.minReplicas());
                rows.forEach(row -> out.printf(Locale.ROOT, " | %22s", cell(row)));
                out.println();
                all.addAll(rows);
            }
        }
        return all;
    }

    private static String cell(final Figures row) {
        final Measured measured = row.measured();
        if (measured == null) {
            return "refused";
        }
        final LowerBound bound = row.bound();
        return String.format(Locale.ROOT, "%.3f (%s) at %.3f", measured.vectors(),
                bound == null ? "-" : String.format(Locale.ROOT, "%.2f", bound.vectors()), measured.imbalance());
    }
}
