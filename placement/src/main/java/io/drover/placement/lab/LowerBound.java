package io.drover.placement.lab;

import io.drover.placement.Wire;

/**
 * What no placement can go below on given routing; computed by {@link Bounds}.
 *
 * @param imbalance the imbalance in each layer up to which it holds; infinite if it holds for any
 * @param local     most calls per token-layer that can run where outputs are combined, in walk without the highest-gate expert's own
 * @param needed    returns per token-layer if nothing were local: top-k in home, top-k - 1 in walk
 */
record LowerBound(double imbalance, double local, int needed) {
    /** Share of token-layers that can be wholly local, and so need no vector. */
    private double whole() {
        return needed == 0 ? 1 : Math.min(1, local / needed);
    }

    /** Vectors per token-layer. */
    double vectors() {
        return needed - local + 1 - whole();
    }

    /** Copies per token-layer. */
    double copies() {
        return needed == 0 ? 0 : 2 * (1 - whole());
    }

    /** Bytes per token-layer. */
    double bytes(final Wire wire) {
        return (needed - local) * wire.vectorBytes() + (1 - whole()) * Math.min(wire.vectorBytes(), wire.residualBytes())
                + wire.kvBytesSent();
    }
}
