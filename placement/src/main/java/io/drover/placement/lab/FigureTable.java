package io.drover.placement.lab;

import java.io.PrintStream;
import java.util.List;
import java.util.Locale;

import org.jspecify.annotations.Nullable;

import io.drover.placement.Measured;
import io.drover.placement.Mode;
import io.drover.placement.Wire;

/** Prints figures as a table of fixed columns. */
final class FigureTable {
    private static final String HEAD = "%-16s %7s %7s | %7s %7s %8s %8s %8s | %8s | %9s %9s %9s %9s %9s | %6s %9s%n";
    private static final String ROW = "%-16s %7.3f %7.3f | %7.3f %7.3f %8.3f %8s %8.3f | %8s | %9.0f %9.0f %9.0f %9.0f %9.0f | %6d %9.3f%n";

    private final PrintStream out;

    FigureTable(final PrintStream out) {
        this.out = out;
    }

    /** @param rows of one scenario, at least one */
    void print(final List<Figures> rows, final Comparison comparison) {
        final Scenario scenario = rows.getFirst().scenario();
        final boolean walk = scenario.mode() == Mode.WALK;
        out.printf(Locale.ROOT, "%n%s, %d devices, %d slots, slack %.2f, at least %d replica(s); bytes are per token-layer%n",
                walk ? "walk" : "home", scenario.devices(), scenario.slots(), scenario.cost().slack(),
                scenario.budget().minReplicas());
        out.printf(Locale.ROOT, HEAD, "", "fitted", "", "", "", "", "", "", "above", "1 holder", "2, uni", "2, multi", "all, uni",
                "all, multi", "moves", "plan");
        out.printf(Locale.ROOT, HEAD, "policy", "vectors", "imbal", "vectors", "copies", "imbal", "attn", "balanced", "bound",
                "B", "B",
                "B", "B", "B", "", "s");
        for (final Figures row : rows) {
            print(row);
        }
        final LowerBound bound = comparison.bound(scenario, 1.1);
        if (bound != null) {
            out.printf(Locale.ROOT, HEAD, "bound", "", "", format(bound.vectors()), format(bound.copies()),
                    Double.isInfinite(bound.imbalance()) ? "any" : "<= " + format(bound.imbalance()), "", "1.000", "",
                    whole(bound.bytes(holders(scenario, 1, false))), whole(bound.bytes(holders(scenario, 2, false))),
                    whole(bound.bytes(holders(scenario, 2, true))),
                    whole(bound.bytes(holders(scenario, scenario.devices(), false))),
                    whole(bound.bytes(holders(scenario, scenario.devices(), true))), "", "");
        }
    }

    private void print(final Figures row) {
        final Measured measured = row.measured();
        final Measured fitted = row.fitted();
        if (measured == null || fitted == null) {
            out.printf(Locale.ROOT, "%-16s refused: %s%n", row.policy(), row.refusal());
            return;
        }
        final Scenario scenario = row.scenario();
        final LowerBound bound = row.bound();
        out.printf(Locale.ROOT, ROW, row.policy(), fitted.vectors(), fitted.imbalance(), measured.vectors(), measured.copies(),
                measured.imbalance(), format(measured.attentionImbalance()), measured.balancedness(),
                above(measured.vectors(), bound),
                measured.bytes(holders(scenario, 1, false)), measured.bytes(holders(scenario, 2, false)),
                measured.bytes(holders(scenario, 2, true)), measured.bytes(holders(scenario, scenario.devices(), false)),
                measured.bytes(holders(scenario, scenario.devices(), true)), row.moves(), row.planSeconds());
    }

    /** How far above the bound; nothing where the bound says nothing. */
    private static String above(final double vectors, final @Nullable LowerBound bound) {
        return bound == null || bound.vectors() < 0.005
                ? ""
                : String.format(Locale.ROOT, "%+.0f%%", 100 * (vectors / bound.vectors() - 1));
    }

    private static Wire holders(final Scenario scenario, final int holders, final boolean multicast) {
        return scenario.wire().withHolders(Math.min(holders, scenario.devices()), multicast);
    }

    private static String format(final double value) {
        return String.format(Locale.ROOT, "%.3f", value);
    }

    private static String whole(final double value) {
        return String.format(Locale.ROOT, "%.0f", value);
    }
}
