package io.drover.placement;

/**
 * {@link ReplicaChoice} on bit sets of devices, for a search that applies it many million times: the same choice as there when all
 * loads are equal (in variant 0), and what it costs. Devices are topology indices, at most 64. Not thread-safe.
 */
final class JointRule {
    /** Cost of one wire vector over the slowest tier there is. */
    static final int UNIT = 256;
    /** Of equally good devices a variant takes the lowest or the highest: where the router goes by load, half of the paths go each way. */
    static final int VARIANTS = 2;
    private static final int TABLE_BITS = 18;
    private static final int COST_SHIFT = 12;

    private final Mode mode;
    private final int devices;
    private final int topK;
    private final int[] vectorCost;
    private final int[] residualCost;
    private final long[] hostMask;
    private final int deviceBits;
    private final int tableDevices;
    private final int[][] table = new int[VARIANTS][];
    private final long[] masks;
    private final byte[] scratch;

    JointRule(final PlanRequest request) {
        final Topology topology = request.topology();
        mode = request.cost().mode();
        devices = topology.size();
        topK = request.statistics().topK();
        vectorCost = new int[devices * devices];
        residualCost = new int[devices * devices];
        hostMask = new long[devices];
        final Wire wire = request.cost().wire();
        for (int a = 0; a < devices; a++) {
            for (int b = 0; b < devices; b++) {
                final double weight = weight(topology, topology.tier(a, b));
                vectorCost[a * devices + b] = (int) Math.round(UNIT * weight);
                residualCost[a * devices + b] = (int) Math.round(UNIT * weight * wire.residualBytes() / wire.vectorBytes());
                hostMask[a] |= topology.host(a) == topology.host(b) ? 1L << b : 0;
            }
        }
        masks = new long[topK];
        scratch = new byte[topK];
        deviceBits = Math.max(1, 32 - Integer.numberOfLeadingZeros(devices - 1));
        final int bits = devices * topK + deviceBits;
        final boolean tabled = bits <= TABLE_BITS && deviceBits * topK <= 12;
        tableDevices = tabled ? devices : 0;
        for (int variant = 0; variant < VARIANTS; variant++) {
            table[variant] = new int[tabled ? 1 << bits : 0];
            if (tabled) {
                fillTable(variant);
            }
        }
    }

    /** What a byte over a tier costs, in bytes over the slowest tier that the topology has. */
    static double weight(final Topology topology, final Tier tier) {
        final Link slowest = topology.link(topology.hosts() > 1 ? Tier.NETWORK : Tier.SAME_HOST);
        if (tier == Tier.SAME_DEVICE) {
            return 0;
        }
        if (slowest.bytesPerSecond() == Double.POSITIVE_INFINITY) {
            return 1;
        }
        return Math.min(1, slowest.bytesPerSecond() / topology.link(tier).bytesPerSecond());
    }

    /** Whether choices are looked up, which is several times as fast. */
    boolean tabled() {
        return tableDevices > 0;
    }

    private void fillTable(final int variant) {
        final long[] hosts = new long[topK];
        for (int key = 0; key < table[variant].length; key++) {
            final int from = key >>> devices * topK;
            boolean valid = from < devices;
            for (int rank = 0; rank < topK; rank++) {
                hosts[rank] = key >>> rank * devices & (1L << devices) - 1;
                valid &= hosts[rank] != 0;
            }
            if (valid) {
                System.arraycopy(hosts, 0, masks, 0, topK);
                final int cost = compute(variant, from, scratch, 0);
                int chosen = 0;
                for (int rank = 0; rank < topK; rank++) {
                    chosen |= scratch[rank] << rank * deviceBits;
                }
                table[variant][key] = cost << COST_SHIFT | chosen;
            }
        }
    }

    /**
     * @param variant which of equally good devices are taken
     * @param from    device where the token is
     * @param hosts   [rank] set of devices that hold the rank's expert, not empty
     * @param chosen  receives the device of each rank from {@code at}
     * @return the cost; {@link #UNIT} for a vector over the slowest tier
     */
    int choose(final int variant, final int from, final long[] hosts, final byte[] chosen, final int at) {
        if (tabled()) {
            final int entry = table[variant][startKey(from) | key(hosts)];
            for (int rank = 0; rank < topK; rank++) {
                chosen[at + rank] = (byte) (entry >>> rank * deviceBits & (1 << deviceBits) - 1);
            }
            return entry >>> COST_SHIFT;
        }
        System.arraycopy(hosts, 0, masks, 0, topK);
        return compute(variant, from, chosen, at);
    }

