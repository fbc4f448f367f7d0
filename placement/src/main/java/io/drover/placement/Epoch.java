package io.drover.placement;

/**
 * The version of a routing table: the term of the coordinator that published it, then a number that rises within the term.
 * A node refuses an epoch that does not come after the one it has.
 *
 * @param term   rises with every new coordinator, from 1
 * @param number rises with every publication of one coordinator, from 1
 */
public record Epoch(long term, long number) implements Comparable<Epoch> {
    /** Comes before every published epoch. */
    public static final Epoch NONE = new Epoch(0, 0);

    public Epoch {
        if (term < 0 || number < 0) {
            throw new IllegalArgumentException("epoch term and number are at least 0, not " + term + "." + number);
        }
    }

    public Epoch next() {
        return new Epoch(term, number + 1);
    }

    @Override
    public int compareTo(final Epoch other) {
        final int byTerm = Long.compare(term, other.term);
        return byTerm != 0 ? byTerm : Long.compare(number, other.number);
    }

    @Override
    public String toString() {
        return term + "." + number;
    }
}
