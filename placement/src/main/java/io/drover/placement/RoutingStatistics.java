package io.drover.placement;

import java.util.Arrays;
import java.util.Objects;

import org.jspecify.annotations.Nullable;

/**
 * What the gates chose lately: decayed counts of expert load, of pairs of experts ({@link Relation}), and a sample of whole paths.
 *
 * <p>One position is recorded once, when it is accepted, by the node that combined it; nothing is allocated then. A node's window
 * is merged into others with {@link #merge} and aged with {@link #decay}. Memory is bounded: a layer of at most
 * {@code denseExperts} experts keeps every pair, a larger one the heavy pairs of each expert ({@code pairsPerExpert} of each relation),
 * and the sample holds at most {@code samplePaths} paths. Not thread-safe: one writer.
 *
 * <p>Layers are the model's; a dense layer has 0 experts, and "the next layer" skips it.
 */
public final class RoutingStatistics {
    /**
     * @param denseExperts   largest layer that keeps every pair
     * @param pairsPerExpert pairs kept for an expert of a larger layer, per relation; a positive multiple of 8
     * @param samplePaths    paths kept
     * @param pairStride     pairs are counted for one of this many positions, drawn at random, with this weight; at least 1
     */
    public record Limits(int denseExperts, int pairsPerExpert, int samplePaths, int pairStride) {
        /** Every pair of every position in layers of up to 256 experts: up to some 4,000 experts in all. */
        public static final Limits DEFAULT = new Limits(256, 64, 4096);

        /** Pairs of one position in 8, for models whose pair tables outgrow the caches. */
        public static final Limits LARGE = new Limits(256, 64, 4096, 8);

        public Limits {
            if (denseExperts < 0 || pairsPerExpert < 8 || pairsPerExpert % 8 != 0 || samplePaths < 0 || pairStride < 1) {
                throw new IllegalArgumentException(
                        "denseExperts and samplePaths are at least 0, pairsPerExpert a positive multiple of 8 and pairStride"
                                + " at least 1, not " + denseExperts + ", " + samplePaths + ", " + pairsPerExpert + ", "
                                + pairStride);
            }
        }

        public Limits(final int denseExperts, final int pairsPerExpert, final int samplePaths) {
            this(denseExperts, pairsPerExpert, samplePaths, 1);
        }

        /** What suits a model. @param experts [layer] */
        public static Limits forModel(final int[] experts) {
            return Arrays.stream(experts).sum() <= 4096 ? DEFAULT : LARGE;
        }
    }

    private final int[] experts;
    private final int topK;
    private final Limits limits;
    private final int[] routed;
    private final int[] next;
    private final double[][] calls;
    private final double[][] owned;
    private final double[][] gate;
    private final @Nullable PairTable[][] pairs;
    private final PathSample sample;
    private double positions;

    /**
     * @param experts [layer] routed experts, 0 for a dense layer
     * @param topK    experts of a position in each routed layer, at least 1
     * @param seed    of the path sample; each recording node has its own
     */
    public RoutingStatistics(final int[] experts, final int topK, final Limits limits, final long seed) {
        this.experts = experts.clone();
        this.topK = topK;
        this.limits = limits;
        routed = routedLayers(experts);
        next = new int[experts.length];
        Arrays.fill(next, -1);
        for (int i = 0; i + 1 < routed.length; i++) {
            next[routed[i]] = routed[i + 1];
        }
        calls = new double[experts.length][];
        owned = new double[experts.length][];
        gate = new double[experts.length][];
        for (int layer = 0; layer < experts.length; layer++) {
            if (experts[layer] != 0 && experts[layer] < topK || experts[layer] > Short.MAX_VALUE || topK < 1) {
                throw new IllegalArgumentException("layer " + layer + " has " + experts[layer]
                        + " experts; expected 0, or top-k (" + topK + ", at least 1) to " + Short.MAX_VALUE);
            }
            calls[layer] = new double[experts[layer]];
            owned[layer] = new double[experts[layer]];
            gate[layer] = new double[experts[layer]];
        }
        pairs = new PairTable[Relation.COUNT][experts.length];
        for (final Relation relation : Relation.values()) {
            for (final int layer : routed) {
                final int to = relation.withinLayer() ? layer : next[layer];
                if (to >= 0) {
                    pairs[relation.ordinal()][layer] = experts[to] <= limits.denseExperts()
                            ? new DensePairs(experts[layer], experts[to])
                            : new BoundedPairs(experts[layer], limits.pairsPerExpert());
                }
            }
        }
        sample = new PathSample(limits.samplePaths(), routed.length * topK, seed);
    }

