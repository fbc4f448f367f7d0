package io.drover.placement;

/** All pairs of a small layer. */
final class DensePairs implements PairTable {
    private final int columns;
    private final float[] counts;

    DensePairs(final int rows, final int columns) {
        this.columns = columns;
        counts = new float[rows * columns];
    }

    @Override
    public void add(final int row, final int column, final float count) {
        counts[row * columns + column] += count;
    }

    @Override
    public float get(final int row, final int column) {
        return counts[row * columns + column];
    }

    @Override
    public void scale(final float factor) {
        for (int i = 0; i < counts.length; i++) {
            counts[i] = counts[i] * factor < FORGOTTEN ? 0 : counts[i] * factor;
        }
    }

    @Override
    public void forEach(final int row, final PairConsumer consumer) {
        for (int column = 0; column < columns; column++) {
            final float count = counts[row * columns + column];
            if (count > 0) {
                consumer.accept(column, count);
            }
        }
    }
}
