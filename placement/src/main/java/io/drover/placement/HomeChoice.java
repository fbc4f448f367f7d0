package io.drover.placement;

import java.util.Arrays;

/**
 * The home that a sequence should have in {@link Mode#HOME}, from what its first positions were routed to (its prompt, or an earlier
 * turn): the device with most of its experts.
 *
 * <p>Goals, in order: homes within the limit of load, since a home runs its sequences' attention; fewest vectors, where a local expert
 * saves its return, and the first of a token-layer a dispatch, too; least load; lowest ordinal. Not thread-safe.
 */
public final class HomeChoice {
    private final Placement placement;
    private final Topology topology;
    private final long[] saved;

    public HomeChoice(final Placement placement, final Topology topology) {
        this.placement = placement;
        this.topology = topology;
        saved = new long[topology.size()];
    }

    /** Forgets the sequence. */
    public void reset() {
        Arrays.fill(saved, 0);
    }

    /**
     * Counts one position of the sequence.
     *
     * @param experts [layer][rank]; a dense layer's row is not read
     */
    public void observe(final int[][] experts) {
        for (int layer = 0; layer < placement.layers(); layer++) {
            if (placement.experts(layer) > 0) {
                for (int index = 0; index < saved.length; index++) {
                    final int ordinal = topology.ordinal(index);
                    int local = 0;
                    for (final int expert : experts[layer]) {
                        local += placement.hosts(ordinal, layer, expert) ? 1 : 0;
                    }
                    saved[index] += local > 0 ? local + 1 : 0;
                }
            }
        }
    }

    /** Vectors that the observed positions would have saved with a home. @param index the device's topology index */
    public long saved(final int index) {
        return saved[index];
    }

    /**
     * @param load  by device ordinal: positions, or sequences, homed there; infinite for a device that must not be used
     * @param limit load from which on a device gets no further home where another can be had
     * @return a device ordinal
     * @throws IllegalArgumentException if every device's load is infinite
     */
    public int choose(final double[] load, final double limit) {
        int best = -1;
        for (int index = 0; index < saved.length; index++) {
            if (load[topology.ordinal(index)] < Double.POSITIVE_INFINITY
                    && (best < 0 || better(index, best, load, limit))) {
                best = index;
            }
        }
        if (best < 0) {
            throw new IllegalArgumentException("none of " + saved.length + " devices may be a home");
        }
        return topology.ordinal(best);
    }

    private boolean better(final int a, final int b, final double[] load, final double limit) {
        final double loadA = load[topology.ordinal(a)];
        final double loadB = load[topology.ordinal(b)];
        if (loadA < limit != loadB < limit) {
            return loadA < limit;
        }
        if (loadA >= limit) {
            return loadA < loadB;
        }
        return saved[a] != saved[b] ? saved[a] > saved[b] : loadA < loadB;
    }
}
