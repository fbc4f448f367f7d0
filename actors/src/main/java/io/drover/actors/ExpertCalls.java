package io.drover.actors;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import io.drover.model.forward.Rows;

/**
 * The expert calls of this node's own rows: each goes to a local port or, with the other calls of its row for the same node,
 * into one frame to that node; each comes back exactly once, whatever is lost, doubled or late on the way.
 *
 * <p>A call is named by (slot, generation, rank). A slot's generation rises each time its row enters or leaves a layer, so an
 * answer that nobody waits for any more is recognised. The row's input stays in the slab until all its calls are back, so a
 * frame can be built again at any time. Compute thread only.
 */
final class ExpertCalls implements CallLedger.Actions {
    /** Who is told. */
    interface Listener {
        /** Every call of the chunk is back. */
        void chunkReady(Chunk chunk);

        /** A call of the chunk cannot be answered. */
        void chunkFailed(Chunk chunk, String code, String message);
    }

    /** Sends one frame of rows to a peer. */
    interface Sender {
        /** Starts the row, in a new frame if it does not fit the current one. */
        void addRow(int node, int layer, int attempt, long firstSentNs, int slot, long callId, int rankCount);

        void addExpert(int node, int slot, int expert, int rank);

        /** Ends the row begun last with the slot's input. */
        void endRow(int node, int slot);

        /** Gives every begun frame to its link. */
        void flush(long nowNs);
    }

    /** Counters, read by the engine's status. */
    static final class Counters {
        long localCalls;
        long remoteCalls;
        long repeatedCalls;
        long duplicateReturns;
        long refusedCalls;
        long failedCalls;
        long hedgedCalls;
        long hedgesWon;
    }

    private static final int SLOT_BITS = 24;

    private final int self;
    private final Rows rows;
    private final int topK;
    private final int hidden;
    private final Router router;
    private final LocalExperts experts;
    private final CallLedger ledger;
    private final PeerPace pace;
    private final HedgeBudget budget;
    private final long callTimeoutNs;
    private final Listener listener;
    private final Sender sender;
    private final Counters counters = new Counters();

    private final Chunk[] chunkOf;
    private final int[] generation;
    private final int[] layerOf;
    /** When the slot's row entered its layer. */
    private final long[] enteredNs;
    private final long[] outstanding;
    private final int[] shipmentOf;
    /** Ranks that wait or run at a port of this node. */
    private final long[] localRanks;
    /** Ranks whose call some replica has been given since the row entered its layer. */
    private final long[] givenRanks;
    /** Ranks that are to have a second call, ranks that have one, and who had the first. */
    private final long[] dueHedges;
    private final long[] hedgedRanks;
    private final int[] hedgedFrom;

    private final List<ExpertPort> touched = new ArrayList<>();
    private final int[] target;
    private final Parked parked = new Parked();

    /** Calls that no node can take now: tried again at every tick, and failed when their time is up. */
    private static final class Parked {
        int[] slot = new int[64];
        int[] generation = new int[64];
        int[] rank = new int[64];
        int[] avoid = new int[64];
        int[] attempt = new int[64];
        int size;

        void add(final int aSlot, final int aGeneration, final int aRank, final int avoidNode, final int attempts) {
            if (size == slot.length) {
                final int capacity = size * 2;
                slot = Arrays.copyOf(slot, capacity);
                generation = Arrays.copyOf(generation, capacity);
                rank = Arrays.copyOf(rank, capacity);
                avoid = Arrays.copyOf(avoid, capacity);
                attempt = Arrays.copyOf(attempt, capacity);
            }
            slot[size] = aSlot;
            generation[size] = aGeneration;
            rank[size] = aRank;
            avoid[size] = avoidNode;
            attempt[size++] = attempts;
        }
    }

    ExpertCalls(final int self, final Rows rows, final Router router, final LocalExperts experts, final CallLedger ledger,
            final PeerPace pace, final HedgeBudget budget, final long callTimeoutNs, final Sender sender,
            final Listener listener) {
        this.self = self;
        this.rows = rows;
        this.router = router;
        this.experts = experts;
        this.ledger = ledger;
        this.pace = pace;
        this.budget = budget;
        this.callTimeoutNs = callTimeoutNs;
        this.sender = sender;
        this.listener = listener;
        topK = rows.maxTopK();
        hidden = rows.hidden();
        chunkOf = new Chunk[rows.capacity()];
        generation = new int[rows.capacity()];
        layerOf = new int[rows.capacity()];
        enteredNs = new long[rows.capacity()];
        outstanding = new long[rows.capacity()];
        shipmentOf = new int[rows.capacity() * topK];
        Arrays.fill(shipmentOf, CallLedger.NONE);
        localRanks = new long[rows.capacity()];
        givenRanks = new long[rows.capacity()];
        dueHedges = new long[rows.capacity()];
        hedgedRanks = new long[rows.capacity()];
        hedgedFrom = new int[rows.capacity() * topK];
        target = new int[topK];
    }

