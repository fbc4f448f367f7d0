package io.drover.placement;

/** Counts of pairs (row expert, column expert) of one layer and {@link Relation}. */
interface PairTable {
    /** A count that falls below this by decay becomes 0, so that old pairs do not fill snapshots for ever. */
    float FORGOTTEN = 0.01f;

    void add(int row, int column, float count);

    /** The count, or 0 where none is kept. */
    float get(int row, int column);

    void scale(float factor);

    void forEach(int row, PairConsumer consumer);
}