    private static int[] routedLayers(final int[] experts) {
        final int[] layers = new int[experts.length];
        int count = 0;
        for (int layer = 0; layer < experts.length; layer++) {
            if (experts[layer] > 0) {
                layers[count++] = layer;
            }
        }
        return Arrays.copyOf(layers, count);
    }

    /**
     * Counts one position.
     *
     * @param sequence a number that tells sequences apart in the sample
     * @param chosen   [layer][rank] experts in gate-rank order; a dense layer's row is not read
     * @param weights  [layer][rank] gate weights
     */
    public void record(final int sequence, final int[][] chosen, final float[][] weights) {
        positions++;
        final boolean countPairs = sample.oneIn(limits.pairStride());
        for (final int layer : routed) {
            final int[] here = chosen[layer];
            owned[layer][here[0]]++;
            for (int rank = 0; rank < topK; rank++) {
                calls[layer][here[rank]]++;
                gate[layer][here[rank]] += weights[layer][rank];
            }
            if (countPairs) {
                recordWithin(layer, here);
            }
            if (countPairs && next[layer] >= 0) {
                recordAcross(layer, here, chosen[next[layer]]);
            }
        }
        final int slot = sample.offer(sequence);
        if (slot >= 0) {
            int at = slot * sample.stride;
            for (final int layer : routed) {
                for (int rank = 0; rank < topK; rank++) {
                    sample.experts[at++] = (short) chosen[layer][rank];
                }
            }
        }
    }

    private void recordWithin(final int layer, final int[] here) {
        final int weight = limits.pairStride();
        final PairTable together = present(Relation.COACTIVATION, layer);
        final PairTable withOwner = present(Relation.OWNER_COACTIVATION, layer);
        for (int a = 0; a < topK; a++) {
            for (int b = 0; b < topK; b++) {
                if (a != b) {
                    together.add(here[a], here[b], weight);
                }
            }
            if (a > 0) {
                withOwner.add(here[0], here[a], weight);
            }
        }
    }

    private void recordAcross(final int layer, final int[] here, final int[] there) {
        final int weight = limits.pairStride();
        final PairTable all = present(Relation.TRANSITION, layer);
        final PairTable fromOwner = present(Relation.OWNER_TRANSITION, layer);
        for (int b = 0; b < topK; b++) {
            for (int a = 0; a < topK; a++) {
                all.add(here[a], there[b], weight);
            }
            fromOwner.add(here[0], there[b], weight);
        }
        present(Relation.OWNER_HANDOVER, layer).add(here[0], there[0], weight);
    }

    /** Null in a dense layer, and in the last one for relations that lead to the next. */
    @Nullable
    PairTable table(final Relation relation, final int layer) {
        return pairs[relation.ordinal()][layer];
    }

    private PairTable present(final Relation relation, final int layer) {
        return Objects.requireNonNull(pairs[relation.ordinal()][layer]);
    }

    /** Adds another node's window of the same model. */
    public void merge(final RoutingStatistics other) {
        if (!Arrays.equals(experts, other.experts) || topK != other.topK) {
            throw new IllegalArgumentException("cannot merge statistics of " + Arrays.toString(other.experts) + " experts, top-"
                    + other.topK + ", into " + Arrays.toString(experts) + ", top-" + topK);
        }
        positions += other.positions;
        for (final int layer : routed) {
            for (int expert = 0; expert < experts[layer]; expert++) {
                calls[layer][expert] += other.calls[layer][expert];
                owned[layer][expert] += other.owned[layer][expert];
                gate[layer][expert] += other.gate[layer][expert];
            }
            for (final Relation relation : Relation.values()) {
                mergePairs(relation, layer, other);
            }
        }
        sample.merge(other.sample);
    }

    private void mergePairs(final Relation relation, final int layer, final RoutingStatistics other) {
        final PairTable mine = table(relation, layer);
        if (mine != null) {
            final PairTable theirs = other.present(relation, layer);
            for (int row = 0; row < experts[layer]; row++) {
                final int from = row;
                theirs.forEach(row, (column, count) -> mine.add(from, column, count));
            }
        }
    }