    /** Sends every row of a chunk that has just been routed to its {@code calls} experts. */
    void dispatch(final Chunk chunk, final int layer, final int calls, final long nowNs) {
        chunk.awaiting = chunk.count * calls;
        final long all = calls == Long.SIZE ? -1L : (1L << calls) - 1;
        for (int i = 0; i < chunk.count; i++) {
            final int slot = chunk.slots[i];
            chunkOf[slot] = chunk;
            layerOf[slot] = layer;
            enteredNs[slot] = nowNs;
            generation[slot] = generation[slot] + 1 & Tag.GENERATION_MASK;
            outstanding[slot] = all;
            localRanks[slot] = 0;
            givenRanks[slot] = 0;
            dueHedges[slot] = 0;
            hedgedRanks[slot] = 0;
            send(slot, all, Router.NOBODY, 1);
        }
    }

    /** Gives frames to the links and asks the local replicas to run; after the last {@link #dispatch} of a step. */
    void flush(final long nowNs) {
        sender.flush(nowNs);
        for (int i = 0; i < touched.size(); i++) {
            touched.get(i).signal();
        }
        touched.clear();
    }

    private void send(final int slot, final long ranks, final int avoid, final int attempt) {
        final int layer = layerOf[slot];
        if (attempt == 1 && avoid == Router.NOBODY && (ranks & ranks + 1) == 0) {
            router.choose(layer, rows.experts(), slot * topK, Long.bitCount(ranks), target);
        } else {
            for (long left = ranks; left != 0; left &= left - 1) {
                final int rank = Long.numberOfTrailingZeros(left);
                target[rank] = router.chooseOther(layer, rows.experts()[slot * topK + rank], avoid);
            }
        }
        for (long left = ranks; left != 0; left &= left - 1) {
            final int rank = Long.numberOfTrailingZeros(left);
            final int node = target[rank];
            if (node == self) {
                sendLocal(slot, layer, rank, attempt);
            } else if (node == Router.NOBODY) {
                parked.add(slot, generation[slot], rank, avoid, attempt);
            } else if (firstFor(node, ranks, rank)) {
                sendRemote(slot, layer, ranks, node, attempt);
            }
        }
    }

    private boolean firstFor(final int node, final long ranks, final int rank) {
        for (long left = ranks & (1L << rank) - 1; left != 0; left &= left - 1) {
            if (target[Long.numberOfTrailingZeros(left)] == node) {
                return false;
            }
        }
        return true;
    }

    private void sendLocal(final int slot, final int layer, final int rank, final int attempt) {
        final ExpertPort port = experts.port(layer, rows.experts()[slot * topK + rank]);
        if (port == null) {
            parked.add(slot, generation[slot], rank, self, attempt);
            return;
        }
        shipmentOf[slot * topK + rank] = CallLedger.NONE;
        port.add(rows.expertInput(), slot * hidden, rows.expertOutput(), (slot * topK + rank) * hidden,
                Tag.local(slot, generation[slot], rank));
        localRanks[slot] |= 1L << rank;
        touched.add(port);
        given(slot, rank);
    }

    /** A replica has been given the call: for the first time, besides an earlier one, or once more. */
    private void given(final int slot, final int rank) {
        final long call = 1L << rank;
        if ((givenRanks[slot] & call) == 0) {
            givenRanks[slot] |= call;
        } else if ((dueHedges[slot] & call) != 0) {
            dueHedges[slot] &= ~call;
            hedgedRanks[slot] |= call;
            counters.hedgedCalls++;
        } else {
            counters.repeatedCalls++;
        }
    }

    private void sendRemote(final int slot, final int layer, final long ranks, final int node, final int attempt) {
        int count = 0;
        for (long left = ranks; left != 0; left &= left - 1) {
            count += target[Long.numberOfTrailingZeros(left)] == node ? 1 : 0;
        }
        sender.addRow(node, layer, attempt, enteredNs[slot], slot, callId(slot), count);
        for (long left = ranks; left != 0; left &= left - 1) {
            final int rank = Long.numberOfTrailingZeros(left);
            if (target[rank] == node) {
                sender.addExpert(node, slot, rows.experts()[slot * topK + rank], rank);
            }
        }
        sender.endRow(node, slot);
    }

    private long callId(final int slot) {
        return (long) generation[slot] << SLOT_BITS | slot;
    }

