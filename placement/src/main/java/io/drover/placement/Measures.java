package io.drover.placement;

/**
 * Replays real routing against a placement and counts what crosses between devices; the one definition of "vectors", "copies",
 * "bytes", "imbalance" and "balancedness" that tests, lab and the live ledger use.
 *
 * <p>Counted, for each position and each routed layer (a token-layer), with replicas chosen by {@link ReplicaChoice} against the
 * calls that each device has had in that layer during this replay:
 * <ul>
 *   <li><b>Dispatch</b>: one vector per device, other than where the token is, that runs at least one of its experts.
 *   <li><b>Return</b>: one vector per expert that runs elsewhere than where outputs are combined, not one per device: a sum made
 *       at the remote device would depend on placement. {@code copies} counts one per device.
 *   <li><b>Residual</b>, in walk: the token is combined at its highest-gate expert's device, where its next layer starts; the
 *       residual's hand-over there takes the place of the dispatch to that device. float32, whatever the wire type.
 *   <li><b>KV</b>: each position's keys and values of each layer go to the context's other holders ({@link Wire#kvBytesSent}), the
 *       device that made them being counted as a holder. Only in bytes, not in vectors.
 * </ul>
 * In home a token is at its sequence's home in every layer, and outputs are combined there. In walk it starts its first routed
 * layer at the home. After the last layer it is sampled where it is: a token id, not a vector, goes back.
 *
 * <p>Not thread-safe.
 */
public final class Measures {
    private final Placement placement;
    private final Topology topology;
    private final Mode mode;
    private final double slack;
    private final ReplicaChoice choice;
    private final double[][] load;
    private final long[][] attention;
    private final double[] totalLoad;
    private final long[][] counts = new long[Tier.values().length][4];
    /** [layer][expert][replica] */
    private final long[][][] replicaCalls;
    /** [layer][device ordinal][2 * tier + (1 for a residual)] vectors */
    private final long[][][] sent;
    private final long[][][] received;
    private int[] chosen = new int[8];
    private long positions;
    private long tokenLayers;

    private static final int DISPATCH = 0;
    private static final int RESIDUAL = 1;
    private static final int RETURN = 2;
    private static final int DEVICE_RETURN = 3;

    /**
     * @param slack a device is avoided, as {@link ReplicaChoice} does, above (1 + slack) times the mean calls of a layer; infinite
     *              for the plain rule
     */
    public Measures(final Placement placement, final Topology topology, final Mode mode, final double slack) {
        this(placement, topology, mode, slack, 0, placement.layers());
    }

    /** For the layers from {@code first} until {@code end} alone. */
    Measures(
            final Placement placement, final Topology topology, final Mode mode, final double slack, final int first,
            final int end) {
        this.placement = placement;
        this.topology = topology;
        this.mode = mode;
        this.slack = slack;
        choice = new ReplicaChoice(topology, mode);
        load = new double[placement.layers()][];
        attention = new long[placement.layers()][];
        totalLoad = new double[placement.layers()];
        sent = new long[placement.layers()][][];
        received = new long[placement.layers()][][];
        replicaCalls = new long[placement.layers()][][];
        for (int layer = first; layer < end; layer++) {
            load[layer] = new double[topology.ordinals()];
            attention[layer] = new long[topology.ordinals()];
            sent[layer] = new long[topology.ordinals()][2 * counts.length];
            received[layer] = new long[topology.ordinals()][2 * counts.length];
            replicaCalls[layer] = new long[placement.experts(layer)][];
            for (int expert = 0; expert < placement.experts(layer); expert++) {
                replicaCalls[layer][expert] = new long[placement.replicas(layer, expert)];
            }
            for (int ordinal = 0; ordinal < topology.ordinals(); ordinal++) {
                load[layer][ordinal] = topology.index(ordinal) < 0 ? Double.POSITIVE_INFINITY : 0;
            }
        }
    }

    /**
     * The home of a sequence where no planner chooses it: uniform over the topology's devices, the {@code floor(u * size)}-th with u
     * in [0, 1) the top 53 bits of SplitMix64's output number {@code sequence} of the stream seeded with {@code seed}.
     *
     * @return a device ordinal
     */
    public static int drawHome(final Topology topology, final long seed, final int sequence) {
        long z = seed + (sequence + 1L) * 0x9e3779b97f4a7c15L;
        z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        z ^= z >>> 31;
        return topology.ordinal((int) ((z >>> 11) * 0x1.0p-53 * topology.size()));
    }

    /**
     * Replays one position.
     *
     * @param home    device ordinal of its sequence's home
     * @param experts [layer][rank] in gate-rank order; a dense layer's row is not read
     * @throws IllegalArgumentException if an expert has no replica on the topology's devices
     */
    public void position(final int home, final int[][] experts) {
        positions++;
        int at = home;
        for (int layer = 0; layer < placement.layers(); layer++) {
            if (placement.experts(layer) > 0) {
                at = tokenLayer(layer, experts[layer], at);
            }
        }
    }

    /** Notes that so many positions are replayed by {@link #tokenLayer}, each in every routed layer that is looked at. */
    void add(final int morePositions) {
        positions += morePositions;
    }

