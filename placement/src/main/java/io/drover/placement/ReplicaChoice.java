package io.drover.placement;

import java.util.Arrays;

/**
 * Which replica runs which of a token-layer's experts: the one rule that the router, the planners and {@link Measures} share, so
 * that a prediction means something.
 *
 * <p>An expert goes to the first of these that has one: the local device; a device that this token's layer already visits; a
 * device on the local device's host; any other. Within each, the least loaded, then the lowest ordinal. A device whose load exceeds
 * the caller's limit comes after all that do not; one of infinite load is never chosen.
 *
 * <p>Experts are taken in an order that makes visits known early: those that are on the local device, those with a single
 * replica, then the rest, each in gate-rank order. The local device is where outputs are combined. In {@link Mode#HOME} that is
 * the sequence's home. In {@link Mode#WALK} the highest-gate expert is placed first, on that of its replicas with which the layer
 * needs the fewest vectors (then: where the token is, then by load), and its device is local for the others.
 *
 * <p>Allocates nothing after construction. Holds scratch: one instance per thread.
 */
public final class ReplicaChoice {
    /** In place of a device: no replica can be used. */
    public static final int NONE = -1;

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
     * @param limit   load above which a device is avoided; infinite for no limit
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
        visits = 0;
        long open = topK == Long.SIZE ? -1L : (1L << topK) - 1;
        int local = from;
        if (mode == Mode.WALK) {
            local = owner(placement, layer, experts, offset, topK, from, load, limit);
            chosen[0] = local;
            open &= ~1L;
            visit(from);
            visit(local);
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
                    chosen[rank] = best(placement, layer, expert, local, load, limit);
                    visit(chosen[rank]);
                    open &= ~(1L << rank);
                }
            }
        }
        return local;
    }

    private static boolean usable(final int device, final double[] load, final double limit) {
        return load[device] <= limit && load[device] < Double.POSITIVE_INFINITY;
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
            final int here = classOf(device, local, load[device] > limit);
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
            final double limit) {
        int best = NONE;
        int bestCost = Integer.MAX_VALUE;
        final int expert = experts[offset];
        final int replicas = placement.replicas(layer, expert);
        for (int i = 0; i < replicas; i++) {
            final int device = placement.device(layer, expert, i);
            if (load[device] == Double.POSITIVE_INFINITY) {
                continue;
            }
            // Twice the vectors, so that staying wins a tie; more than any of it for a device over the limit.
            int cost = device == from ? 0 : 3;
            if (replicas > 1) {
                cost += load[device] > limit ? 8 * topK : 0;
                for (int rank = 1; rank < topK; rank++) {
                    final int other = experts[offset + rank];
                    if (!placement.hosts(device, layer, other)) {
                        cost += placement.hosts(from, layer, other) ? 2 : 4;
                    }
                }
            }
            if (cost < bestCost || cost == bestCost && load[device] < load[best]) {
                best = device;
                bestCost = cost;
            }
        }
        return best;
    }
}
