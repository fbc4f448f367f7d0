package io.drover.placement;

/**
 * Limits of a plan beside the devices' own slots and memory.
 *
 * @param minReplicas f: replicas of each expert on distinct nodes, at least 1
 * @param moveBytes   most weight bytes that may be loaded to get from the current placement to the planned one. What a lost
 *                    expert or the f-rule needs is loaded in any case, and comes first out of the budget
 */
public record Budget(int minReplicas, long moveBytes) {
    /** One replica, any number of moves. */
    public static final Budget UNLIMITED = new Budget(1, Long.MAX_VALUE);

    public Budget {
        if (minReplicas < 1 || moveBytes < 0) {
            throw new IllegalArgumentException("minReplicas is at least 1 and moveBytes at least 0, not " + minReplicas + " and "
                    + moveBytes);
        }
    }
}
