package io.drover.placement;

import org.jspecify.annotations.Nullable;

/** A change of one expert's replicas while it is under way: load on {@code to}, publish, drop from {@code from}. */
public final class RebalanceMove {
    /** Names a move for ever: the coordinator's term, then a number that rises within the term. */
    public record Id(long term, long number) implements Comparable<Id> {
        @Override
        public int compareTo(final Id other) {
            final int byTerm = Long.compare(term, other.term);
            return byTerm != 0 ? byTerm : Long.compare(number, other.number);
        }

        @Override
        public String toString() {
            return "M" + term + "." + number;
        }
    }

    /** Why a move is made, most urgent first. */
    public enum Why {
        /** The expert has no live replica. */
        RESTORE,
        /** It has fewer than f on distinct nodes. */
        FLOOR,
        /** It must give its place to an expert that has none. */
        ROOM,
        /** Its node is leaving. */
        DRAIN,
        /** The operator asked. */
        OPERATOR,
        /** An earlier move did not pay. */
        UNDO,
        /** The plan predicts a gain above the cost. */
        GAIN,
        /** What an earlier coordinator had begun is cleared away. */
        CLEAR
    }

    /** What the move waits for. */
    enum Phase {
        /** LoadDone. */
        LOADING,
        /** Every node in an epoch that does not name the old replica. */
        RETIRING,
        /** DropDone of the old replica. */
        DROPPING,
        /** DropDone of the load that was given up. */
        DISCARDING
    }

    final Id id;
    final Why why;
    /** Of the expert, in the inventory. */
    final int key;
    final int layer;
    final int expert;
    int from;
    final int to;
    final long startedNs;
    Phase phase;
    boolean acknowledged;
    int sends;
    long resendNs;
    long deadlineNs;
    /** When it is to be looked at again, unless it retires. */
    long timerNs;
    Epoch retiredAt = Epoch.NONE;
    @Nullable
    String failure;
    String rollbackReason = "";

    RebalanceMove(
            final Id id,
            final Why why,
            final int key,
            final int layer,
            final int expert,
            final int from,
            final int to,
            final long startedNs) {
        this.id = id;
        this.why = why;
        this.key = key;
        this.layer = layer;
        this.expert = expert;
        this.from = from;
        this.to = to;
        this.startedNs = startedNs;
        this.phase = to >= 0 ? Phase.LOADING : Phase.RETIRING;
    }

    /** The device that has to do something now. */
    int device() {
        return phase == Phase.LOADING || phase == Phase.DISCARDING ? to : from;
    }

    @Override
    public String toString() {
        return id + " L" + layer + "/E" + expert + " " + from + "->" + to + " " + why + " " + phase;
    }
}