    /**
     * Replays one position in one layer. Layers may be replayed one after the other, each for all positions in their order: what one layer
     * passes to the next is only where each position is.
     *
     * @param experts in gate-rank order
     * @param from    device ordinal where the position is
     * @return where it is then
     */
    int tokenLayer(final int layer, final int[] experts, final int from) {
        final int topK = experts.length;
        if (chosen.length < topK) {
            chosen = new int[topK];
        }
        final double limit = slack == Double.POSITIVE_INFINITY
                ? slack
                : (1 + slack) * totalLoad[layer] / topology.size() + topK;
        final int combine = choice.choose(placement, layer, experts, 0, topK, from, load[layer], limit, chosen);
        tokenLayers++;
        attention[layer][from]++;
        totalLoad[layer] += topK;
        if (combine != from && mode == Mode.WALK && combine >= 0) {
            count(layer, from, combine, RESIDUAL);
        }
        for (int rank = 0; rank < topK; rank++) {
            final int device = chosen[rank];
            if (device < 0) {
                throw new IllegalArgumentException(
                        "L" + layer + "/E" + experts[rank] + " has no replica on the topology's devices");
            }
            load[layer][device]++;
            replicaCalls[layer][experts[rank]][replica(layer, experts[rank], device)]++;
            final boolean first = firstUse(rank);
            if (first && device != from && device != combine) {
                count(layer, from, device, DISPATCH);
            }
            if (device != combine) {
                count(layer, device, combine, RETURN);
                counts[tier(device, combine)][DEVICE_RETURN] += first ? 1 : 0;
            }
        }
        return combine;
    }

    private void count(final int layer, final int from, final int to, final int what) {
        final int tier = tier(from, to);
        counts[tier][what]++;
        sent[layer][from][2 * tier + (what == RESIDUAL ? 1 : 0)]++;
        received[layer][to][2 * tier + (what == RESIDUAL ? 1 : 0)]++;
    }

    private int replica(final int layer, final int expert, final int device) {
        int i = 0;
        while (placement.device(layer, expert, i) != device) {
            i++;
        }
        return i;
    }

    private boolean firstUse(final int rank) {
        for (int i = 0; i < rank; i++) {
            if (chosen[i] == chosen[rank]) {
                return false;
            }
        }
        return true;
    }

    private int tier(final int ordinalA, final int ordinalB) {
        return topology.tier(topology.index(ordinalA), topology.index(ordinalB)).ordinal();
    }

    /** Token-expert calls that a device has run in a layer. @param index the device's topology index */
    public double calls(final int layer, final int index) {
        return load[layer][topology.ordinal(index)];
    }

    /** Calls that an expert's replica has run, replicas as in {@link Placement#device}. */
    long replicaCalls(final int layer, final int expert, final int replica) {
        return replicaCalls[layer][expert][replica];
    }

    long positions() {
        return positions;
    }

    /** Positions for which a device has run a layer's attention. @param index the device's topology index */
    long attention(final int layer, final int index) {
        return attention[layer][topology.ordinal(index)];
    }

    /** Bytes that a device has sent over a tier for a layer, KV not included. */
    double sentBytes(final int layer, final int index, final Tier tier, final Wire wire) {
        return bytes(sent[layer][topology.ordinal(index)], tier, wire);
    }

    /** Bytes that a device has received over a tier for a layer, KV not included. */
    double receivedBytes(final int layer, final int index, final Tier tier, final Wire wire) {
        return bytes(received[layer][topology.ordinal(index)], tier, wire);
    }

    private static double bytes(final long[] vectors, final Tier tier, final Wire wire) {
        return (double) vectors[2 * tier.ordinal()] * wire.vectorBytes()
                + (double) vectors[2 * tier.ordinal() + 1] * wire.residualBytes();
    }

    /** The figures so far; NaN before the first position. */
    public Measured measured() {
        double ratios = 0;
        double attentionRatios = 0;
        double means = 0;
        double maxima = 0;
        int layers = 0;
        for (int layer = 0; layer < placement.layers(); layer++) {
            if (placement.experts(layer) > 0) {
                layers++;
                double max = 0;
                double maxAttention = 0;
                for (int i = 0; i < topology.size(); i++) {
                    max = Math.max(max, calls(layer, i));
                    maxAttention = Math.max(maxAttention, attention[layer][topology.ordinal(i)]);
                }
                final double mean = totalLoad[layer] / topology.size();
                ratios += max / mean;
                attentionRatios += maxAttention / ((double) positions / topology.size());
                means += mean;
                maxima += max;
            }
        }
        return new Measured(positions, tokenLayers, traffic(Tier.SAME_HOST), traffic(Tier.NETWORK), ratios / layers,
                means / maxima, attentionRatios / layers);
    }

    private Traffic traffic(final Tier tier) {
        final long[] count = counts[tier.ordinal()];
        final double per = tokenLayers;
        return new Traffic(count[DISPATCH] / per, count[RESIDUAL] / per, count[RETURN] / per, count[DEVICE_RETURN] / per);
    }
}
