package io.drover.placement;

import java.util.Arrays;

/**
 * How much traffic is saved if two experts are on one device, from pair counts: dense tables of the routed layers, which are numbered from
 * 0 here, in wire vectors per position.
 */
final class AffinityWeights {
    final int layers;
    /** [layer] its number in the model. */
    final int[] routed;
    /** [layer] */
    final int[] experts;
    /** [layer][from * experts(layer + 1) + to]; the last layer's is empty. */
    final float[][] next;
    /** [layer][a * experts(layer) + b]; empty where pairs of a layer are of no account. */
    final float[][] within;

    private AffinityWeights(final RoutingStatistics statistics, final boolean pairsWithin) {
        routed = statistics.routedLayers();
        layers = routed.length;
        experts = Arrays.stream(routed).map(statistics::experts).toArray();
        next = new float[layers][];
        within = new float[layers][];
        for (int layer = 0; layer < layers; layer++) {
            next[layer] = new float[layer + 1 < layers ? experts[layer] * experts[layer + 1] : 0];
            within[layer] = new float[pairsWithin ? experts[layer] * experts[layer] : 0];
        }
    }

    /**
     * ExFlow's: what counts is whether the highest-gate expert of a layer and that of the next are together (arXiv 2401.08383; the
     * crossings of its released solver, summed over tokens: {@code sum_l sum_{a,b} N_l[a,b] * [device(a) != device(b)]}).
     */
    static AffinityWeights handOvers(final RoutingStatistics statistics) {
        final AffinityWeights made = new AffinityWeights(statistics, false);
        made.addNext(statistics, Relation.OWNER_HANDOVER, 1);
        return made;
    }

    /**
     * Every saving of a mode. In walk, an expert beside the last layer's highest-gate expert needs no dispatch (for the highest-gate one:
     * no hand-over of the residual), and one beside its own layer's highest-gate expert no return. In both, two experts together share
     * a dispatch, which is counted at a part of its worth because others may share it, too.
     */
    static AffinityWeights traffic(final RoutingStatistics statistics, final CostModel cost) {
        final AffinityWeights made = new AffinityWeights(statistics, true);
        if (cost.mode() == Mode.WALK) {
            made.addNext(statistics, Relation.OWNER_TRANSITION, 1);
            made.addNext(statistics, Relation.OWNER_HANDOVER,
                    (double) cost.wire().residualBytes() / cost.wire().vectorBytes() - 1);
            made.addWithin(statistics, Relation.OWNER_COACTIVATION, 1);
        }
        made.addWithin(statistics, Relation.COACTIVATION, 0.5 / statistics.topK());
        return made;
    }

    private void addNext(final RoutingStatistics statistics, final Relation relation, final double factor) {
        for (int layer = 0; layer + 1 < layers; layer++) {
            add(statistics, relation, layer, next[layer], experts[layer + 1], factor);
        }
    }

    private void addWithin(final RoutingStatistics statistics, final Relation relation, final double factor) {
        for (int layer = 0; layer < layers; layer++) {
            add(statistics, relation, layer, within[layer], experts[layer], factor);
        }
    }

    private void add(
            final RoutingStatistics statistics,
            final Relation relation,
            final int layer,
            final float[] to,
            final int columns,
            final double factor) {
        final float per = (float) (factor / Math.max(1, statistics.positions()));
        if (per == 0) {
            return;
        }
        for (int from = 0; from < experts[layer]; from++) {
            final int row = from * columns;
            statistics.forEachPair(relation, routed[layer], from, (column, count) -> to[row + column] += count * per);
        }
    }

    /** The sum of all weights: what a single device would save. */
    double total() {
        double sum = 0;
        for (int layer = 0; layer < layers; layer++) {
            for (final float weight : next[layer]) {
                sum += weight;
            }
            for (final float weight : within[layer]) {
                sum += weight;
            }
        }
        return sum;
    }
}
