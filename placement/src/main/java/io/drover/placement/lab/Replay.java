package io.drover.placement.lab;

import java.util.Arrays;

import io.drover.placement.Measured;
import io.drover.placement.Measures;
import io.drover.placement.Placement;
import io.drover.placement.RoutingStatistics;

/** Plays a trace into statistics, or against a placement. */
final class Replay {
    private Replay() {}

    /** Statistics of a whole trace. @param paths sampled paths to keep */
    static RoutingStatistics statistics(final Trace trace, final int paths, final long seed) {
        final RoutingStatistics.Limits limits = new RoutingStatistics.Limits(RoutingStatistics.Limits.DEFAULT.denseExperts(),
                RoutingStatistics.Limits.DEFAULT.pairsPerExpert(), paths);
        final RoutingStatistics statistics = new RoutingStatistics(experts(trace), trace.topK(), limits, seed);
        record(trace, 0, trace.tokens(), statistics);
        return statistics;
    }

    /** Adds the tokens from {@code first} until {@code end}. */
    static void record(final Trace trace, final int first, final int end, final RoutingStatistics statistics) {
        final int[][] chosen = new int[trace.layers()][trace.topK()];
        final float[][] weights = new float[trace.layers()][trace.topK()];
        int sequence = trace.sequenceOf(first);
        for (int token = first; token < end; token++) {
            while (token >= trace.sequences().get(sequence).end()) {
                sequence++;
            }
            trace.row(token, chosen);
            for (int layer = 0; layer < trace.layers(); layer++) {
                final int at = trace.at(token, layer);
                System.arraycopy(trace.weights(), at, weights[layer], 0, trace.topK());
            }
            statistics.record(sequence, chosen, weights);
        }
    }

    /** [layer] routed experts. */
    static int[] experts(final Trace trace) {
        final int[] experts = new int[trace.layers()];
        Arrays.fill(experts, trace.experts());
        return experts;
    }

    /** The figures of a placement on a trace, homes drawn with the scenario's seed. */
    static Measured measure(final Trace trace, final Placement placement, final Scenario scenario) {
        final Measures measures = new Measures(placement, scenario.topology(), scenario.mode(), scenario.cost().slack());
        measure(trace, 0, trace.tokens(), measures, scenario);
        return measures.measured();
    }

    /** Replays the tokens from {@code first} until {@code end}. */
    static void measure(
            final Trace trace, final int first, final int end, final Measures measures, final Scenario scenario) {
        final int[][] chosen = new int[trace.layers()][trace.topK()];
        int sequence = trace.sequenceOf(first);
        int home = Measures.drawHome(scenario.topology(), scenario.seed(), sequence);
        for (int token = first; token < end; token++) {
            while (token >= trace.sequences().get(sequence).end()) {
                sequence++;
                home = Measures.drawHome(scenario.topology(), scenario.seed(), sequence);
            }
            trace.row(token, chosen);
            measures.position(home, chosen);
        }
    }
}
