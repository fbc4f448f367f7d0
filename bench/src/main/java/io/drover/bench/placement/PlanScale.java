package io.drover.bench.placement;

import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Arrays;
import java.util.Locale;

import io.drover.placement.Budget;
import io.drover.placement.CostModel;
import io.drover.placement.EplbPlanner;
import io.drover.placement.JointPlanner;
import io.drover.placement.Measured;
import io.drover.placement.Placement;
import io.drover.placement.PlanRequest;
import io.drover.placement.RoutingStatistics;

/**
 * Time of the joint plan against size: from scratch, and incrementally after a further window of other routing, in seconds that the
 * planning thread ran on a core, which a loaded machine does not change. Bytes per token-layer and imbalance stand beside those of EPLB,
 * measured by replay of the sampled paths.
 */
public final class PlanScale {
    private static final int TOP_K = 8;
    private static final int WINDOW = 4000;
    private static final int WINDOW_MOVES = 200;

    private record Size(int layers, int experts, int spareSlots, int devices) {}

    private static final Size[] SIZES = {new Size(8, 64, 8, 8), new Size(24, 64, 8, 8), new Size(24, 128, 32, 32),
        new Size(58, 256, 32, 72), new Size(58, 256, 32, 144), new Size(58, 256, 32, 288), new Size(61, 384, 96, 320)};

    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private PlanScale() {}

    /** @param arguments sizes to run, counted from 0; all by default */
    public static void main(final String[] arguments) {
        final PrintStream out = System.out;
        out.println(
                "layers experts spare devices | scratch s  incremental s  moves | joint bytes  imbalance | eplb bytes  imbalance");
        for (int i = 0; i < SIZES.length; i++) {
            if (arguments.length == 0 || Arrays.asList(arguments).contains(Integer.toString(i))) {
                run(SIZES[i], out);
            }
        }
    }

    private static void run(final Size size, final PrintStream out) {
        final PlantedRouting routing = new PlantedRouting(size.layers(), size.experts(), TOP_K, 7);
        final RoutingStatistics statistics = routing.statistics(5 * WINDOW);
        final PlanRequest request = routing.request(statistics, size.devices(), size.spareSlots(), 100);
        final long start = THREADS.getCurrentThreadCpuTime();
        final Placement joint = new JointPlanner().plan(request);
        final long scratchNs = THREADS.getCurrentThreadCpuTime() - start;
        final Placement eplb = EplbPlanner.global().plan(request);

        statistics.decay(0.7);
        new PlantedRouting(size.layers(), size.experts(), TOP_K, 8).record(statistics, WINDOW);
        final PlanRequest next = new PlanRequest(statistics, request.topology(), joint,
                new Budget(1, WINDOW_MOVES * request.cost().expertBytes()), request.cost(), 2, 100);
        final long again = THREADS.getCurrentThreadCpuTime();
        final Placement moved = new JointPlanner().plan(next);
        final long incrementalNs = THREADS.getCurrentThreadCpuTime() - again;
        final Measured ours = measure(request, joint);
        final Measured theirs = measure(request, eplb);
        out.printf(Locale.ROOT, "%6d %7d %5d %7d | %9.2f  %13.2f  %5d | %11.0f  %9.3f | %10.0f  %9.3f%n", size.layers(),
                size.experts(), size.spareSlots(), size.devices(), scratchNs * 1e-9, incrementalNs * 1e-9,
                CostModel.moves(joint, moved), bytes(ours, request), ours.imbalance(), bytes(theirs, request),
                theirs.imbalance());
    }

    /** By network bytes: within a host it is nearly free. */
    private static double bytes(final Measured measured, final PlanRequest request) {
        return measured.network().bytes(request.cost().wire());
    }

    private static Measured measure(final PlanRequest request, final Placement placement) {
        return request.cost().predict(placement, request.statistics(), request.topology(), 1).measured();
    }
}
