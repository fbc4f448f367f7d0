package io.drover.placement.lab;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import io.drover.placement.Measured;
import io.drover.placement.Measures;
import io.drover.placement.Placement;
import io.drover.placement.PredictionError;
import io.drover.placement.RoutingStatistics;

/**
 * Streams windows of tokens through policies. Each window is measured on the placement that the policy had before it, then counted into
 * decayed statistics, then shown to the policy: nobody sees a token before it is served.
 */
final class OnlineReplay {
    /**
     * One window under one policy.
     *
     * @param phase        what the stream was about at its end
     * @param trafficBytes between devices, KV included
     * @param moveBytes    loaded after it
     * @param moves        replicas loaded after it
     * @param predicted    traffic, in bytes, that the cost model expected of it from the statistics before it; NaN for the first
     */
    record Window(String phase, double trafficBytes, double moveBytes, int moves, double imbalance, double vectors,
            double predicted) {}

    /** A policy and all its windows. @param planSeconds of a core, in all */
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

        /** What it took more than another course took for traffic alone, as a share of that. */
        double regret(final Course other) {
            return totalBytes() / other.trafficBytes() - 1;
        }

        /** Of the traffic that the cost model expected. */
        PredictionError predictionError() {
            final PredictionError error = new PredictionError();
            windows.stream()
                    .filter(window -> !Double.isNaN(window.predicted()) && window.trafficBytes() > 0)
                    .forEach(window -> error.add(window.predicted(), window.trafficBytes()));
            return error;
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

    /** The tokens of one window, kept for policies that plan in hindsight. */
    private static final class Kept {
        private final int[] homes;
        private final int[][][] chosen;

        Kept(final int tokens, final int layers, final int topK) {
            homes = new int[tokens];
            chosen = new int[tokens][layers][topK];
        }

        void keep(final int token, final int home, final int[][] row) {
            homes[token] = home;
            for (int layer = 0; layer < row.length; layer++) {
                System.arraycopy(row[layer], 0, chosen[token][layer], 0, row[layer].length);
            }
        }

        void replay(final Measures measures) {
            for (int token = 0; token < homes.length; token++) {
                measures.position(homes[token], chosen[token]);
            }
        }
    }

    private final Scenario scenario;
    private final List<OnlinePolicy> policies;
    private final double scale;
    private final double decay;
    private final RoutingStatistics statistics;
    private final List<List<Window>> courses = new ArrayList<>();
    private final double[] seconds;
    private final Kept kept;
    private final RoutingStatistics.Limits limits;
    private final TokenStream stream;

    private OnlineReplay(
            final TokenStream stream,
            final List<OnlinePolicy> policies,
            final Scenario scenario,
            final int windowTokens,
            final double scale,
            final double decay,
            final int paths) {
        this.stream = stream;
        this.policies = policies;
        this.scenario = scenario;
        this.scale = scale;
        this.decay = decay;
        limits = new RoutingStatistics.Limits(RoutingStatistics.Limits.DEFAULT.denseExperts(),
                RoutingStatistics.Limits.DEFAULT.pairsPerExpert(), paths);
        statistics = fresh();
        seconds = new double[policies.size()];
        policies.forEach(policy -> courses.add(new ArrayList<>()));
        kept = new Kept(windowTokens, stream.layers(), stream.topK());
    }

    /**
     * @param scale tokens that each token of the stream stands for
     * @param decay share of its weight that a count keeps from one window to the next
     */
    static List<Course> run(
            final TokenStream stream,
            final List<OnlinePolicy> policies,
            final Scenario scenario,
            final int windows,
            final int windowTokens,
            final double scale,
            final double decay,
            final int paths) {
        final OnlineReplay replay = new OnlineReplay(stream, policies, scenario, windowTokens, scale, decay, paths);
        for (int window = 0; window < windows; window++) {
            replay.window(window, windowTokens);
        }
        final List<Course> result = new ArrayList<>();
        for (int i = 0; i < policies.size(); i++) {
            result.add(new Course(policies.get(i), replay.courses.get(i), replay.seconds[i]));
        }
        return result;
    }

    private RoutingStatistics fresh() {
        return new RoutingStatistics(experts(stream), stream.topK(), limits, scenario.seed());
    }

    private void window(final int window, final int windowTokens) {
        final double[] predicted = new double[policies.size()];
        for (int i = 0; i < predicted.length; i++) {
            predicted[i] = window == 0 ? Double.NaN : predictedBytes(policies.get(i).placement());
        }
        final boolean hindsight = policies.stream().anyMatch(OnlinePolicy::hindsight);
        final RoutingStatistics own = hindsight ? fresh() : statistics;
        statistics.decay(decay);
        final int[][] chosen = new int[stream.layers()][stream.topK()];
        final float[][] weights = new float[stream.layers()][stream.topK()];
        for (int token = 0; token < windowTokens; token++) {
            final int sequence = stream.next(chosen, weights);
            statistics.record(sequence, chosen, weights);
            if (hindsight) {
                own.record(sequence, chosen, weights);
            }
            kept.keep(token, Measures.drawHome(scenario.topology(), scenario.seed(), sequence), chosen);
        }
        for (int i = 0; i < policies.size(); i++) {
            final OnlinePolicy policy = policies.get(i);
            final Measured before = policy.hindsight() ? null : measure(policy.placement());
            final double start = CpuTime.seconds();
            final int moves = policy.afterWindow(window, policy.hindsight() ? own : statistics);
            seconds[i] += CpuTime.seconds() - start;
            final Measured measured = before == null ? measure(policy.placement()) : before;
            courses.get(i)
                    .add(new Window(stream.phase(), bytes(measured, windowTokens), (double) moves * scenario.cost().expertBytes(),
                            moves, measured.imbalance(), measured.vectors(),
                            policy.hindsight() ? Double.NaN : predicted[i] * windowTokens));
        }
    }

    private Measured measure(final Placement placement) {
        final Measures measures = new Measures(placement, scenario.topology(), scenario.mode(), scenario.cost().slack());
        kept.replay(measures);
        return measures.measured();
    }

    private double bytes(final Measured measured, final int tokens) {
        return measured.bytes(scenario.wire()) * ((double) measured.tokenLayers() / measured.positions()) * tokens * scale;
    }

    /** Per token of the stream. */
    private double predictedBytes(final Placement placement) {
        return bytes(scenario.cost().predict(placement, statistics, scenario.topology(), scenario.seed()).measured(), 1);
    }

    static int[] experts(final TokenStream stream) {
        final int[] experts = new int[stream.layers()];
        Arrays.fill(experts, stream.experts());
        return experts;
    }
}
