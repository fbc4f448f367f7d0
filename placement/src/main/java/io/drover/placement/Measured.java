package io.drover.placement;

/**
 * What {@link Measures} found; traffic is per token-layer.
 *
 * @param positions          positions replayed
 * @param tokenLayers        positions times routed layers
 * @param sameHost           traffic between devices of one host
 * @param network            traffic between hosts
 * @param imbalance          mean over routed layers of (busiest device's token-expert calls / mean over devices), at least 1
 * @param balancedness       vLLM's: (sum over layers of the mean) / (sum over layers of the busiest), at most 1
 * @param attentionImbalance imbalance of the positions that devices run attention for
 */
public record Measured(
        long positions,
        long tokenLayers,
        Traffic sameHost,
        Traffic network,
        double imbalance,
        double balancedness,
        double attentionImbalance) {
    /** Traffic between devices, whatever the tier. */
    public Traffic traffic() {
        return sameHost.plus(network);
    }

    /** Vectors per token-layer. */
    public double vectors() {
        return traffic().vectors();
    }

    /** Copies per token-layer: vectors with one return per other device. */
    public double copies() {
        return traffic().copies();
    }

    /** Bytes per token-layer for the wire's vectors, residuals, and KV entries to the context's other holders. */
    public double bytes(final Wire wire) {
        return traffic().bytes(wire) + wire.kvBytesSent();
    }
}
