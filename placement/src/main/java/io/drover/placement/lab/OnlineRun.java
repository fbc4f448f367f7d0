package io.drover.placement.lab;

import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

import io.drover.placement.Device;
import io.drover.placement.EplbPlanner;
import io.drover.placement.FlexMoePlanner;
import io.drover.placement.Placement;
import io.drover.placement.PlanRequest;
import io.drover.placement.Planner;
import io.drover.placement.RebalanceSettings;
import io.drover.placement.RoutingStatistics;

/** Sets up policies for {@link OnlineReplay} and prints what came of them. */
final class OnlineRun {
    /** Sampled paths of the live statistics: what a coordinator would keep. */
    private static final int PATHS = RoutingStatistics.Limits.DEFAULT.samplePaths();

    /** Phases that a table has room for. */
    private static final int MAX_PHASES = 8;

    private final PlanOptions options;
    private final PrintStream out;

    OnlineRun(final PlanOptions options, final PrintStream out) {
        this.options = options;
        this.out = out;
    }

    /**
     * A stream, what its first phase looks like, and how long it is.
     *
     * @param windowTokens    tokens replayed of each window
     * @param scale           tokens that each of them stands for
     * @param tokensPerSecond that pass
     */
    record Course(
            TokenStream stream,
            RoutingStatistics firstPhase,
            int windows,
            int windowTokens,
            double scale,
            double tokensPerSecond) {
        double windowSeconds() {
            return windowTokens * scale / tokensPerSecond;
        }
    }

    /** @param phases of the stream; at least one */
    Course course(final Trace trace, final List<String> phases) {
        if (options.windowTokens < 1 || options.phaseTokens < options.windowTokens) {
            throw new IllegalArgumentException(
                    "--phase-tokens is " + options.phaseTokens + " and --window " + options.windowTokens
                            + "; expected at least 1 token, and a window within a phase");
        }
        if (options.sampled < 1) {
            throw new IllegalArgumentException("--sampled is " + options.sampled + "; expected at least 1");
        }
        if (!(options.decay >= 0 && options.decay <= 1)) {
            throw new IllegalArgumentException("--decay is " + options.decay + "; expected 0 to 1");
        }
        final TraceStream first = new TraceStream(trace, phases.subList(0, 1), Long.MAX_VALUE, 1, options.seed + 1);
        final int windows = (int) ((long) options.phaseTokens * phases.size() / options.windowTokens);
        return new Course(new TraceStream(trace, phases, options.phaseTokens, options.sampled, options.seed),
                statistics(first, 4 * options.windowTokens),
                windows, options.windowTokens, options.sampled, options.tokensPerSecond);
    }

    /** A synthetic cluster's hours. */
    Course course(final SimulationSpec spec) {
        final long tokensPerHour = Math.max(1, (long) spec.tokens() * 3600 / spec.windowSeconds());
        final SyntheticStream first = new SyntheticStream(spec, Long.MAX_VALUE, options.seed + 1, options.seed);
        return new Course(new SyntheticStream(spec, tokensPerHour, options.seed, options.seed),
                statistics(first, 4 * spec.tokens()),
                spec.windows(), spec.tokens(), spec.rate() * spec.windowSeconds() / spec.tokens(), spec.rate());
    }

    private RoutingStatistics statistics(final TokenStream stream, final int tokens) {
        final RoutingStatistics statistics = new RoutingStatistics(OnlineReplay.experts(stream), stream.topK(),
                new RoutingStatistics.Limits(RoutingStatistics.Limits.DEFAULT.denseExperts(),
                        RoutingStatistics.Limits.DEFAULT.pairsPerExpert(), PATHS),
                options.seed);
        final int[][] chosen = new int[stream.layers()][stream.topK()];
        final float[][] weights = new float[stream.layers()][stream.topK()];
        for (int token = 0; token < tokens; token++) {
            final int sequence = stream.next(chosen, weights);
            statistics.record(sequence, chosen, weights);
        }
        return statistics;
    }

    List<OnlineReplay.Course> run(final Course course, final Scenario scenario, final List<Planner> planners) {
        final Planner best = planners.getLast();
        final Placement fixed = plan(best, course, scenario);
        final List<OnlinePolicy> policies = new ArrayList<>();
        policies.add(OnlinePolicy.fixed("static-" + best.name(), fixed));
        for (final Planner planner : planners) {
            if (planner instanceof EplbPlanner || planner instanceof FlexMoePlanner) {
                final int period = planner instanceof EplbPlanner ? options.period : 1;
                policies.add(OnlinePolicy.periodic(planner.name() + "/" + period, plan(planner, course, scenario), planner,
                        request(course, scenario), period));
            }
        }
        if (!(best instanceof EplbPlanner)) {
            policies.add(new RebalancedPolicy(best, fixed, scenario, settings(course, scenario), course.windowSeconds(),
                    course.tokensPerSecond()));
        }
        if (options.regret) {
            policies.add(new Oracle(best, fixed, request(course, withReserve(scenario))));
        }
        return OnlineReplay.run(course.stream(), policies, scenario, course.windows(), course.windowTokens(), course.scale(),
                options.decay, PATHS);
    }

    private Placement plan(final Planner planner, final Course course, final Scenario scenario) {
        return planner.plan(request(course, withReserve(scenario)));
    }

