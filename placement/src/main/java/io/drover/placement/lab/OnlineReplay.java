package io.drover.placement.lab;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import io.drover.placement.Measured;
import io.drover.placement.Measures;
import io.drover.placement.RoutingStatistics;

/**
 * Streams windows of tokens through policies. Each window is measured on the placement that the policy had before it, then counted into
 * decayed statistics, then shown to the policy: nobody sees a token before it is served.
 */
final class OnlineReplay {
    /** Share of the counts that a window keeps when the next one comes. */
    static final double DECAY = 0.7;

    /**
     * One window under one policy.
     *
     * @param phase        what the stream was about at its end
     * @param trafficBytes between devices, KV included
     * @param moveBytes    loaded after it
     * @param moves        replicas loaded after it
     */
    record Window(String phase, double trafficBytes, double moveBytes, int moves, double imbalance, double vectors) {}

    /** A policy and all its windows. @param planSeconds in all */
    record Course(OnlinePolicy policy, List<Window> windows, double planSeconds) {
        double trafficBytes() {
            return windows.stream().mapToDouble(Window::trafficBytes).sum();
        }

        double moveBytes() {
            return windows.stream().mapToDouble(Window::moveBytes).sum();
        }

        int moves() {
            return windows.stream().mapToInt(Window::moves).sum();
        }

        double totalBytes() {
            return trafficBytes() + moveBytes();
        }

        double imbalance() {
            return windows.stream().mapToDouble(Window::imbalance).average().orElse(Double.NaN);
        }

        /** Mean imbalance of the last half of each phase. */
        double settledImbalance() {
            double sum = 0;
            int count = 0;
            int from = 0;
            while (from < windows.size()) {
                int to = from;
                while (to < windows.size() && windows.get(to).phase().equals(windows.get(from).phase())) {
                    to++;
                }
                for (int i = from + (to - from) / 2; i < to; i++) {
                    sum += windows.get(i).imbalance();
                    count++;
                }
                from = to;
            }
            return sum / count;
        }
    }

    private OnlineReplay() {}

    /** @param scale tokens that each token of the stream stands for */
    static List<Course> run(
            final TokenStream stream,
            final List<OnlinePolicy> policies,
            final Scenario scenario,
            final int windows,
            final int windowTokens,
            final double scale,
            final int paths) {
        final RoutingStatistics statistics = new RoutingStatistics(experts(stream), stream.topK(),
                new RoutingStatistics.Limits(RoutingStatistics.Limits.DEFAULT.denseExperts(),
                        RoutingStatistics.Limits.DEFAULT.pairsPerExpert(), paths),
                scenario.seed());
        final List<List<Window>> courses = new ArrayList<>();
        final double[] seconds = new double[policies.size()];
        policies.forEach(policy -> courses.add(new ArrayList<>()));
        final int[][] chosen = new int[stream.layers()][stream.topK()];
        final float[][] weights = new float[stream.layers()][stream.topK()];
        for (int window = 0; window < windows; window++) {
            final List<Measures> measures = new ArrayList<>();
            for (final OnlinePolicy policy : policies) {
                measures.add(new Measures(policy.placement(), scenario.topology(), scenario.mode(), scenario.cost().slack()));
            }
            statistics.decay(DECAY);
            for (int token = 0; token < windowTokens; token++) {
                final int sequence = stream.next(chosen, weights);
                statistics.record(sequence, chosen, weights);
                final int home = Measures.drawHome(scenario.topology(), scenario.seed(), sequence);
                for (final Measures measure : measures) {
                    measure.position(home, chosen);
                }
            }
            for (int i = 0; i < policies.size(); i++) {
                final Measured measured = measures.get(i).measured();
                final long start = System.nanoTime();
                final int moves = policies.get(i).afterWindow(window, statistics);
                seconds[i] += (System.nanoTime() - start) * 1e-9;
                courses.get(i)
                        .add(new Window(stream.phase(), measured.bytes(scenario.wire()) * measured.tokenLayers() * scale,
                                (double) moves * scenario.cost().expertBytes(), moves, measured.imbalance(), measured.vectors()));
            }
        }
        final List<Course> result = new ArrayList<>();
        for (int i = 0; i < policies.size(); i++) {
            result.add(new Course(policies.get(i), courses.get(i), seconds[i]));
        }
        return result;
    }

    static int[] experts(final TokenStream stream) {
        final int[] experts = new int[stream.layers()];
        Arrays.fill(experts, stream.experts());
        return experts;
    }
}
