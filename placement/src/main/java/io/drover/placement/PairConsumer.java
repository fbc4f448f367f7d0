package io.drover.placement;

/** Takes the kept pairs of a row, columns in no particular order. */
@FunctionalInterface
public interface PairConsumer {
    void accept(int column, float count);
}