    /** As {@link #choose}, but only the device where outputs are combined: cost * 64 + device. */
    int costAndOwner(final int variant, final int from, final long[] hosts) {
        if (tabled()) {
            final int entry = table[variant][startKey(from) | key(hosts)];
            return entry >>> COST_SHIFT << 6 | owner(from, entry);
        }
        System.arraycopy(hosts, 0, masks, 0, topK);
        final int cost = compute(variant, from, scratch, 0);
        return cost << 6 | (mode == Mode.HOME ? from : scratch[0]);
    }

    /** Where choices are looked up: {@code startKey(from) | key(hosts)} to an entry, for {@link #cost} and {@link #owner}. */
    int[] table(final int variant) {
        return table[variant];
    }

    int startKey(final int from) {
        return from << devices * topK;
    }

    /** Rank r's set of devices is at bit {@code r * devices}. */
    int key(final long[] hosts) {
        int key = 0;
        for (int rank = topK - 1; rank >= 0; rank--) {
            key = key << devices | (int) hosts[rank];
        }
        return key;
    }

    static int cost(final int entry) {
        return entry >>> COST_SHIFT;
    }

    int owner(final int from, final int entry) {
        return mode == Mode.HOME ? from : entry & (1 << deviceBits) - 1;
    }

    private int compute(final int variant, final int from, final byte[] chosen, final int at) {
        int local = from;
        if (mode == Mode.WALK) {
            local = owner(variant, from, chosen, at);
        }
        assign(variant, from, local, chosen, at);
        return cost(from, local, chosen, at);
    }

    /** @return vectors, whatever their tier */
    private int assign(final int variant, final int from, final int local, final byte[] chosen, final int at) {
        long visited = 0;
        int first = 0;
        int vectors = 0;
        if (mode == Mode.WALK) {
            chosen[at] = (byte) local;
            visited = 1L << from | 1L << local;
            first = 1;
            vectors = local == from ? 0 : 1;
        }
        long late = 0;
        for (int rank = first; rank < topK; rank++) {
            final long hosts = masks[rank];
            if ((hosts >>> local & 1) != 0) {
                chosen[at + rank] = (byte) local;
            } else if ((hosts & hosts - 1) == 0) {
                chosen[at + rank] = (byte) Long.numberOfTrailingZeros(hosts);
            } else {
                late |= 1L << rank;
            }
        }
        for (int rank = first; rank < topK; rank++) {
            if ((late >>> rank & 1) == 0) {
                final long device = 1L << chosen[at + rank];
                vectors += (chosen[at + rank] == local ? 0 : 1) + ((visited & device) == 0 ? 1 : 0);
                visited |= device;
            }
        }
        for (; late != 0; late &= late - 1) {
            final int rank = Long.numberOfTrailingZeros(late);
            long hosts = masks[rank];
            vectors++;
            if ((hosts & visited) != 0) {
                hosts &= visited;
            } else {
                vectors++;
                if ((hosts & hostMask[local]) != 0) {
                    hosts &= hostMask[local];
                }
            }
            chosen[at + rank] = (byte) oneOf(variant, hosts);
            visited |= 1L << chosen[at + rank];
        }
        return vectors;
    }

    private int owner(final int variant, final int from, final byte[] chosen, final int at) {
        final long candidates = masks[0];
        if ((candidates & candidates - 1) == 0) {
            return Long.numberOfTrailingZeros(candidates);
        }
        int best = -1;
        int bestCost = Integer.MAX_VALUE;
        for (long rest = candidates; rest != 0;) {
            final int device = oneOf(variant, rest);
            rest &= ~(1L << device);
            // Twice the vectors, and staying wins a tie.
            final int cost = 2 * assign(variant, from, device, chosen, at) + (device == from ? 0 : 1);
            if (cost < bestCost) {
                best = device;
                bestCost = cost;
            }
        }
        return best;
    }

    private static int oneOf(final int variant, final long devices) {
        return variant == 0 ? Long.numberOfTrailingZeros(devices) : Long.SIZE - 1 - Long.numberOfLeadingZeros(devices);
    }

    private int cost(final int from, final int local, final byte[] chosen, final int at) {
        long dispatched = 1L << from | 1L << local;
        int cost = residualCost[from * devices + local];
        for (int rank = 0; rank < topK; rank++) {
            final int device = chosen[at + rank];
            if ((dispatched >>> device & 1) == 0) {
                dispatched |= 1L << device;
                cost += vectorCost[from * devices + device];
            }
            cost += vectorCost[device * devices + local];
        }
        return cost;
    }
}
