package io.drover.actors;

import java.util.Arrays;

/** Positions of one sequence that are being recorded and not yet on the {@link RoutingTape}. */
final class RoutingPath {
    private final String sequence;
    private final int topK;
    private final int stride;
    private final short[] experts;
    private final float[] weights;
    private int positions;

    /** @param capacity positions of a record */
    RoutingPath(final String sequence, final int topK, final int stride, final int capacity) {
        this.sequence = sequence;
        this.topK = topK;
        this.stride = stride;
        experts = new short[stride * capacity];
        weights = new float[stride * capacity];
    }

    void add(final short[] fromExperts, final float[] fromWeights, final int offset) {
        System.arraycopy(fromExperts, offset, experts, positions * stride, stride);
        System.arraycopy(fromWeights, offset, weights, positions * stride, stride);
        positions++;
    }

    boolean isFull() {
        return (positions + 1) * stride > experts.length;
    }

    /** Puts what there is onto the tape. */
    void flush(final RoutingTape tape) {
        if (positions > 0) {
            final int length = positions * stride;
            tape.add(
                    new RoutingRecord(sequence, positions, topK, Arrays.copyOf(experts, length), Arrays.copyOf(weights, length)));
            positions = 0;
        }
    }
}
