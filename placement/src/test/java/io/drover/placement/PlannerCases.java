package io.drover.placement;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/** Small planning problems, drawn by a seed, that can be solved by trying everything. */
final class PlannerCases {
    static final CostModel COST = new CostModel(Mode.HOME, new Wire(16, 2, 0, 0, 1, false), 100, 32, Double.POSITIVE_INFINITY);

    private PlannerCases() {}

    static List<Planner> planners() {
        return List.of(new ContiguousPlanner(), new RoundRobinPlanner(), EplbPlanner.global(), new FlexMoePlanner(1),
                new LinaPlanner(), new ShadowPlanner());
    }

    static PlanRequest withBudget(final PlanRequest request, final Budget budget) {
        return new PlanRequest(request.statistics(), request.topology(), request.current(), budget, request.cost(),
                request.seed(), request.effort());
    }

    /** 1 or 2 layers of 2 to 5 experts on 2 or 3 devices of 1 to 3 nodes, sometimes of two kernel families, f = 1 or 2. */
    static PlanRequest draw(final long seed) {
        final SplittableRandom random = new SplittableRandom(seed);
        final int devices = 2 + random.nextInt(2);
        final int layers = 1 + random.nextInt(2);
        final int experts = 2 + random.nextInt(layers == 1 ? 4 : 2);
        final int[][] loads = new int[layers][experts];
        for (int i = 0; i < 60; i++) {
            for (int layer = 0; layer < layers; layer++) {
                loads[layer][(int) (experts * Math.pow(random.nextDouble(), 2))]++;
            }
        }
        final int nodes = 1 + random.nextInt(devices);
        final boolean mixed = random.nextInt(4) == 0;
        final int tight = layers * experts / devices;
        final List<Device> list = new ArrayList<>();
        for (int i = 0; i < devices; i++) {
            list.add(new Device(3 + 2 * i, "node-" + i % nodes, "host-" + i % nodes, mixed && i == 0 ? "cuda" : "cpu", 100_000,
                    tight + random.nextInt(1 + layers * experts - tight), new ComputeRate(1e-4, 1e-5)));
        }
        Topology topology = Topology.of(list, new Link(1e10, 1e-6), new Link(1e9, 1e-5));
        if (mixed) {
            final String[][] pins = new String[layers][experts];
            for (int layer = 0; layer < layers; layer++) {
                for (int expert = 0; expert < experts; expert++) {
                    pins[layer][expert] = random.nextInt(3) == 0 ? "cuda" : "cpu";
                }
            }
            topology = topology.withPins(pins);
        }
        return new PlanRequest(SyntheticRouting.ofLoads(loads), topology, null,
                new Budget(1 + (random.nextInt(3) == 0 ? 1 : 0), Long.MAX_VALUE), COST, seed, 100);
    }

    /** Every placement that meets the request's constraints. */
    static void forEachFeasible(final PlanRequest request, final Consumer<Placement> consumer) {
        final RoutingStatistics statistics = request.statistics();
        final int[][][] devices = new int[statistics.layers()][][];
        for (int layer = 0; layer < devices.length; layer++) {
            devices[layer] = new int[statistics.experts(layer)][0];
        }
        final int[] free = new int[request.topology().size()];
        for (int i = 0; i < free.length; i++) {
            free[i] = request.slots(i);
        }
        enumerate(request, devices, free, 0, 0, consumer);
    }

    private static void enumerate(
            final PlanRequest request,
            final int[][][] devices,
            final int[] free,
            final int layer,
            final int expert,
            final Consumer<Placement> consumer) {
        if (layer == devices.length) {
            consumer.accept(Placement.of(Epoch.NONE, devices));
            return;
        }
        if (expert == devices[layer].length) {
            enumerate(request, devices, free, layer + 1, 0, consumer);
            return;
        }
        final Topology topology = request.topology();
        for (int mask = 1; mask < 1 << free.length; mask++) {
            long nodes = 0;
            boolean fits = true;
            final int[] ordinals = new int[Integer.bitCount(mask)];
            int at = 0;
            for (int i = 0; i < free.length; i++) {
                if ((mask >> i & 1) == 1) {
                    fits &= free[i] > 0 && topology.runs(i, layer, expert);
                    nodes |= 1L << topology.node(i);
                    ordinals[at++] = topology.ordinal(i);
                }
            }
            if (fits && Long.bitCount(nodes) >= request.budget().minReplicas()) {
                for (final int ordinal : ordinals) {
                    free[topology.index(ordinal)]--;
                }
                devices[layer][expert] = ordinals;
                enumerate(request, devices, free, layer, expert + 1, consumer);
                for (final int ordinal : ordinals) {
                    free[topology.index(ordinal)]++;
                }
            }
        }
    }

    /** Sum over layers of the busiest device's calls, each expert's split evenly over its replicas. */
    static double busiest(final PlanRequest request, final Placement placement) {
        double sum = 0;
        for (int layer = 0; layer < placement.layers(); layer++) {
            final double[] calls = new double[request.topology().size()];
            for (int expert = 0; expert < placement.experts(layer); expert++) {
                final int replicas = placement.replicas(layer, expert);
                for (int i = 0; i < replicas; i++) {
                    calls[request.topology().index(placement.device(layer, expert, i))] += request.statistics()
                            .calls(layer, expert) / replicas;
                }
            }
            double max = 0;
            for (final double count : calls) {
                max = Math.max(max, count);
            }
            sum += max;
        }
        return sum;
    }

    /** Sum over layers of the slowest device's time, as {@link LayerLoad} defines it, counted anew. */
    static double seconds(final PlanRequest request, final Placement placement) {
        final Topology topology = request.topology();
        final int devices = topology.size();
        final int tokens = request.cost().stepTokens();
        final Link link = topology.link(topology.hosts() > 1 ? Tier.NETWORK : Tier.SAME_HOST);
        double sum = 0;
        for (int layer = 0; layer < placement.layers(); layer++) {
            double max = 0;
            for (int device = 0; device < devices; device++) {
                double time = 0;
                for (int expert = 0; expert < placement.experts(layer); expert++) {
                    if (placement.hosts(topology.ordinal(device), layer, expert)) {
                        final int replicas = placement.replicas(layer, expert);
                        final double share = request.statistics().calls(layer, expert) / request.statistics().positions()
                                / replicas;
                        final ComputeRate rate = topology.device(device).rate();
                        time += rate.secondsPerExpert() * (1 - Math.pow(1 - share, tokens))
                                + rate.secondsPerCall() * share * tokens
                                + share * tokens * (1 - (double) replicas / devices) * 2 * request.cost().wire().vectorBytes()
                                        / link.bytesPerSecond();
                    }
                }
                max = Math.max(max, time);
            }
            sum += max;
        }
        return sum;
    }
}
