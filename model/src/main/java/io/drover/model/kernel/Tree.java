package io.drover.model.kernel;

/** Fixed trees that close a set of partial sums: always the halves, lane by lane. */
final class Tree {
    private Tree() {}

    /** Sum of {@code lanes[0..31]}; the lanes are overwritten. */
    static float sum32(final float[] lanes) {
        for (int i = 0; i < 16; i++) {
            lanes[i] += lanes[i + 16];
        }
        return sum16(lanes);
    }

    /** Sum of {@code lanes[0..15]}; the lanes are overwritten. */
    static float sum16(final float[] lanes) {
        for (int half = 8; half > 0; half /= 2) {
            for (int i = 0; i < half; i++) {
                lanes[i] += lanes[i + half];
            }
        }
        return lanes[0];
    }
}
