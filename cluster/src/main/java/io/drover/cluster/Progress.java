package io.drover.cluster;

/**
 * A step of a node's start, for people.
 *
 * @param node  the node's name
 * @param stage what it is doing
 * @param done  of {@code total}; both 0 where there is nothing to count
 * @param total see {@code done}
 * @param text  one line
 */
public record Progress(String node, Stage stage, int done, int total, String text) {
    /** What a node does while it starts, in this order. */
    public enum Stage {
        /** Maps and checks the model, starts its actor system. */
        OPENING,
        /** Looks for the cluster and is taken in. */
        JOINING,
        /** Starts its engine under its id. */
        STARTING,
        /** Loads its experts, counted in replicas. */
        LOADING,
        /** Waits for the rest of the cluster. */
        WAITING,
        /** Serves. */
        READY
    }
}
