package io.drover.placement;

/**
 * A place where expert replicas live: a GPU, or a node's CPU cores.
 *
 * @param ordinal      given out once by the cluster and never reused; what {@link Placement} names
 * @param nodeId       the node process that owns it; it is lost with that node
 * @param host         the machine; devices of one host do not cross the network
 * @param kernelFamily {@code cpu}, {@code cuda} or a library's name; an expert's replicas share one family
 * @param memoryBytes  memory for expert weights
 * @param slots        most replicas it may hold over all layers, whatever its memory; 0 for a device that is leaving
 * @param rate         how fast it computes
 */
public record Device(
        int ordinal, String nodeId, String host, String kernelFamily, long memoryBytes, int slots, ComputeRate rate) {
    public Device {
        if (ordinal < 0 || memoryBytes < 0 || slots < 0) {
            throw new IllegalArgumentException("device ordinal, memory and slots are at least 0, not " + ordinal + ", "
                    + memoryBytes + " bytes, " + slots + " slots");
        }
    }

    public Device withRate(final ComputeRate newRate) {
        return new Device(ordinal, nodeId, host, kernelFamily, memoryBytes, slots, newRate);
    }

    public Device withSlots(final int newSlots) {
        return new Device(ordinal, nodeId, host, kernelFamily, memoryBytes, newSlots, rate);
    }
}
