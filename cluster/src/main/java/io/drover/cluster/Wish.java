package io.drover.cluster;

/**
 * What an operator wants of the coordinator. Fields that a kind does not use are empty or -1.
 *
 * @param kind      what
 * @param operation of CANCEL: the operation; of LOOK: the only one to see, empty for all and the moves
 * @param layer     of MOVE
 * @param expert    of MOVE
 * @param node      of DRAIN: the node to empty; of MOVE: the node to load on, empty to drop a replica only
 * @param from      of MOVE: the node to leave, {@link #NONE} to add a replica, empty for the only one that has it
 */
public record Wish(Kind kind, String operation, int layer, int expert, String node, String from) {
    /** In place of the name of a node to leave: no node is left. */
    public static final String NONE = "none";

    /** What can be wanted. */
    public enum Kind {
        /** To see operations and moves. */
        LOOK,
        /** An expert moved, added or dropped. */
        MOVE,
        /** A node emptied of experts. */
        DRAIN,
        /** A plan made and carried out now. */
        REBALANCE_NOW,
        /** Moves for gain allowed. */
        REBALANCE_ON,
        /** Moves for gain forbidden. */
        REBALANCE_OFF,
        /** An operation given up. */
        CANCEL
    }

    public static Wish of(final Kind kind) {
        return new Wish(kind, "", -1, -1, "", "");
    }

    /** To see one operation, and nothing else. */
    public static Wish look(final String operation) {
        return new Wish(Kind.LOOK, operation, -1, -1, "", "");
    }

    public static Wish move(final int layer, final int expert, final String node, final String from) {
        return new Wish(Kind.MOVE, "", layer, expert, node, from);
    }

    public static Wish drain(final String node) {
        return new Wish(Kind.DRAIN, "", -1, -1, node, "");
    }

    public static Wish cancel(final String operation) {
        return new Wish(Kind.CANCEL, operation, -1, -1, "", "");
    }
}
