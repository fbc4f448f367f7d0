package io.drover.actors;

/**
 * What is on its way to other nodes, and until when it is waited for. A shipment is the rows of one layer in one frame to one
 * peer. A pure step machine: the clock comes in as {@code nowNs}, and what is to be done goes out through {@link Actions}.
 *
 * <pre>
 * state             leaves when
 * FREE              open: a frame was offered                                    -> UNRECEIVED
 * UNRECEIVED        acknowledged by the peer                                     -> RUNNING
 *                   receipt deadline: unreceived(id), the shell re-sends         -> FREE (or expired(id) after the last attempt)
 * RUNNING           result deadline: late(id), the shell may send elsewhere; the deadline is pushed out, doubling
 *                   call timeout since the first attempt: expired(id)            -> FREE
 * UNRECEIVED, RUNNING   hedge deadline: overdue(id), the shell may call another replica besides; again each time it passes
 *                   the last of its calls has returned, or was taken over        -> FREE
 *                   the peer is lost: unreceived(id)                             -> FREE
 * </pre>
 */
final class CallLedger {
    static final int NONE = -1;

    private static final byte FREE = 0;
    private static final byte UNRECEIVED = 1;
    private static final byte RUNNING = 2;

    /** What the machine asks of its shell. The shipment is free when one of {@code unreceived} and {@code expired} is called. */
    interface Actions {
        /** The peer has not said that it received the frame: send its outstanding calls again, elsewhere or to the same peer. */
        void unreceived(int shipment, int peer, int attempts);

        /** The peer has the frame and is late, for the {@code times}-th time: send its outstanding calls to another replica. */
        void late(int shipment, int peer, int times);

        /**
         * The frame takes longer than usual: its outstanding calls may be given to another replica besides.
         *
         * @param elapsedNs since it was sent; -1 if this node stood still meanwhile
         */
        void overdue(int shipment, int peer, long elapsedNs, long nowNs);

        /** The peer is no longer heard: send the outstanding calls of its frame to other replicas, where there are any. */
        void suspected(int shipment, int peer);

        /** Nobody has answered in time: the outstanding calls have failed. */
        void expired(int shipment, int peer);
    }

    /**
     * @param receiptTimeoutNs    how long a peer may take to acknowledge
     * @param resultFloorNs       added to every predicted result time
     * @param resultFactor        times the peer's own prediction
     * @param callTimeoutNs       after this a call has failed
     * @param maxAttempts         frames sent for one call before it has failed
     * @param maxShipments        shipments open at once
     */
    record Limits(long receiptTimeoutNs, long resultFloorNs, double resultFactor, long callTimeoutNs, int maxAttempts,
            int maxShipments) {}

    private final Limits limits;
    private final byte[] state;
    private final int[] peer;
    private final int[] attempts;
    private final int[] remaining;
    private final int[] lateness;
    private final long[] sequence;
    private final long[] firstSentNs;
    private final long[] deadlineNs;
    private final long[] patienceNs;
    private final long[] sentNs;
    private final long[] hedgeAfterNs;
    private final long[] hedgeAtNs;
    private final int[] units;
    private final int[] free;
    private int freeCount;
    private long pausedNs = Long.MIN_VALUE / 2;

    CallLedger(final Limits limits) {
        this.limits = limits;
        final int n = limits.maxShipments();
        state = new byte[n];
        peer = new int[n];
        attempts = new int[n];
        remaining = new int[n];
        lateness = new int[n];
        sequence = new long[n];
        firstSentNs = new long[n];
        deadlineNs = new long[n];
        patienceNs = new long[n];
        sentNs = new long[n];
        hedgeAfterNs = new long[n];
        hedgeAtNs = new long[n];
        units = new int[n];
        free = new int[n];
        for (int i = 0; i < n; i++) {
            free[i] = n - 1 - i;
        }
        freeCount = n;
    }

