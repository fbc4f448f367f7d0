package io.drover.placement;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Routing with known properties: experts of Zipf popularity, and with probability {@code affinity} a rank's expert follows from the
 * previous layer's expert of that rank by a fixed random permutation.
 */
final class SyntheticRouting {
    private final int[] experts;
    private final int topK;
    private final double affinity;
    private final double[][] cumulative;
    private final int[][] successor;
    private final SplittableRandom random;
    final int[][] chosen;
    final float[][] weights;

    SyntheticRouting(final int[] experts, final int topK, final double zipf, final double affinity, final long seed) {
        this.experts = experts;
        this.topK = topK;
        this.affinity = affinity;
        random = new SplittableRandom(seed);
        chosen = new int[experts.length][topK];
        weights = new float[experts.length][topK];
        cumulative = new double[experts.length][];
        successor = new int[experts.length][];
        for (int layer = 0; layer < experts.length; layer++) {
            final int[] order = permutation(experts[layer]);
            cumulative[layer] = new double[experts[layer]];
            for (int e = 0; e < experts[layer]; e++) {
                cumulative[layer][e] = (e == 0 ? 0 : cumulative[layer][e - 1]) + Math.pow(order[e] + 1, -zipf);
            }
            successor[layer] = permutation(experts[layer]);
            for (int rank = 0; rank < topK; rank++) {
                weights[layer][rank] = (float) (topK - rank) / (topK * (topK + 1) / 2);
            }
        }
    }

    static int[] layers(final int layers, final int experts) {
        final int[] shape = new int[layers];
        Arrays.fill(shape, experts);
        return shape;
    }

    private int[] permutation(final int n) {
        final int[] order = new int[n];
        for (int i = 0; i < n; i++) {
            final int j = random.nextInt(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }

    /** Draws the next position into {@link #chosen}. */
    int[][] next() {
        int previous = -1;
        for (int layer = 0; layer < experts.length; layer++) {
            for (int rank = 0; rank < topK && experts[layer] > 0; rank++) {
                int expert = previous >= 0 && random.nextDouble() < affinity
                        ? successor[layer][chosen[previous][rank] % experts[layer]]
                        : draw(layer);
                while (taken(layer, rank, expert)) {
                    expert = draw(layer);
                }
                chosen[layer][rank] = expert;
            }
            previous = experts[layer] > 0 ? layer : previous;
        }
        return chosen;
    }

    private boolean taken(final int layer, final int rank, final int expert) {
        for (int i = 0; i < rank; i++) {
            if (chosen[layer][i] == expert) {
                return true;
            }
        }
        return false;
    }

    private int draw(final int layer) {
        final double u = random.nextDouble() * cumulative[layer][experts[layer] - 1];
        final int found = Arrays.binarySearch(cumulative[layer], u);
        return Math.min(experts[layer] - 1, found >= 0 ? found : -found - 1);
    }

    RoutingStatistics statistics(final int positions, final RoutingStatistics.Limits limits) {
        final RoutingStatistics statistics = new RoutingStatistics(experts, topK, limits, random.nextLong());
        for (int i = 0; i < positions; i++) {
            statistics.record(i / 64, next(), weights);
        }
        return statistics;
    }

    /** Statistics of one layer whose experts have these loads, for top-1 routing. */
    static RoutingStatistics ofLoads(final int[][] loads) {
        final int[] shape = Arrays.stream(loads).mapToInt(layer -> layer.length).toArray();
        final RoutingStatistics statistics = new RoutingStatistics(shape, 1, new RoutingStatistics.Limits(256, 8, 64), 1);
        final int[][] left = Arrays.stream(loads).map(int[]::clone).toArray(int[][]::new);
        final int positions = Arrays.stream(loads[0]).sum();
        final int[][] chosen = new int[loads.length][1];
        final float[][] weights = new float[loads.length][1];
        for (int i = 0; i < positions; i++) {
            for (int layer = 0; layer < loads.length; layer++) {
                int expert = 0;
                while (left[layer][expert] == 0) {
                    expert++;
                }
                left[layer][expert]--;
                chosen[layer][0] = expert;
                weights[layer][0] = 1;
            }
            statistics.record(i, chosen, weights);
        }
        return statistics;
    }
}
