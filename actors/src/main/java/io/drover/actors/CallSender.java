package io.drover.actors;

import java.util.Arrays;

import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

import io.drover.model.forward.Rows;
import io.drover.streams.CallFrame;
import io.drover.streams.Links;
import io.drover.streams.WireType;

/** Collects rows into call frames, one open frame for each peer, and opens a shipment for each frame that is sent. */
final class CallSender implements ExpertCalls.Sender {
    private final class OpenFrame {
        final UnsafeBuffer buffer = new UnsafeBuffer(new byte[maxFrameLength]);
        final CallFrame frame = new CallFrame();
        int[] slots = new int[64];
        int[] ranks = new int[64];
        int calls;
        int layer;
        int attempt;
        long firstSentNs;

        void add(final int slot, final int rank) {
            if (calls == slots.length) {
                slots = Arrays.copyOf(slots, calls * 2);
                ranks = Arrays.copyOf(ranks, calls * 2);
            }
            slots[calls] = slot;
            ranks[calls++] = rank;
        }
    }

    private final Links links;
    private final Router router;
    private final CallLedger ledger;
    private final PeerPace pace;
    private final Rows rows;
    private final int hidden;
    private final WireType wireType;
    private final int maxFrameLength;
    private @Nullable OpenFrame[] frames = new OpenFrame[0];
    private ExpertCalls calls;
    private long nowNs;

    CallSender(final Links links, final Router router, final CallLedger ledger, final PeerPace pace, final Rows rows,
            final WireType wireType,
            final int maxFrameLength) {
        this.links = links;
        this.router = router;
        this.ledger = ledger;
        this.pace = pace;
        this.rows = rows;
        hidden = rows.hidden();
        this.wireType = wireType;
        this.maxFrameLength = maxFrameLength;
    }

    /** The calls are built upon this sender, so they come after the constructor, once. */
    void connect(final ExpertCalls expertCalls) {
        calls = expertCalls;
    }

    @Override
    public void addRow(final int node, final int layer, final int attempt, final long firstSentNs, final int slot,
            final long callId, final int rankCount) {
        nowNs = Math.max(nowNs, firstSentNs);
        final OpenFrame open = frame(node);
        if (open.calls > 0 && (open.layer != layer || open.attempt != attempt
                || open.frame.encodedLength() + CallFrame.rowLength(rankCount, hidden, wireType) > maxFrameLength)) {
            flush(node, open);
        }
        if (open.calls == 0) {
            open.frame.wrap(open.buffer, 0);
            open.frame.begin(router.epoch().term(), router.epoch().number(), layer, hidden, wireType);
            open.layer = layer;
            open.attempt = attempt;
            open.firstSentNs = firstSentNs;
        }
        open.firstSentNs = Math.min(open.firstSentNs, firstSentNs);
        open.frame.startRow(callId);
    }

    @Override
    public void addExpert(final int node, final int slot, final int expert, final int rank) {
        final OpenFrame open = frame(node);
        open.frame.addExpert(expert, rank);
        open.add(slot, rank);
    }

    @Override
    public void endRow(final int node, final int slot) {
        frame(node).frame.endRow(rows.expertInput(), slot * hidden);
    }

    @Override
    public void flush(final long now) {
        nowNs = now;
        for (int node = 0; node < frames.length; node++) {
            final OpenFrame open = frames[node];
            if (open != null && open.calls > 0) {
                flush(node, open);
            }
        }
    }

    private void flush(final int node, final OpenFrame open) {
        final int count = open.calls;
        open.calls = 0;
        if (!ledger.hasRoom() || !links.offer(node, open.buffer, 0, open.frame.encodedLength())) {
            for (int i = 0; i < count; i++) {
                calls.unsent(open.slots[i], open.ranks[i], open.attempt);
            }
            return;
        }
        final int units = PeerPace.FRAME_UNITS + count + router.queuedRows(node);
        final int shipment = ledger.open(node, links.lastSequence(node), count, open.attempt, open.firstSentNs, units,
                pace.deadlineNs(node, units), nowNs);
        for (int i = 0; i < count; i++) {
            calls.shipped(open.slots[i], open.ranks[i], shipment);
        }
    }

    private OpenFrame frame(final int node) {
        if (node >= frames.length) {
            frames = Arrays.copyOf(frames, node + 1);
        }
        OpenFrame open = frames[node];
        if (open == null) {
            open = new OpenFrame();
            frames[node] = open;
        }
        return open;
    }
}