    /**
     * A frame has been given to the peer's link.
     *
     * @param calls         expert calls in it, at least 1
     * @param frameSequence how the peer's acknowledgement names it
     * @param attempt       1 for the first frame that carries these calls
     * @param firstNs       when the first of these calls was first sent
     * @param workUnits     of {@link PeerPace}
     * @param hedgeNs       after which it is overdue
     * @return the shipment, or {@link #NONE} if too many are open
     */
    int open(final int toPeer, final long frameSequence, final int calls, final int attempt, final long firstNs,
            final int workUnits, final long hedgeNs, final long nowNs) {
        if (freeCount == 0) {
            return NONE;
        }
        final int id = free[--freeCount];
        state[id] = UNRECEIVED;
        peer[id] = toPeer;
        sequence[id] = frameSequence;
        attempts[id] = attempt;
        remaining[id] = calls;
        lateness[id] = 0;
        firstSentNs[id] = firstNs;
        patienceNs[id] = 0;
        units[id] = workUnits;
        sentNs[id] = nowNs;
        hedgeAfterNs[id] = hedgeNs;
        hedgeAtNs[id] = nowNs + hedgeNs;
        deadlineNs[id] = Math.min(nowNs + limits.receiptTimeoutNs(), firstNs + limits.callTimeoutNs());
        return id;
    }

    /** @param predictedNs the peer's estimate of when it will have run the frame's rows */
    void acknowledged(final int fromPeer, final long frameSequence, final long predictedNs, final long nowNs) {
        for (int id = 0; id < state.length; id++) {
            if (state[id] == UNRECEIVED && peer[id] == fromPeer && sequence[id] == frameSequence) {
                state[id] = RUNNING;
                patienceNs[id] = limits.resultFloorNs() + (long) (limits.resultFactor() * Math.max(0, predictedNs));
                deadlineNs[id] = nowNs + patienceNs[id];
                return;
            }
        }
    }

    /**
     * One call of the shipment has come back. Returns how long the whole shipment took if this was its last call, and if this node
     * did not stand still meanwhile; otherwise -1.
     */
    long returned(final int shipment, final long nowNs) {
        settled(shipment);
        return state[shipment] == FREE ? elapsedNs(shipment, nowNs) : -1;
    }

    private long elapsedNs(final int id, final long nowNs) {
        return sentNs[id] - pausedNs < 0 ? -1 : nowNs - sentNs[id];
    }

    /** This node stood still until now: how long peers took to answer what was sent before is not known. */
    void paused(final long nowNs) {
        pausedNs = nowNs;
    }

    /** One call of the shipment has come back, has been taken over by another shipment, or is no longer wanted. */
    void settled(final int shipment) {
        if (state[shipment] != FREE && --remaining[shipment] == 0) {
            release(shipment);
        }
    }

    /** Handles every deadline that has passed. */
    void poll(final long nowNs, final Actions actions) {
        for (int id = 0; id < state.length; id++) {
            if (state[id] != FREE && nowNs - hedgeAtNs[id] >= 0) {
                hedgeAtNs[id] = nowNs + hedgeAfterNs[id];
                actions.overdue(id, peer[id], elapsedNs(id, nowNs), nowNs);
            }
            if (state[id] != FREE && nowNs - deadlineNs[id] >= 0) {
                due(id, nowNs, actions);
            }
        }
    }

    private void due(final int id, final long nowNs, final Actions actions) {
        final boolean timedOut = nowNs - firstSentNs[id] >= limits.callTimeoutNs();
        if (timedOut || state[id] == UNRECEIVED && attempts[id] >= limits.maxAttempts()) {
            release(id);
            actions.expired(id, peer[id]);
        } else if (state[id] == UNRECEIVED) {
            release(id);
            actions.unreceived(id, peer[id], attempts[id]);
        } else {
            patienceNs[id] *= 2;
            deadlineNs[id] = Math.min(nowNs + patienceNs[id], firstSentNs[id] + limits.callTimeoutNs());
            actions.late(id, peer[id], ++lateness[id]);
        }
    }

    /** The peer is no longer heard. What it has received may yet come back. */
    void peerSuspected(final int suspect, final Actions actions) {
        for (int id = 0; id < state.length; id++) {
            if (state[id] != FREE && peer[id] == suspect) {
                actions.suspected(id, suspect);
            }
        }
    }

    /** The peer's process is gone: nothing it has received will come back. */
    void peerLost(final int lostPeer, final Actions actions) {
        for (int id = 0; id < state.length; id++) {
            if (state[id] != FREE && peer[id] == lostPeer) {
                release(id);
                actions.unreceived(id, lostPeer, attempts[id]);
            }
        }
    }

    private void release(final int id) {
        state[id] = FREE;
        free[freeCount++] = id;
    }

    boolean hasRoom() {
        return freeCount > 0;
    }

    int units(final int shipment) {
        return units[shipment];
    }

    int peer(final int shipment) {
        return peer[shipment];
    }

    int attempts(final int shipment) {
        return attempts[shipment];
    }

    long firstSentNs(final int shipment) {
        return firstSentNs[shipment];
    }
}
