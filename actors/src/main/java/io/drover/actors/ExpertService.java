package io.drover.actors;

import java.util.Arrays;

import org.agrona.collections.IntArrayList;
import org.agrona.collections.LongArrayList;
import org.agrona.collections.LongHashSet;
import org.jspecify.annotations.Nullable;

/**
 * The expert calls of other nodes: rows that have arrived wait in a staging area, run at the ports of the local replicas, and
 * go back in return frames. A call that is asked for again while it is here is answered once, from the running call.
 *
 * <p>The staging area is divided evenly among the peers, so that one peer that sends too much, or takes nothing back, uses up
 * its own share only; a row beyond it is refused, and its sender tries again. Compute thread only.
 */
final class ExpertService {
    /** Sends answers to a peer. Each returns false if the peer's link takes nothing now. */
    interface Sender {
        boolean acknowledge(int node, LongArrayList frameSequences, int queuedRows, long predictedNs);

        boolean refuse(int node, LongArrayList callIds, IntArrayList ranks, boolean busy);

        /** Adds one output to the peer's current return frame. */
        boolean addReturn(int node, int layer, long callId, int rank, float[] outputs, int offset);

        void flushReturns(int node);
    }

    private static final class Peer {
        final LongHashSet running = new LongHashSet();
        final LongArrayList acknowledgements = new LongArrayList();
        final LongArrayList refusedCalls = new LongArrayList();
        final IntArrayList refusedRanks = new IntArrayList();
        final LongArrayList busyCalls = new LongArrayList();
        final IntArrayList busyRanks = new IntArrayList();
        /** Outputs that are ready: staging slot times top-k plus index. */
        IntArrayList ready = new IntArrayList();
        IntArrayList spare = new IntArrayList();
        int staged;
    }

    private final int capacity;
    private final int hidden;
    private final int topK;
    private final LocalExperts experts;
    private final Sender sender;
    private final float[] in;
    private final float[] out;
    private final int[] peerOf;
    private final int[] layerOf;
    private final long[] callOf;
    private final int[] ranks;
    private final int[] pending;
    private final int[] free;
    private int freeCount;
    private @Nullable Peer[] peers = new Peer[0];
    private int peerCount;
    private long nsPerRow = 20_000;
    private long served;

    // The row that is being taken in.
    private int incoming = -1;
    private int incomingExperts;

    ExpertService(final int capacity, final int hidden, final int topK, final LocalExperts experts, final Sender sender) {
        this.capacity = capacity;
        this.hidden = hidden;
        this.topK = topK;
        this.experts = experts;
        this.sender = sender;
        in = new float[capacity * hidden];
        out = new float[capacity * topK * hidden];
        peerOf = new int[capacity];
        layerOf = new int[capacity];
        callOf = new long[capacity];
        ranks = new int[capacity * topK];
        pending = new int[capacity];
        free = new int[capacity];
        for (int i = 0; i < capacity; i++) {
            free[i] = capacity - 1 - i;
        }
        freeCount = capacity;
    }

    /** A frame from the peer has been taken in; it is acknowledged with the next {@link #answer}. */
    void received(final int node, final long frameSequence) {
        peer(node).acknowledgements.addLong(frameSequence);
    }

    /**
     * Begins a row of a call frame.
     *
     * @return where its input is to be written in {@link #inputs()}, or -1 if there is no room
     */
    int beginRow(final int node, final int layer, final long callId) {
        final Peer peer = peer(node);
        if (freeCount == 0 || peer.staged >= Math.max(1, capacity / Math.max(1, peerCount))) {
            return -1;
        }
        incoming = free[--freeCount];
        incomingExperts = 0;
        peerOf[incoming] = node;
        layerOf[incoming] = layer;
        callOf[incoming] = callId;
        peer.staged++;
        return incoming * hidden;
    }

    float[] inputs() {
        return in;
    }

    /** One expert of the row begun last; its input has been written. */
    void addExpert(final int expert, final int rank) {
        final int slot = incoming;
        final Peer peer = peer(peerOf[slot]);
        final int layer = layerOf[slot];
        final ExpertPort port = experts.port(layer, expert);
        if (port == null) {
            peer.refusedCalls.addLong(callOf[slot]);
            peer.refusedRanks.addInt(rank);
        } else if (peer.running.add(key(callOf[slot], rank))) {
            final int index = incomingExperts++;
            ranks[slot * topK + index] = rank;
            pending[slot]++;
            port.add(in, slot * hidden, out, (slot * topK + index) * hidden, Tag.remote(slot, index));
            port.signal();
        }
    }

