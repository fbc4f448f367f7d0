package io.drover.placement;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.IntUnaryOperator;

/**
 * Paths (the experts of one position in all routed layers) in the order that the joint search reads them: by layer, with an index from
 * each expert to the paths that use it. Layers are numbered among the routed ones here.
 */
final class JointPaths {
    final int paths;
    final int layers;
    final int topK;
    /** [layer] its number in the model. */
    final int[] routed;
    /** [layer] routed experts. */
    final int[] experts;
    /** [(layer * paths + path) * topK + rank] */
    final short[] expert;
    /** [path] topology index of the device where the path starts. */
    final byte[] home;
    /** [path] */
    final int[] sequence;
    /** [layer][expert .. expert + 1] range in {@link #users}. */
    final int[][] firstUser;
    /** [layer] paths, grouped by expert. */
    final int[][] users;

    private JointPaths(final PlanRequest request, final int paths) {
        final RoutingStatistics statistics = request.statistics();
        this.paths = paths;
        routed = statistics.routedLayers();
        layers = routed.length;
        topK = statistics.topK();
        experts = Arrays.stream(routed).map(statistics::experts).toArray();
        expert = new short[layers * paths * topK];
        home = new byte[paths];
        sequence = new int[paths];
        firstUser = new int[layers][];
        users = new int[layers][paths * topK];
    }

    /**
     * @param most paths to take from the sample, evenly spread over it; where there is no sample, as many are drawn from the pair counts
     */
    static JointPaths of(final PlanRequest request, final int most) {
        final RoutingStatistics statistics = request.statistics();
        final int available = statistics.paths();
        final JointPaths made = new JointPaths(request, available == 0 ? Math.min(most, 1024) : Math.min(most, available));
        if (available == 0) {
            made.draw(statistics, new SplittableRandom(request.seed()));
        } else {
            for (int path = 0; path < made.paths; path++) {
                final int from = (int) ((long) path * available / made.paths);
                made.sequence[path] = statistics.pathSequence(from);
                for (int layer = 0; layer < made.layers; layer++) {
                    for (int rank = 0; rank < made.topK; rank++) {
                        made.expert[made.at(layer, path) + rank] = (short) statistics.pathExpert(from, layer, rank);
                    }
                }
            }
        }
        made.setHomes(sequence -> request.topology().index(Measures.drawHome(request.topology(), request.seed(), sequence)));
        made.index();
        return made;
    }

    /** @param of sequence to device index */
    void setHomes(final IntUnaryOperator of) {
        for (int path = 0; path < paths; path++) {
            home[path] = (byte) of.applyAsInt(sequence[path]);
        }
    }

    int at(final int layer, final int path) {
        return (layer * paths + path) * topK;
    }

    private void index() {
        for (int layer = 0; layer < layers; layer++) {
            final int[] first = new int[experts[layer] + 1];
            for (int i = at(layer, 0); i < at(layer, paths); i++) {
                first[expert[i] + 1]++;
            }
            for (int e = 0; e < experts[layer]; e++) {
                first[e + 1] += first[e];
            }
            firstUser[layer] = first;
            final int[] next = first.clone();
            for (int path = 0; path < paths; path++) {
                for (int rank = 0; rank < topK; rank++) {
                    users[layer][next[expert[at(layer, path) + rank]]++] = path;
                }
            }
        }
    }

    /** Paths with the recorded loads, hand-overs and owner co-activations, but without longer memory. */
    private void draw(final RoutingStatistics statistics, final SplittableRandom random) {
        for (int path = 0; path < paths; path++) {
            sequence[path] = path;
            int owner = -1;
            for (int layer = 0; layer < layers; layer++) {
                final int model = routed[layer];
                final double[] weight = new double[experts[layer]];
                for (int e = 0; e < weight.length; e++) {
                    weight[e] = 1e-3 / weight.length + statistics.owned(model, e) / Math.max(1, statistics.positions()) * 1e-2;
                }
                if (owner >= 0) {
                    statistics.forEachPair(Relation.OWNER_HANDOVER, routed[layer - 1], owner, (e, count) -> weight[e] += count);
                } else {
                    for (int e = 0; e < weight.length; e++) {
                        weight[e] += statistics.owned(model, e);
                    }
                }
                owner = pick(weight, random);
                final int at = at(layer, path);
                expert[at] = (short) owner;
                for (int e = 0; e < weight.length; e++) {
                    weight[e] = 1e-3 / weight.length + statistics.calls(model, e) / Math.max(1, statistics.positions()) * 1e-2;
                }
                statistics.forEachPair(Relation.OWNER_COACTIVATION, model, owner, (e, count) -> weight[e] += count);
                for (int rank = 1; rank < topK; rank++) {
                    for (int earlier = 0; earlier < rank; earlier++) {
                        weight[expert[at + earlier]] = 0;
                    }
                    expert[at + rank] = (short) pick(weight, random);
                }
            }
        }
    }

    private static int pick(final double[] weight, final SplittableRandom random) {
        double left = random.nextDouble() * Arrays.stream(weight).sum();
        int last = 0;
        for (int e = 0; e < weight.length; e++) {
            if (weight[e] > 0) {
                last = e;
                left -= weight[e];
                if (left < 0) {
                    return e;
                }
            }
        }
        return last;
    }
}
