package io.drover.bench.placement;

import java.util.Arrays;
import java.util.SplittableRandom;

import io.drover.placement.Budget;
import io.drover.placement.ComputeRate;
import io.drover.placement.CostModel;
import io.drover.placement.Device;
import io.drover.placement.Link;
import io.drover.placement.Mode;
import io.drover.placement.PlanRequest;
import io.drover.placement.RoutingStatistics;
import io.drover.placement.Topology;
import io.drover.placement.Wire;

/**
 * Routing with planted affinity: experts of Zipf popularity; with a given chance a token's highest-gate expert is the one that follows
 * its last layer's by a fixed permutation, and a further expert one of the first one's fixed companions.
 */
final class PlantedRouting {
    private static final double ZIPF = 0.5;
    private static final double FOLLOWS = 0.6;
    private static final int COMPANIONS = 12;
    private static final int SEQUENCE = 300;
    private static final long EXPERT_BYTES = 44L << 20;
    private static final int HIDDEN = 7168;
    private static final int DEVICES_PER_HOST = 8;

    private final int layers;
    private final int experts;
    private final int topK;
    private final SplittableRandom random;
    private final int[][] successor;
    private final int[][][] companions;
    private final double[][] cumulative;
    private final int[][] popular;

    PlantedRouting(final int layers, final int experts, final int topK, final long seed) {
        this.layers = layers;
        this.experts = experts;
        this.topK = topK;
        random = new SplittableRandom(seed);
        successor = new int[layers][];
        companions = new int[layers][experts][COMPANIONS];
        cumulative = new double[layers][experts];
        popular = new int[layers][];
        for (int layer = 0; layer < layers; layer++) {
            successor[layer] = permutation();
            popular[layer] = permutation();
            for (int e = 0; e < experts; e++) {
                Arrays.setAll(companions[layer][e], i -> random.nextInt(experts));
                cumulative[layer][e] = (e == 0 ? 0 : cumulative[layer][e - 1]) + Math.pow(e + 1, -ZIPF);
            }
        }
    }

    private int[] permutation() {
        final int[] order = new int[experts];
        for (int i = 0; i < experts; i++) {
            final int j = random.nextInt(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }

    /** Adds positions to statistics. */
    void record(final RoutingStatistics statistics, final int positions) {
        final int[][] chosen = new int[layers][topK];
        final float[][] gates = new float[layers][topK];
        for (final float[] row : gates) {
            Arrays.fill(row, 1f / topK);
        }
        for (int position = 0; position < positions; position++) {
            for (int layer = 0; layer < layers; layer++) {
                final boolean follows = layer > 0 && random.nextDouble() < FOLLOWS;
                chosen[layer][0] = follows ? successor[layer][chosen[layer - 1][0]] : draw(layer);
                for (int rank = 1; rank < topK; rank++) {
                    chosen[layer][rank] = another(layer, chosen[layer], rank);
                }
            }
            statistics.record(position / SEQUENCE, chosen, gates);
        }
    }

    private int another(final int layer, final int[] row, final int rank) {
        while (true) {
            final int expert = random.nextDouble() < FOLLOWS
                    ? companions[layer][row[0]][random.nextInt(COMPANIONS)]
                    : draw(layer);
            boolean fresh = true;
            for (int i = 0; i < rank; i++) {
                fresh &= row[i] != expert;
            }
            if (fresh) {
                return expert;
            }
        }
    }

    private int draw(final int layer) {
        final double u = random.nextDouble() * cumulative[layer][experts - 1];
        final int found = Arrays.binarySearch(cumulative[layer], u);
        return popular[layer][Math.min(experts - 1, found >= 0 ? found : -found - 1)];
    }

    RoutingStatistics statistics(final int positions) {
        final int[] shape = new int[layers];
        Arrays.fill(shape, experts);
        final RoutingStatistics statistics = new RoutingStatistics(shape, topK, RoutingStatistics.Limits.forModel(shape), 1);
        record(statistics, positions);
        return statistics;
    }

    /** A request in walk for this routing. @param spareSlots of a layer, over all devices */
    PlanRequest request(final RoutingStatistics statistics, final int devices, final int spareSlots, final int effort) {
        final int slots = layers * (experts + spareSlots) / devices;
        final Device[] list = new Device[devices];
        Arrays.setAll(list, i -> new Device(i, "node-" + i / DEVICES_PER_HOST, "host-" + i / DEVICES_PER_HOST, "cuda",
                Long.MAX_VALUE, slots, new ComputeRate(2e-5, 1e-6)));
        final Topology topology = Topology.of(Arrays.asList(list), new Link(200e9, 5e-6), new Link(25e9, 2e-5));
        final CostModel cost = new CostModel(Mode.WALK, new Wire(HIDDEN, 2, 16, 1152, 1, false), EXPERT_BYTES, 8192, 0.1);
        return new PlanRequest(statistics, topology, null, Budget.UNLIMITED, cost, 1, effort);
    }
}
