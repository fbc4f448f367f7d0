package io.drover.placement;

/**
 * What a tier's link carries.
 *
 * @param bytesPerSecond bandwidth of one device in one direction; above 0, may be infinite
 * @param latencySeconds time of an empty message; at least 0
 */
public record Link(double bytesPerSecond, double latencySeconds) {
    /** Costs nothing: a device to itself. */
    public static final Link FREE = new Link(Double.POSITIVE_INFINITY, 0);

    public Link {
        if (!(bytesPerSecond > 0) || !(latencySeconds >= 0)) {
            throw new IllegalArgumentException("a link has more than 0 bytes/s and at least 0 s latency, not "
                    + bytesPerSecond + " bytes/s and " + latencySeconds + " s");
        }
    }
}