    /** Ends the row begun last. */
    void endRow() {
        if (pending[incoming] == 0) {
            release(incoming);
        }
        incoming = -1;
    }

    /** A call for which {@link #beginRow} found no room. */
    void busy(final int node, final long callId, final int rank) {
        peer(node).busyCalls.addLong(callId);
        peer(node).busyRanks.addInt(rank);
    }

    private static long key(final long callId, final int rank) {
        return callId << 8 | rank;
    }

    /** A local replica has written the output of a staged row. */
    void completed(final int slot, final int index) {
        peer(peerOf[slot]).ready.addInt(slot * topK + index);
    }

    /** Sends acknowledgements and refusals; cheap enough to be called after every poll. */
    void answer() {
        final int queued = capacity - freeCount;
        for (int node = 0; node < peers.length; node++) {
            final Peer peer = peers[node];
            if (peer == null) {
                continue;
            }
            if (!peer.acknowledgements.isEmpty()) {
                // Not kept when it cannot be sent: the peer sends its frame again, and is answered then.
                sender.acknowledge(node, peer.acknowledgements, queued, queued * nsPerRow);
                peer.acknowledgements.clear();
            }
            if (!peer.refusedCalls.isEmpty() && sender.refuse(node, peer.refusedCalls, peer.refusedRanks, false)) {
                peer.refusedCalls.clear();
                peer.refusedRanks.clear();
            }
            if (!peer.busyCalls.isEmpty() && sender.refuse(node, peer.busyCalls, peer.busyRanks, true)) {
                peer.busyCalls.clear();
                peer.busyRanks.clear();
            }
        }
    }

    /** Sends outputs that are ready; what a link does not take now stays staged. Returns the outputs that were sent. */
    int sendReturns() {
        int sent = 0;
        for (int node = 0; node < peers.length; node++) {
            final Peer peer = peers[node];
            if (peer != null && !peer.ready.isEmpty()) {
                sent += sendReturns(node, peer);
            } else if (peer != null) {
                sender.flushReturns(node);
            }
        }
        return sent;
    }

    private int sendReturns(final int node, final Peer peer) {
        final IntArrayList outputs = peer.ready;
        peer.ready = peer.spare;
        peer.spare = outputs;
        int sent = 0;
        boolean open = true;
        for (int i = 0; i < outputs.size(); i++) {
            final int output = outputs.getInt(i);
            final int slot = output / topK;
            open = open && sender.addReturn(node, layerOf[slot], callOf[slot], ranks[output], out, output * hidden);
            if (open) {
                sent++;
                served++;
                peer.running.remove(key(callOf[slot], ranks[output]));
                if (--pending[slot] == 0) {
                    release(slot);
                }
            } else {
                peer.ready.addInt(output);
            }
        }
        outputs.clear();
        sender.flushReturns(node);
        return sent;
    }

    private void release(final int slot) {
        peer(peerOf[slot]).staged--;
        free[freeCount++] = slot;
    }

    /** Drops everything of a peer whose process is gone. */
    void peerLost(final int node) {
        final Peer peer = node < peers.length ? peers[node] : null;
        if (peer == null) {
            return;
        }
        for (final ExpertPort port : experts.all()) {
            port.removeIf(tag -> !Tag.isLocal(tag) && peerOf[Tag.slot(tag)] == node);
        }
        for (int slot = 0; slot < capacity; slot++) {
            if (pending[slot] > 0 && peerOf[slot] == node) {
                pending[slot] = 0;
                free[freeCount++] = slot;
            }
        }
        peers[node] = null;
        peerCount--;
    }

    private Peer peer(final int node) {
        if (node >= peers.length) {
            peers = Arrays.copyOf(peers, node + 1);
        }
        Peer peer = peers[node];
        if (peer == null) {
            peer = new Peer();
            peers[node] = peer;
            peerCount++;
        }
        return peer;
    }

    /** Measured time of one row at an expert, for predictions. */
    void observe(final int rows, final long elapsedNs) {
        nsPerRow += (elapsedNs / rows - nsPerRow) / 8;
    }

    int staged() {
        return capacity - freeCount;
    }

    long served() {
        return served;
    }
}
