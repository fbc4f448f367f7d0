package io.drover.placement;

import java.util.Arrays;

/**
 * Which replica runs which of a token-layer's experts: the one rule that the router, the planners and {@link Measures} share, so
 * that a prediction means something.
 *
 * <p>An expert goes to the first of these that has one: the local device; a device that this token's layer already visits; a
 * device on the local device's host; any other. Within each, the least loaded, then the lowest ordinal. A device far above the
 * caller's limit of load comes after all that are not; one of infinite load is never chosen.
 *
 * <p>Experts are taken in an order that makes visits known early: those that are on the local device, those with a single
 * replica, then the rest, each in gate-rank order. The local device is where outputs are combined. In {@link Mode#HOME} that is
 * the sequence's home. In {@link Mode#WALK} the highest-gate expert is placed first, on that of its replicas with which the layer
 * needs the fewest vectors (then: where the token is, then by load), and its device is local for the others. Here each call on a device
 * above the limit counts as a part of a vector: calls go elsewhere where that is cheap, in whatever layer, and stay where it is not.
 *
 * <p>Allocates nothing after construction. Holds scratch: one instance per thread.
 */
public final class ReplicaChoice {
    /** In place of a device: no replica can be used. */
    public static final int NONE = -1;

    /** Times the limit from which on a device is avoided at any cost; in walk, where the whole token would go elsewhere, further up. */
    private static final double FAR_HOME = 1;
    private static final double FAR_WALK = 4;
    /** Most vectors that a call above the limit counts as, and how fast that is reached. */
    private static final double SURCHARGE = 0.5;
    private static final double RISE = 10;
    /** Vectors that staying is worth. */
    private static final double STAYING = 0.25;

    private final Mode mode;
    private final int[] hostOfOrdinal;
    private int[] visited = new int[16];
    private int visits;

    public ReplicaChoice(final Topology topology, final Mode mode) {
        this.mode = mode;
        hostOfOrdinal = new int[topology.ordinals()];
        Arrays.fill(hostOfOrdinal, NONE);
        for (int i = 0; i < topology.size(); i++) {
            hostOfOrdinal[topology.ordinal(i)] = topology.host(i);
        }
    }

    /**
     * Chooses for all experts of one token-layer.
     *
     * @param experts experts in gate-rank order, from {@code offset}, {@code topK} of them; at most 64
     * @param from    ordinal of the device where the token is: the home, or in walk the device that ran this layer's attention
     * @param load    by device ordinal, in any one unit; infinite for a device that must not be used
     * @param limit   load above which a device is avoided, the more the further above; infinite for no limit
     * @param chosen  receives at {@code 0..topK-1} the device ordinal of each rank, or {@link #NONE}
     * @return the device where the outputs are combined: {@code from} in home; in walk that of rank 0, or {@link #NONE}
     */
    public int choose(
            final Placement placement,
            final int layer,
            final int[] experts,
            final int offset,
            final int topK,
            final int from,
            final double[] load,
            final double limit,
            final int[] chosen) {
        if (visited.length < topK + 2) {
            visited = new int[topK + 2];
        }
        if (mode == Mode.HOME) {
            assign(placement, layer, experts, offset, topK, from, from, load, limit, chosen);
            return from;
        }
        final int local = owner(placement, layer, experts, offset, topK, from, load, limit, chosen);
        assign(placement, layer, experts, offset, topK, from, local, load, limit, chosen);
        return local;
    }

    /** Chooses with outputs combined at {@code local}. @return vectors, calls above the limit included */
    private double assign(
            final Placement placement,
            final int layer,
            final int[] experts,
            final int offset,
            final int topK,
            final int from,
            final int local,
            final double[] load,
            final double limit,
            final int[] chosen) {
        visits = 0;
        long open = topK == Long.SIZE ? -1L : (1L << topK) - 1;
        double cost = 0;
        if (mode == Mode.WALK) {
            chosen[0] = local;
            open &= ~1L;
            visit(from);
            visit(local);
            cost = local == NONE ? 0 : (local == from ? 0 : 1) + surcharge(load[local], limit);
        }
        for (int pass = 0; pass < 3; pass++) {
            for (long rest = open; rest != 0; rest &= rest - 1) {
                final int rank = Long.numberOfTrailingZeros(rest);
                final int expert = experts[offset + rank];
                final boolean now = switch (pass) {
                    case 0 -> placement.hosts(local, layer, expert) && usable(local, load, limit);
                    case 1 -> placement.replicas(layer, expert) == 1;
                    default -> true;
                };
                if (now) {
                    final int device = best(placement, layer, expert, local, load, limit);
                    chosen[rank] = device;
                    open &= ~(1L << rank);
                    if (device != NONE) {
                        cost += (device == local ? 0 : 1) + (isVisited(device) ? 0 : 1) + surcharge(load[device], limit);
                        visit(device);
                    }
                }
            }
        }
        return cost;
    }

    private boolean usable(final int device, final double[] load, final double limit) {
        return load[device] < Double.POSITIVE_INFINITY && !far(load[device], limit);
    }

    private boolean far(final double load, final double limit) {
        return load > (mode == Mode.HOME ? FAR_HOME : FAR_WALK) * limit;
    }

    /** Vectors that a call counts as on a device of this load. */
    private static double surcharge(final double load, final double limit) {
        return load <= limit ? 0 : Math.min(SURCHARGE, RISE * (load / limit - 1));
    }

    private void visit(final int device) {
        if (device != NONE && !isVisited(device)) {
            visited[visits++] = device;
        }
    }

    private boolean isVisited(final int device) {
        for (int i = 0; i < visits; i++) {
            if (visited[i] == device) {
                return true;
            }
        }
        return false;
    }

    private int best(
            final Placement placement,
            final int layer,
            final int expert,
            final int local,
            final double[] load,
            final double limit) {
        int best = NONE;
        int bestClass = Integer.MAX_VALUE;
        final int replicas = placement.replicas(layer, expert);
        for (int i = 0; i < replicas; i++) {
            final int device = placement.device(layer, expert, i);
            if (load[device] == Double.POSITIVE_INFINITY) {
                continue;
            }
            final int here = classOf(device, local, far(load[device], limit));
            if (here < bestClass || here == bestClass && load[device] < load[best]) {
                best = device;
                bestClass = here;
            }
        }
        return best;
    }

    private int classOf(final int device, final int local, final boolean overloaded) {
        if (overloaded) {
            return 4;
        }
        if (device == local) {
            return 0;
        }
        if (isVisited(device)) {
            return 1;
        }
        return local != NONE && hostOfOrdinal[device] == hostOfOrdinal[local] ? 2 : 3;
    }

    private int owner(
            final Placement placement,
            final int layer,
            final int[] experts,
            final int offset,
            final int topK,
            final int from,
            final double[] load,
            final double limit,
            final int[] scratch) {
        int best = NONE;
        double bestCost = Double.POSITIVE_INFINITY;
        final int expert = experts[offset];
        final int replicas = placement.replicas(layer, expert);
        for (int i = 0; i < replicas; i++) {
            final int device = placement.device(layer, expert, i);
            if (load[device] == Double.POSITIVE_INFINITY) {
                continue;
            }
            double cost = 0;
            if (replicas > 1) {
                cost = assign(placement, layer, experts, offset, topK, from, device, load, limit, scratch);
                // Less than a vector: staying wins a tie.
                cost += (device == from ? 0 : STAYING) + (far(load[device], limit) ? 4 * topK : 0);
            }
            if (cost < bestCost || cost == bestCost && load[device] < load[best]) {
                best = device;
                bestCost = cost;
            }
        }
        return best;
    }
}
