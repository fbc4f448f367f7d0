package io.drover.model.forward;

/**
 * Cosines and sines of the rotary embedding (Su et al. 2021) in float32, computed in double by {@link StrictMath}, whose results are the
 * same on every machine. Filled in blocks of positions as they come up. Used by one thread.
 */
final class RopeTable {
    private static final int BLOCK = 256;

    private final int half;
    private final double[] frequencies;
    private final float[][] blocks;

    RopeTable(final int headDim, final double theta, final int maxPositions) {
        half = headDim / 2;
        frequencies = new double[half];
        for (int i = 0; i < half; i++) {
            frequencies[i] = 1 / StrictMath.pow(theta, 2.0 * i / headDim);
        }
        blocks = new float[(maxPositions + BLOCK - 1) / BLOCK][];
    }

    /**
     * Rotates heads in place: dimension i with dimension i + headDim / 2.
     *
     * @param x [heads, headDim] from {@code offset}
     */
    void rotate(final float[] x, final int offset, final int heads, final int position) {
        final float[] table = block(position / BLOCK);
        final int cosines = position % BLOCK * 2 * half;
        final int sines = cosines + half;
        for (int head = 0; head < heads; head++) {
            final int low = offset + head * 2 * half;
            final int high = low + half;
            for (int i = 0; i < half; i++) {
                final float a = x[low + i];
                final float b = x[high + i];
                x[low + i] = a * table[cosines + i] - b * table[sines + i];
                x[high + i] = b * table[cosines + i] + a * table[sines + i];
            }
        }
    }

    private float[] block(final int index) {
        if (blocks[index] == null) {
            final float[] block = new float[BLOCK * 2 * half];
            for (int i = 0; i < BLOCK; i++) {
                for (int j = 0; j < half; j++) {
                    final double angle = (double) (index * BLOCK + i) * frequencies[j];
                    block[i * 2 * half + j] = (float) StrictMath.cos(angle);
                    block[i * 2 * half + half + j] = (float) StrictMath.sin(angle);
                }
            }
            blocks[index] = block;
        }
        return blocks[index];
    }
}