    /** The sender has put the call into a frame that is now a shipment of the ledger, or {@link CallLedger#NONE}. */
    void shipped(final int slot, final int rank, final int shipment) {
        counters.remoteCalls++;
        if ((outstanding[slot] & 1L << rank) == 0) {
            // Its chunk was given up while the frame was open.
            ledger.settled(shipment);
            return;
        }
        disown(slot, rank);
        shipmentOf[slot * topK + rank] = shipment;
        if ((givenRanks[slot] & 1L << rank) == 0) {
            budget.called(1);
        }
        given(slot, rank);
    }

    /** The frame with this call could not be sent. */
    void unsent(final int slot, final int rank, final int attempt) {
        shipmentOf[slot * topK + rank] = CallLedger.NONE;
        parked.add(slot, generation[slot], rank, Router.NOBODY, attempt);
    }

    /** Where the answer to a call goes in the slab's expert outputs, or -1 if nobody waits for it. */
    int outputOffset(final long callId, final int rank) {
        final int slot = (int) (callId & (1 << SLOT_BITS) - 1);
        if (!awaits(slot, (int) (callId >>> SLOT_BITS), rank)) {
            counters.duplicateReturns++;
            return -1;
        }
        return (slot * topK + rank) * hidden;
    }

    /** The answer has been written where {@link #outputOffset} said. */
    void returned(final int from, final long callId, final int rank, final long nowNs) {
        final int slot = (int) (callId & (1 << SLOT_BITS) - 1);
        final int shipment = shipmentOf[slot * topK + rank];
        if (shipment != CallLedger.NONE && ledger.peer(shipment) == from) {
            shipmentOf[slot * topK + rank] = CallLedger.NONE;
            final long elapsedNs = ledger.returned(shipment, nowNs);
            if (elapsedNs >= 0) {
                pace.answered(from, ledger.units(shipment), elapsedNs, nowNs);
            }
        }
        if ((localRanks[slot] & 1L << rank) != 0) {
            // A row that still waits at a local port would write into a slot that has gone on to its next layer.
            final long tag = Tag.local(slot, generation[slot], rank);
            for (final ExpertPort port : experts.all()) {
                port.removeIf(each -> each == tag);
            }
        }
        countHedge(slot, rank, from);
        arrived(slot, rank);
    }

    private void countHedge(final int slot, final int rank, final int from) {
        if ((hedgedRanks[slot] & 1L << rank) != 0 && hedgedFrom[slot * topK + rank] != from) {
            counters.hedgesWon++;
        }
    }

    /** A local replica has written its output. */
    void localCompleted(final int slot, final int callGeneration, final int rank) {
        if (awaits(slot, callGeneration, rank)) {
            counters.localCalls++;
            countHedge(slot, rank, self);
            arrived(slot, rank);
        }
    }

    private boolean awaits(final int slot, final int callGeneration, final int rank) {
        return slot < generation.length && rank < topK && generation[slot] == callGeneration
                && (outstanding[slot] & 1L << rank) != 0;
    }

    private void arrived(final int slot, final int rank) {
        outstanding[slot] &= ~(1L << rank);
        disown(slot, rank);
        final Chunk chunk = chunkOf[slot];
        if (--chunk.awaiting == 0) {
            listener.chunkReady(chunk);
        }
    }

    private void disown(final int slot, final int rank) {
        final int shipment = shipmentOf[slot * topK + rank];
        if (shipment != CallLedger.NONE) {
            shipmentOf[slot * topK + rank] = CallLedger.NONE;
            ledger.settled(shipment);
        }
    }

    /** A peer says that it does not have the expert, or has no room: the call is tried again, elsewhere if possible. */
    void refused(final int node, final long callId, final int rank, final long nowNs) {
        final int slot = (int) (callId & (1 << SLOT_BITS) - 1);
        if (awaits(slot, (int) (callId >>> SLOT_BITS), rank)) {
            counters.refusedCalls++;
            final int shipment = shipmentOf[slot * topK + rank];
            // Otherwise another node has it by now, or it is parked already.
            if (shipment != CallLedger.NONE && ledger.peer(shipment) == node) {
                disown(slot, rank);
                parked.add(slot, generation[slot], rank, node, 1);
            }
        }
    }

    @Override
    public void unreceived(final int shipment, final int peer, final int attempts) {
        forEachCallOf(shipment, (slot, rank) -> {
            shipmentOf[slot * topK + rank] = CallLedger.NONE;
            parked.add(slot, generation[slot], rank, peer, attempts + 1);
        });
    }

