package io.drover.placement.lab;

import java.util.Arrays;

import io.drover.placement.HomeChoice;
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

    /** The figures of a placement on a trace, homes drawn with the scenario's seed, or chosen. */
    static Measures measure(final Trace trace, final Placement placement, final Scenario scenario) {
        final Measures measures = new Measures(placement, scenario.topology(), scenario.mode(), scenario.cost().slack());
        final HomeChoice choice = new HomeChoice(placement, scenario.topology());
        final double[] homed = new double[scenario.topology().ordinals()];
        final int[][] chosen = new int[trace.layers()][trace.topK()];
        for (int sequence = 0; sequence < trace.sequences().size(); sequence++) {
            final Trace.Sequence span = trace.sequences().get(sequence);
            int home = Measures.drawHome(scenario.topology(), scenario.seed(), sequence);
            choice.reset();
            for (int token = span.firstToken(); token < span.end(); token++) {
                trace.row(token, chosen);
                if (token - span.firstToken() < scenario.prefix()) {
                    choice.observe(chosen);
                } else if (token - span.firstToken() == scenario.prefix() && scenario.prefix() > 0) {
                    home = choice.choose(homed, limit(homed, scenario));
                }
                homed[home]++;
                measures.position(home, chosen);
            }
        }
        return measures;
    }

    /** Positions from which on a device is given no more homes: a tenth above the mean. */
    private static double limit(final double[] homed, final Scenario scenario) {
        return 1.1 * Arrays.stream(homed).sum() / scenario.devices() + 1;
    }
}
