package io.drover.placement.lab;

import io.drover.placement.Wire;

/**
 * What no placement can go below on given routing; computed by {@link Bounds}, which says what is saved.
 *
 * @param imbalance the imbalance in each layer up to which it holds; infinite if it holds for any
 * @param saved     most vectors saved per token-layer
 * @param whole     greatest share of token-layers that are wholly local
 * @param returns   returns per token-layer if nothing were local: top-k in home, top-k - 1 in walk
 */
record LowerBound(double imbalance, double saved, double whole, int returns) {
    /** Vectors per token-layer. */
    double vectors() {
        return returns + 1 - saved;
    }

    /** Copies per token-layer. */
    double copies() {
        return 2 * (1 - whole);
    }

    /** Bytes per token-layer. */
    double bytes(final Wire wire) {
        return vectors() * Math.min(wire.vectorBytes(), wire.residualBytes()) + wire.kvBytesSent();
    }
}
