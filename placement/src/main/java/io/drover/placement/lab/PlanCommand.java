package io.drover.placement.lab;

import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

import io.drover.placement.Mode;
import io.drover.placement.Planner;
import io.drover.placement.RoutingStatistics;

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
        if (options.simulate != null) {
            simulate(SimulationSpec.parse(options.simulate));
            return;
        }
        compare(TraceReader.read(options.trace));
    }

    private void compare(final Trace trace) throws IOException {
        final Split.Parts parts = options.split().of(trace, options.fitDomains);
        out.printf(Locale.ROOT, "%s: %d tokens in %d sequences of %s, %d layers of %d experts, top-%d%n", trace.model(),
                trace.tokens(),
                trace.sequences().size(), trace.domains(), trace.layers(), trace.experts(), trace.topK());
        out.printf(Locale.ROOT, "fitted on %d tokens, reported on %d (--split %s)%n", parts.fit().tokens(),
                parts.report().tokens(),
                options.split);
        final List<Planner> planners = Policies.named(options.policies, options.balance,
                !options.online && options.homePrefix() > 0);
        final Report report = new Report(trace.model(), options);
        final Comparison comparison = new Comparison(parts, options.seed);
        final List<Figures> rows = new ArrayList<>();
        final List<HtmlReport.Shown> shown = new ArrayList<>();
        for (final Mode mode : options.modes()) {
            if (options.online) {
                shown.addAll(online(trace, mode, planners, report));
            } else {
                rows.addAll(compare(trace, mode, planners, comparison));
            }
        }
        rows.forEach(report::add);
        rows.forEach(row -> shown.add(HtmlReport.Shown.of(row)));
        if (options.json != null) {
            report.write(options.json);
        }
        if (options.html != null) {
            HtmlReport.write(options.html, report, shown, comparison.statistics());
        }
    }

    private List<Figures> compare(
            final Trace trace, final Mode mode, final List<Planner> planners, final Comparison comparison) {
        final long experts = (long) trace.layers() * trace.experts();
        if (options.frontier) {
            return new Frontier(options, out).run(comparison, mode, planners, experts);
        }
        final Scenario scenario = Scenario.of(options, mode, options.devices, options.slots, options.minReplicas, experts);
        final List<Figures> rows = comparison.run(planners, scenario);
        new FigureTable(out).print(rows, comparison);
        return rows;
    }

    /** @return placements at the end of the stream */
    private List<HtmlReport.Shown> online(final Trace trace, final Mode mode, final List<Planner> planners, final Report report) {
        final Scenario scenario = Scenario.of(options, mode, options.devices, options.slots, options.minReplicas,
                (long) trace.layers() * trace.experts());
        final OnlineRun online = new OnlineRun(options, out);
        final OnlineRun.Course course = online.course(trace, phases(trace));
        final List<OnlineReplay.Course> courses = online.run(course, scenario, planners);
        online.print(courses, scenario, course);
        report.add(courses, scenario, course);
        return shown(courses, scenario);
    }

    private static List<HtmlReport.Shown> shown(final List<OnlineReplay.Course> courses, final Scenario scenario) {
        return courses.stream().map(each -> HtmlReport.Shown.of(each.policy(), scenario)).toList();
    }

    private void simulate(final SimulationSpec spec) throws IOException {
        final String what = spec.layers() + " layers of " + spec.experts() + " experts, top-" + spec.topK() + ", on "
                + spec.devices()
                + " devices";
        out.printf(Locale.ROOT, "simulated: %s, %d hours in windows of %d s, %d of whose tokens are replayed%n", what,
                spec.hours(),
                spec.windowSeconds(), spec.tokens());
        final Report report = new Report("simulated: " + what, options);
        final OnlineRun online = new OnlineRun(options, out);
        RoutingStatistics statistics = null;
        final List<HtmlReport.Shown> shown = new ArrayList<>();
        for (final Mode mode : options.modes()) {
            final Scenario scenario = Scenario.of(options, mode, spec.devices(), spec.devicesPerNode(), options.slots,
                    options.minReplicas, (long) spec.layers() * spec.experts());
            final long start = System.nanoTime();
            final OnlineRun.Course course = online.course(spec);
            final List<OnlineReplay.Course> courses = online.run(course, scenario,
                    Policies.named(options.policies, options.balance, false));
            online.print(courses, scenario, course);
            report.add(courses, scenario, course);
            shown.addAll(shown(courses, scenario));
            statistics = course.firstPhase();
            final double seconds = (System.nanoTime() - start) * 1e-9;
            out.printf(Locale.ROOT, "%.1f s for %d hours under %d policies: %.0f times as fast as the clock%n", seconds,
                    spec.hours(),
                    courses.size(), spec.hours() * 3600 / seconds);
        }
        if (options.json != null) {
            report.write(options.json);
        }
        if (options.html != null && statistics != null) {
            HtmlReport.write(options.html, report, shown, statistics);
        }
    }

    private List<String> phases(final Trace trace) {
        return options.phases.isEmpty() ? List.copyOf(trace.domains()) : options.phases;
    }
}
