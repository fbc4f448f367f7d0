package io.drover.placement;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** For each expert the few replicas of its own and the neighbouring layers beside which it saves most, drawn in proportion. */
final class AffinityPartners {
    /** Heaviest partners kept for an expert. */
    private static final int MOST = 16;
    private static final int REPLICA_BITS = 16;

    /** [layer][expert][i] layer and replica. */
    private final int[][][] partner;
    /** [layer][expert][i] the weight up to and with i. */
    private final float[][][] cumulative;
    /** [layer][expert] its replicas. */
    private final int[][][] replicas;

    AffinityPartners(
            final int[] experts,
            final int[][] expertOfReplica,
            final float[][] following,
            final float[][] preceding,
            final float[][] beside) {
        final int layers = experts.length;
        replicas = new int[layers][][];
        for (int layer = 0; layer < layers; layer++) {
            final int[] of = expertOfReplica[layer];
            replicas[layer] = new int[experts[layer]][0];
            for (int r = 0; r < of.length; r++) {
                final int[] grown = Arrays.copyOf(replicas[layer][of[r]], replicas[layer][of[r]].length + 1);
                grown[grown.length - 1] = r;
                replicas[layer][of[r]] = grown;
            }
        }
        partner = new int[layers][][];
        cumulative = new float[layers][][];
        for (int layer = 0; layer < layers; layer++) {
            partner[layer] = new int[experts[layer]][];
            cumulative[layer] = new float[experts[layer]][];
            for (int e = 0; e < experts[layer]; e++) {
                final Heaviest heaviest = new Heaviest();
                if (layer + 1 < layers) {
                    heaviest.offer(layer + 1, following[layer], e * experts[layer + 1], experts[layer + 1]);
                }
                if (layer > 0) {
                    heaviest.offer(layer - 1, preceding[layer - 1], e * experts[layer - 1], experts[layer - 1]);
                }
                if (beside[layer].length > 0) {
                    heaviest.offer(layer, beside[layer], e * experts[layer], experts[layer]);
                }
                partner[layer][e] = Arrays.copyOf(heaviest.key, heaviest.count);
                cumulative[layer][e] = heaviest.cumulative();
            }
        }
    }

    /** A replica of a partner, -1 where there is none. */
    int draw(final int layer, final int e, final SplittableRandom random) {
        final float[] up = cumulative[layer][e];
        if (up.length == 0) {
            return -1;
        }
        final float drawn = (float) (random.nextDouble() * up[up.length - 1]);
        int i = 0;
        while (i + 1 < up.length && up[i] <= drawn) {
            i++;
        }
        final int key = partner[layer][e][i];
        final int[] copies = replicas[layer(key)][replica(key)];
        return copies.length == 0 ? -1 : key(layer(key), copies[random.nextInt(copies.length)]);
    }

    static int layer(final int key) {
        return key >>> REPLICA_BITS;
    }

    static int replica(final int key) {
        return key & (1 << REPLICA_BITS) - 1;
    }

    private static int key(final int layer, final int replica) {
        return layer << REPLICA_BITS | replica;
    }

    /** The heaviest few, heaviest first. */
    private static final class Heaviest {
        private final int[] key = new int[MOST];
        private final float[] weight = new float[MOST];
        private int count;

        void offer(final int layer, final float[] row, final int from, final int columns) {
            for (int column = 0; column < columns; column++) {
                final float value = row[from + column];
                if (value > 0 && (count < MOST || value > weight[MOST - 1])) {
                    insert(key(layer, column), value);
                }
            }
        }

        private void insert(final int newKey, final float value) {
            int i = count < MOST ? count++ : MOST - 1;
            for (; i > 0 && weight[i - 1] < value; i--) {
                weight[i] = weight[i - 1];
                key[i] = key[i - 1];
            }
            weight[i] = value;
            key[i] = newKey;
        }

        float[] cumulative() {
            final float[] up = new float[count];
            IntStream.range(0, count).forEach(i -> up[i] = weight[i] + (i == 0 ? 0 : up[i - 1]));
            return up;
        }
    }
}
