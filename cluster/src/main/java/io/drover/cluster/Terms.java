package io.drover.cluster;

/** The terms of one member's coordinators: no two members ever share one, even where the second has not heard of the first. */
final class Terms {
    private static final long STRIDE = 1024;

    private final int number;
    private long highest;

    /**
     * @param number of the coordinator's member; no two that live at once or soon after each other have the same
     * @param last   highest term that an earlier coordinator of the same member has used
     */
    Terms(final int number, final long last) {
        this.number = number;
        highest = last;
    }

    /** Somebody has obeyed a coordinator of this term. */
    void heard(final long term) {
        highest = Math.max(highest, term);
    }

    /** The member's own next term, above all that it has heard of. */
    long next() {
        final long above = highest + 1;
        highest = above + Math.floorMod(number - above, STRIDE);
        return highest;
    }
}