    /** Ages everything counted so far: a count becomes factor times itself. @param factor 0 to 1 */
    public void decay(final double factor) {
        if (!(factor >= 0 && factor <= 1)) {
            throw new IllegalArgumentException("a decay factor lies in 0 to 1, not " + factor);
        }
        positions *= factor;
        for (final int layer : routed) {
            for (int expert = 0; expert < experts[layer]; expert++) {
                calls[layer][expert] *= factor;
                owned[layer][expert] *= factor;
                gate[layer][expert] *= factor;
            }
            for (final Relation relation : Relation.values()) {
                final PairTable table = table(relation, layer);
                if (table != null) {
                    table.scale((float) factor);
                }
            }
        }
        sample.decay(factor);
    }

    public int layers() {
        return experts.length;
    }

    /** Routed experts of a layer; 0 for a dense one. */
    public int experts(final int layer) {
        return experts[layer];
    }

    public int totalExperts() {
        return Arrays.stream(experts).sum();
    }

    public int topK() {
        return topK;
    }

    /** Layers that have experts, ascending; a copy. */
    public int[] routedLayers() {
        return routed.clone();
    }

    /** The next layer that has experts, or -1. */
    public int nextRouted(final int layer) {
        return next[layer];
    }

    /** Positions counted, decayed. */
    public double positions() {
        return positions;
    }

    /** Token-expert calls, decayed. */
    public double calls(final int layer, final int expert) {
        return calls[layer][expert];
    }

    /** Positions for which the expert had the highest gate, decayed. */
    public double owned(final int layer, final int expert) {
        return owned[layer][expert];
    }

    /** Sum of the expert's gate weights, decayed. */
    public double gateMass(final int layer, final int expert) {
        return gate[layer][expert];
    }

    /** A pair's count; 0 where it was not kept, and in the last layer for relations that lead to the next. */
    public float pairs(final Relation relation, final int layer, final int from, final int to) {
        final PairTable table = table(relation, layer);
        return table == null ? 0 : table.get(from, to);
    }

    /** The kept pairs from one expert. */
    public void forEachPair(final Relation relation, final int layer, final int from, final PairConsumer consumer) {
        final PairTable table = table(relation, layer);
        if (table != null) {
            table.forEach(from, consumer);
        }
    }

    /** Paths in the sample; each stands for {@link #positions()} / paths() positions. */
    public int paths() {
        return sample.size();
    }

    /** The expert of a sampled path. @param routedIndex index into {@link #routedLayers()} */
    public int pathExpert(final int path, final int routedIndex, final int rank) {
        return sample.experts[path * sample.stride + routedIndex * topK + rank];
    }

    /** The sequence a sampled path belongs to. */
    public int pathSequence(final int path) {
        return sample.sequences[path];
    }

    public Limits limits() {
        return limits;
    }

    /** A compact form that {@link #fromBytes} reads, also in later versions; see {@link StatisticsCodec}. */
    public byte[] toBytes() {
        return StatisticsCodec.encode(this);
    }

    /**
     * A form of at most so many bytes that {@link #fromBytes} reads: loads to 16 bits of mantissa, as many of each expert's heaviest
     * pairs and as many sampled paths as fit.
     *
     * @throws IllegalArgumentException if even the loads alone take more
     */
    public byte[] toBytes(final int maxBytes) {
        return StatisticsCodec.encode(this, maxBytes);
    }

    /**
     * @throws IllegalArgumentException if the bytes are not such a form, are damaged, or are of an unknown version
     */
    public static RoutingStatistics fromBytes(final byte[] bytes) {
        return StatisticsCodec.decode(bytes);
    }

    /** A copy that further recording does not change. */
    public RoutingStatistics copy() {
        return fromBytes(toBytes());
    }

    PathSample sample() {
        return sample;
    }

    int[] expertsPerLayer() {
        return experts;
    }

    void restore(final double newPositions) {
        positions = newPositions;
    }

    void restore(final int layer, final int expert, final double newCalls, final double newOwned, final double newGate) {
        calls[layer][expert] = newCalls;
        owned[layer][expert] = newOwned;
        gate[layer][expert] = newGate;
    }
}