    @Override
    public void late(final int shipment, final int peer, final int times) {
        // The answer may have been lost with the link, so that the only replica is asked again; it computes nothing twice at once.
        final boolean askAgain = times > 1;
        final int attempts = ledger.attempts(shipment);
        forEachCallOf(shipment, (slot, rank) -> {
            if (askAgain || router.hasOther(layerOf[slot], rows.experts()[slot * topK + rank], peer)) {
                disown(slot, rank);
                parked.add(slot, generation[slot], rank, peer, attempts + 1);
            }
        });
    }

    @Override
    public void overdue(final int shipment, final int peer, final long elapsedNs, final long nowNs) {
        final int attempts = ledger.attempts(shipment);
        final long takenBefore = budget.taken();
        forEachCallOf(shipment, (slot, rank) -> {
            final int other = router.chooseOther(layerOf[slot], rows.experts()[slot * topK + rank], peer);
            if (other != Router.NOBODY && other != peer && !pace.slow(other) && budget.take()) {
                disown(slot, rank);
                dueHedges[slot] |= 1L << rank;
                hedgedFrom[slot * topK + rank] = peer;
                send(slot, 1L << rank, peer, attempts);
            }
        });
        if (elapsedNs >= 0 && budget.taken() > takenBefore) {
            pace.late(peer, ledger.units(shipment), elapsedNs, nowNs);
        }
    }

    @Override
    public void suspected(final int shipment, final int peer) {
        final int attempts = ledger.attempts(shipment);
        forEachCallOf(shipment, (slot, rank) -> {
            if (router.hasOther(layerOf[slot], rows.experts()[slot * topK + rank], peer)) {
                disown(slot, rank);
                parked.add(slot, generation[slot], rank, peer, attempts + 1);
            }
        });
    }

    @Override
    public void expired(final int shipment, final int peer) {
        forEachCallOf(shipment, (slot, rank) -> {
            shipmentOf[slot * topK + rank] = CallLedger.NONE;
            if (enteredNs[slot] > ledger.firstSentNs(shipment)) {
                // It shared the frame with an older call, and has time left.
                parked.add(slot, generation[slot], rank, peer, ledger.attempts(shipment) + 1);
            } else {
                fail(slot, rank, "node " + peer + " did not answer, attempt " + ledger.attempts(shipment));
            }
        });
    }

    private interface CallConsumer {
        void accept(int slot, int rank);
    }

    private void forEachCallOf(final int shipment, final CallConsumer consumer) {
        for (int slot = 0; slot < outstanding.length; slot++) {
            for (long left = outstanding[slot]; left != 0; left &= left - 1) {
                final int rank = Long.numberOfTrailingZeros(left);
                if (shipmentOf[slot * topK + rank] == shipment) {
                    consumer.accept(slot, rank);
                }
            }
        }
    }

    private void fail(final int slot, final int rank, final String why) {
        counters.failedCalls++;
        listener.chunkFailed(chunkOf[slot], "expert_unavailable",
                "no answer from expert L" + layerOf[slot] + "/E" + rows.experts()[slot * topK + rank] + ": " + why);
    }

    /** Tries what is parked once more, and fails what has been tried for too long. */
    void retryParked(final long nowNs) {
        // A frame that its link refuses parks its calls, so no frame may be open while what is parked is taken out.
        sender.flush(nowNs);
        final int count = parked.size;
        parked.size = 0;
        for (int i = 0; i < count; i++) {
            final int slot = parked.slot[i];
            final int rank = parked.rank[i];
            if (!awaits(slot, parked.generation[i], rank)) {
                continue;
            }
            if (nowNs - enteredNs[slot] >= callTimeoutNs) {
                fail(slot, rank, "no node could be given the call within " + callTimeoutNs / 1_000_000 + " ms");
            } else {
                send(slot, 1L << rank, parked.avoid[i], parked.attempt[i]);
            }
        }
    }

    /** Forgets every call of a chunk; its slots may be used again at once. */
    void abandon(final Chunk chunk) {
        boolean local = false;
        for (int i = 0; i < chunk.count; i++) {
            final int slot = chunk.slots[i];
            for (long left = outstanding[slot]; left != 0; left &= left - 1) {
                disown(slot, Long.numberOfTrailingZeros(left));
                local = true;
            }
            outstanding[slot] = 0;
            localRanks[slot] = 0;
            generation[slot] = generation[slot] + 1 & Tag.GENERATION_MASK;
        }
        if (local) {
            // A row that still waits at a local port would write into a slot that has a new owner.
            for (final ExpertPort port : experts.all()) {
                port.removeIf(tag -> Tag.isLocal(tag) && Tag.generation(tag) != generation[Tag.slot(tag)]);
            }
        }
    }

    Counters counters() {
        return counters;
    }

    int parked() {
        return parked.size;
    }
}
