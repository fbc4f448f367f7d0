package io.drover.actors;

/**
 * One replica of one expert. A device holds at most one replica of an expert, so the device's ordinal tells replicas apart.
 *
 * @param layer  the model's layer
 * @param expert the expert's index in its layer
 * @param device the ordinal of the device that holds it
 */
public record ReplicaId(int layer, int expert, int device) {
    /** The sharding entity id, e.g. {@code L3/E17#2}. */
    @Override
    public String toString() {
        return "L" + layer + "/E" + expert + "#" + device;
    }
}
