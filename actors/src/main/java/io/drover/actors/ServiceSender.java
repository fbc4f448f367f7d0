package io.drover.actors;

import java.util.Arrays;

import org.agrona.collections.IntArrayList;
import org.agrona.collections.LongArrayList;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

import io.drover.placement.Epoch;
import io.drover.streams.AckFrame;
import io.drover.streams.Links;
import io.drover.streams.RefusalFrame;
import io.drover.streams.ReturnFrame;
import io.drover.streams.WireType;

/** Puts answers to other nodes' expert calls into frames. */
final class ServiceSender implements ExpertService.Sender {
    private static final int MAX_ENTRIES = 512;

    private final class OpenReturn {
        final UnsafeBuffer buffer = new UnsafeBuffer(new byte[maxFrameLength]);
        final ReturnFrame frame = new ReturnFrame();
        int rows;
        int layer;
        /** A full frame that the link did not take: nothing more is added until it does. */
        boolean refused;
    }

    private final Links links;
    private final Router router;
    private final int hidden;
    private final WireType wireType;
    private final int maxFrameLength;
    private final UnsafeBuffer small = new UnsafeBuffer(new byte[16 * 1024]);
    private final AckFrame ack = new AckFrame();
    private final RefusalFrame refusal = new RefusalFrame();
    private @Nullable OpenReturn[] returns = new OpenReturn[0];

    ServiceSender(final Links links, final Router router, final int hidden, final WireType wireType, final int maxFrameLength) {
        this.links = links;
        this.router = router;
        this.hidden = hidden;
        this.wireType = wireType;
        this.maxFrameLength = maxFrameLength;
    }

    @Override
    public boolean acknowledge(final int node, final LongArrayList frameSequences, final int queuedRows, final long predictedNs) {
        for (int from = 0; from < frameSequences.size(); from += MAX_ENTRIES) {
            ack.wrap(small, 0).begin(queuedRows, predictedNs);
            for (int i = from; i < Math.min(frameSequences.size(), from + MAX_ENTRIES); i++) {
                ack.addSequence(frameSequences.getLong(i));
            }
            if (!links.offer(node, small, 0, ack.encodedLength())) {
                return false;
            }
        }
        return true;
    }

    @Override
    public boolean refuse(final int node, final LongArrayList callIds, final IntArrayList ranks, final boolean busy) {
        final Epoch epoch = router.epoch();
        for (int from = 0; from < callIds.size(); from += MAX_ENTRIES) {
            refusal.wrap(small, 0).begin(epoch.term(), epoch.number());
            for (int i = from; i < Math.min(callIds.size(), from + MAX_ENTRIES); i++) {
                refusal.addEntry(callIds.getLong(i), ranks.getInt(i),
                        busy ? RefusalFrame.REASON_BUSY : RefusalFrame.REASON_ABSENT);
            }
            if (!links.offer(node, small, 0, refusal.encodedLength())) {
                return false;
            }
        }
        return true;
    }

    @Override
    public boolean addReturn(final int node, final int layer, final long callId, final int rank, final float[] outputs,
            final int offset) {
        final OpenReturn open = open(node);
        if (open.rows > 0 && (open.refused || open.layer != layer
                || open.frame.encodedLength() + ReturnFrame.rowLength(hidden, wireType) > maxFrameLength)) {
            flush(node, open);
        }
        if (open.rows > 0 && open.refused) {
            return false;
        }
        if (open.rows == 0) {
            open.frame.wrap(open.buffer, 0).begin(layer, hidden, wireType);
            open.layer = layer;
        }
        open.frame.addRow(callId, rank, outputs, offset);
        open.rows++;
        return true;
    }

    @Override
    public void flushReturns(final int node) {
        flush(node, open(node));
    }

    private void flush(final int node, final OpenReturn open) {
        if (open.rows > 0) {
            open.refused = !links.offer(node, open.buffer, 0, open.frame.encodedLength());
            if (!open.refused) {
                open.rows = 0;
            }
        }
    }

    /** The frame of a peer that is gone is dropped. */
    void peerLost(final int node) {
        if (node < returns.length) {
            returns[node] = null;
        }
    }

    private OpenReturn open(final int node) {
        if (node >= returns.length) {
            returns = Arrays.copyOf(returns, node + 1);
        }
        OpenReturn open = returns[node];
        if (open == null) {
            open = new OpenReturn();
            returns[node] = open;
        }
        return open;
    }
}
