package io.drover.placement;

/**
 * What crosses between devices, per token-layer.
 *
 * @param dispatches    expert inputs: one per other device that runs one of the token's experts, the residual's goal excepted
 * @param residuals     residuals handed over, in walk
 * @param returns       expert outputs: one per expert that runs elsewhere than where outputs are combined
 * @param deviceReturns the same with one per device, as if sums were made before the return
 */
public record Traffic(double dispatches, double residuals, double returns, double deviceReturns) {
    /** Hidden-size vectors. */
    public double vectors() {
        return dispatches + residuals + returns;
    }

    /** Hidden-size vectors if each device returned one sum. */
    public double copies() {
        return dispatches + residuals + deviceReturns;
    }

    /** Bytes, KV not included. */
    public double bytes(final Wire wire) {
        return (dispatches + returns) * wire.vectorBytes() + residuals * wire.residualBytes();
    }

    Traffic plus(final Traffic other) {
        return new Traffic(dispatches + other.dispatches, residuals + other.residuals, returns + other.returns,
                deviceReturns + other.deviceReturns);
    }
}
