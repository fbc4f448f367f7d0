package io.drover.actors;

/**
 * What the gates chose for consecutive positions of one sequence.
 *
 * @param sequence  a name that is the same for all records of the sequence, at whatever home
 * @param positions at least 1
 * @param topK      experts of a position in each routed layer
 * @param experts   [position, routed layer, rank], highest gate first; not to be changed
 * @param weights   gate weights in the same shape; not to be changed
 */
public record RoutingRecord(String sequence, int positions, int topK, short[] experts, float[] weights) {
    long bytes() {
        return 64 + (long) experts.length * (Short.BYTES + Float.BYTES);
    }
}
