package io.drover.actors;

/** Consecutive positions of one sequence on their way through the layers; reused. */
final class Chunk {
    Sequence sequence;
    /** The rows' slots in the node's slab, in order of position. */
    final int[] slots;
    int count;
    /** The layer it is in, or will enter next. */
    int layer;
    /** Expert outputs of this layer that have not arrived. */
    int awaiting;
    /** Expert calls that its rows have been routed to so far. */
    int calls;
    /** Whether it computes a single position at the end of its sequence. */
    boolean decode;
    /** When it became ready, on a counter. */
    long readyOrder;

    Chunk(final int capacity) {
        slots = new int[capacity];
    }
}