    private static PlanRequest request(final Course course, final Scenario scenario) {
        return new PlanRequest(course.firstPhase(), scenario.topology(), null, scenario.budget(), scenario.cost(),
                scenario.seed(),
                scenario.effort());
    }

    /** All policies leave the same slots free, so that none has more replicas than another. */
    private Scenario withReserve(final Scenario scenario) {
        final List<Device> devices = new ArrayList<>();
        long slots = 0;
        for (final Device device : scenario.topology().devices()) {
            devices.add(device.withSlots(device.slots() - reserve(scenario)));
            slots += device.slots() - reserve(scenario);
        }
        return new Scenario(scenario.mode(), scenario.topology().withDevices(devices), slots, scenario.cost(), scenario.budget(),
                scenario.prefix(), scenario.seed(), scenario.effort());
    }

    private int reserve(final Scenario scenario) {
        return Math.min(options.reserve, scenario.topology().devices().stream().mapToInt(Device::slots).min().orElse(0) / 10);
    }

    private RebalanceSettings settings(final Course course, final Scenario scenario) {
        final long windowNs = (long) (1e9 * course.windowSeconds());
        final RebalanceSettings usual = RebalanceSettings.DEFAULT;
        return new RebalanceSettings(options.minReplicas, 1, reserve(scenario), options.stepMoves, options.stepMoves,
                options.horizonWindows * windowNs, options.enterGain, options.enterGain / 3, 1, 0, windowNs,
                0, usual.acknowledgeNs(),
                Duration.ofHours(1).toNanos(), usual.maxSends(), usual.retryNs(), Duration.ofHours(1).toNanos(), 1,
                options.effort,
                1 << 16);
    }

    void print(final List<OnlineReplay.Course> courses, final Scenario scenario, final Course course) {
        out.printf(Locale.ROOT,
                "%nonline, %s, %d devices, %d slots: %d windows of %.0f tokens at %.0f tokens/s, %.1f MB per expert%n",
                scenario.mode().name().toLowerCase(Locale.ROOT), scenario.devices(), scenario.slots(), course.windows(),
                course.windowTokens() * course.scale(), course.tokensPerSecond(), scenario.cost().expertBytes() / 1e6);
        out.printf(Locale.ROOT, "%-18s %10s %10s %10s %9s %7s %7s %8s %8s %8s %7s %7s %8s %8s%n", "policy", "total GB",
                "traffic GB", "moves GB", "vs static", "regret", "moves", "late", "imbal", "settled", "returns", "undone",
                "model",
                "plan s");
        final OnlineReplay.Course base = courses.getFirst();
        final OnlineReplay.Course oracle = courses.getLast().policy().hindsight() ? courses.getLast() : null;
        for (final OnlineReplay.Course each : courses) {
            out.printf(Locale.ROOT, "%-18s %10.2f %10.2f %10.2f %9s %7s %7d %8d %8.3f %8.3f %7d %7d %8s %8.2f%n",
                    each.policy().name(), each.totalBytes() / 1e9, each.trafficBytes() / 1e9, each.moveBytes() / 1e9,
                    percent(each.totalBytes() / base.totalBytes() - 1), oracle == null ? "" : percent(each.regret(oracle)),
                    each.moves(), late(each), each.imbalance(), each.settledImbalance(), each.policy().returns(),
                    each.policy().undone(), each.policy().hindsight() ? "" : percent(each.predictionError().meanRelative()),
                    each.planSeconds());
        }
        courses.forEach(each -> gains(each.policy()));
        if (base.windows().stream().map(OnlineReplay.Window::phase).distinct().count() <= MAX_PHASES) {
            phases(courses);
        }
    }

    private static String percent(final double share) {
        return String.format(Locale.ROOT, "%+.1f%%", 100 * share);
    }

    private void gains(final OnlinePolicy policy) {
        final OnlinePolicy.Gains gains = policy.gains();
        if (gains.steps() > 0) {
            out.printf(Locale.ROOT,
                    "%s: %d steps for gain, each predicted to save %.2f %% of the step time on average; saved %.2f %%%n",
                    policy.name(), gains.steps(), 100 * gains.predicted(), 100 * gains.realised());
        }
    }

    /** Moves in the last third of the stream. */
    private static int late(final OnlineReplay.Course course) {
        final List<OnlineReplay.Window> windows = course.windows();
        return windows.subList(windows.size() * 2 / 3, windows.size()).stream().mapToInt(OnlineReplay.Window::moves).sum();
    }

    private void phases(final List<OnlineReplay.Course> courses) {
        final List<String> names = courses.getFirst().windows().stream().map(OnlineReplay.Window::phase).distinct().toList();
        out.printf(Locale.ROOT, "%nby phase: GB with moves, and imbalance%n%-18s", "policy");
        names.forEach(name -> out.printf(Locale.ROOT, " %20s", name));
        out.println();
        for (final OnlineReplay.Course course : courses) {
            out.printf(Locale.ROOT, "%-18s", course.policy().name());
            for (final String name : names) {
                final List<OnlineReplay.Window> windows = course.windows()
                        .stream()
                        .filter(window -> Objects.equals(window.phase(), name))
                        .toList();
                out.printf(Locale.ROOT, " %12.2f %7.3f",
                        windows.stream().mapToDouble(window -> window.trafficBytes() + window.moveBytes()).sum() / 1e9,
                        windows.stream().mapToDouble(OnlineReplay.Window::imbalance).average().orElse(Double.NaN));
            }
            out.println();
        }
    }
}
