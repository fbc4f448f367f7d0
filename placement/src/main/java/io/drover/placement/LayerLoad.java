package io.drover.placement;

import java.util.Arrays;

/**
 * The time that each device needs for one layer of one step, if an expert's calls are split evenly over its replicas: FlexMoE's
 * equations 5 to 8 without gradient synchronisation. Of an expert with n replicas on D devices the fraction 1 - n/D of the calls
 * crosses to another device and back.
 *
 * <p>Works on an {@link Assignment}, through which replicas are added and removed so that both stay in step.
 */
final class LayerLoad {
    private final Assignment assignment;
    private final Topology topology;
    private final int layer;
    private final double[] calls;
    private final double[] expertCalls;
    private final double[] activated;
    private final double[] crossing;
    private final int stepTokens;
    private final double crossingSeconds;

    LayerLoad(final PlanRequest request, final Assignment assignment, final int layer) {
        this.assignment = assignment;
        this.layer = layer;
        topology = request.topology();
        stepTokens = request.cost().stepTokens();
        calls = new double[topology.size()];
        activated = new double[topology.size()];
        crossing = new double[topology.size()];
        expertCalls = callsPerStep(request, layer);
        crossingSeconds = crossingSeconds(request);
        rebuild();
    }

    static double[] callsPerStep(final PlanRequest request, final int layer) {
        final RoutingStatistics statistics = request.statistics();
        final double[] perStep = new double[statistics.experts(layer)];
        final double positions = Math.max(statistics.positions(), Double.MIN_NORMAL);
        Arrays.setAll(perStep, e -> statistics.calls(layer, e) / positions * request.cost().stepTokens());
        return perStep;
    }

    /** Input and output of one call over the slowest tier there is. */
    static double crossingSeconds(final PlanRequest request) {
        final Topology topology = request.topology();
        final Link link = topology.link(topology.hosts() > 1 ? Tier.NETWORK : Tier.SAME_HOST);
        return 2 * request.cost().wire().vectorBytes() / link.bytesPerSecond();
    }

    /** Forgets rounding errors of additions and removals. */
    void rebuild() {
        Arrays.fill(calls, 0);
        Arrays.fill(activated, 0);
        Arrays.fill(crossing, 0);
        for (int expert = 0; expert < expertCalls.length; expert++) {
            count(expert, 1);
        }
    }

    private void count(final int expert, final int sign) {
        final int[] devices = assignment.devices(layer, expert);
        final double share = expertCalls[expert] / devices.length;
        final double probability = 1 - Math.pow(1 - Math.min(1, share / stepTokens), stepTokens);
        for (final int device : devices) {
            calls[device] += sign * share;
            activated[device] += sign * probability;
            crossing[device] += sign * share * (1 - (double) devices.length / topology.size());
        }
    }

    void add(final int expert, final int device) {
        count(expert, -1);
        assignment.add(layer, expert, device);
        count(expert, 1);
    }

    void remove(final int expert, final int device) {
        count(expert, -1);
        assignment.remove(layer, expert, device);
        count(expert, 1);
    }

    /** Calls of an expert per replica and step. */
    double cap(final int expert) {
        return expertCalls[expert] / assignment.devices(layer, expert).length;
    }

    double calls(final int device) {
        return calls[device];
    }

    double seconds(final int device) {
        return topology.device(device).rate().seconds(activated[device], calls[device]) + crossing[device] * crossingSeconds;
    }

    int slowest() {
        int slowest = 0;
        for (int device = 1; device < calls.length; device++) {
            if (seconds(device) > seconds(slowest)) {
                slowest = device;
            }
        }
        return slowest;
    }

    /** The layer's time: its slowest device's. */
    double seconds() {
        return seconds(slowest());
    }

    /** Busiest device's calls / mean. */
    double imbalance() {
        return Arrays.stream(calls).max().orElse(0) / (Arrays.stream(calls).sum() / calls.length);
    }
}
