package io.drover.placement.lab;

import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

import io.drover.placement.Mode;
import io.drover.placement.Planner;

import picocli.CommandLine;

/**
 * The command {@code plan}: placement policies side by side on recorded or simulated routing.
 *
 * <p>Everything that it prints, it measures by replay. The same arguments print the same figures, times excepted.
 */
public final class PlanCommand {
    /** All is well. */
    public static final int OK = 0;
    /** The input is not usable: a malformed trace, an impossible budget. */
    public static final int FAILED = 1;
    /** The command line is not usable. */
    public static final int USAGE = 2;

    private final PlanOptions options;
    private final PrintStream out;

    private PlanCommand(final PlanOptions options, final PrintStream out) {
        this.options = options;
        this.out = out;
    }

    /**
     * @param args what stands after {@code plan}
     * @param out  receives the tables
     * @param err  receives one line that says what is wrong, if something is
     * @return {@link #OK}, {@link #FAILED} or {@link #USAGE}
     */
    public static int run(final String[] args, final PrintStream out, final PrintStream err) {
        final PlanOptions options = new PlanOptions();
        final CommandLine line = new CommandLine(options);
        try {
            line.parseArgs(args);
        } catch (final CommandLine.ParameterException e) {
            err.println("plan: " + e.getMessage() + " (--help shows the options)");
            return USAGE;
        }
        if (options.help) {
            line.usage(new PrintWriter(out, true));
            return OK;
        }
        try {
            new PlanCommand(options, out).run();
            return OK;
        } catch (final IllegalArgumentException e) {
            err.println("plan: " + e.getMessage());
            return USAGE;
        } catch (final TraceFormatException | IOException e) {
            err.println("plan: " + e.getMessage());
            return FAILED;
        }
    }

    private void run() throws IOException {
        if ((options.trace == null) == (options.simulate == null)) {
            throw new IllegalArgumentException("expected one of --trace and --simulate");
        }
        final Trace trace = TraceReader.read(options.trace);
        final Split.Parts parts = options.split().of(trace, options.fitDomains);
        out.printf(Locale.ROOT, "%s: %d tokens in %d sequences of %s, %d layers of %d experts, top-%d%n", trace.model(),
                trace.tokens(),
                trace.sequences().size(), trace.domains(), trace.layers(), trace.experts(), trace.topK());
        out.printf(Locale.ROOT, "fitted on %d tokens, reported on %d (--split %s)%n", parts.fit().tokens(),
                parts.report().tokens(),
                options.split);
        final List<Planner> planners = Policies.named(options.policies);
        final long experts = (long) trace.layers() * trace.experts();
        if (options.online) {
            for (final Mode mode : options.modes()) {
                final Scenario scenario = Scenario.of(options, mode, options.devices, options.slots, experts);
                final OnlineRun online = new OnlineRun(options, out);
                final OnlineRun.Course course = online.course(trace, phases(trace));
                online.print(online.run(course, scenario, planners), scenario, course);
            }
            return;
        }
        final Comparison comparison = new Comparison(parts, options.seed);
        final List<Figures> all = new ArrayList<>();
        for (final Mode mode : options.modes()) {
            final Scenario scenario = Scenario.of(options, mode, options.devices, options.slots, experts);
            final List<Figures> rows = comparison.run(planners, scenario);
            new FigureTable(out).print(rows, comparison);
            all.addAll(rows);
        }
    }

    private List<String> phases(final Trace trace) {
        return options.phases.isEmpty() ? List.copyOf(trace.domains()) : options.phases;
    }
}
