package io.drover.placement;

/**
 * What {@link CostModel#predict} expects of one step of {@code stepTokens} positions through all routed layers.
 *
 * @param computeSeconds  sum over layers of the slowest device's expert compute
 * @param transferSeconds sum over layers of the busiest device's transfers and the latency of two trips; not overlapped with compute
 * @param sameHostBytes   bytes between devices of one host, KV included
 * @param networkBytes    bytes between hosts, KV included
 * @param measured        the replay that it rests on
 */
public record Prediction(
        double computeSeconds, double transferSeconds, double sameHostBytes, double networkBytes, Measured measured) {
    public double stepSeconds() {
        return computeSeconds + transferSeconds;
    }
}
