package io.drover.actors;

import java.util.ArrayDeque;

import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

import io.drover.model.ModelConfig;
import io.drover.model.forward.Rows;
import io.drover.streams.AckFrame;
import io.drover.streams.CallFrame;
import io.drover.streams.FrameHandler;
import io.drover.streams.FrameType;
import io.drover.streams.RefusalFrame;
import io.drover.streams.ReturnFrame;
import io.drover.streams.WireType;

/**
 * What a node does with each frame. Expert calls and their answers are taken in at once, even between two parts of a kernel,
 * because that touches only rows that nobody computes on. Everything that may start, end or abandon a sequence is copied and
 * handled between steps, by {@link #handleDeferred}.
 */
final class FrameIntake implements FrameHandler {
    private static final int MAX_DEFERRED = 4096;

    private record Deferred(int from, int type, byte[] bytes) {}

    private final ModelConfig config;
    private final WireType wireType;
    private final Rows rows;
    private final Router router;
    private final ExpertCalls calls;
    private final ExpertService service;
    private final CallLedger ledger;
    private final DeskLinks desks;
    private final BuddyLinks buddies;
    private final ArrayDeque<Deferred> deferred = new ArrayDeque<>();
    private final CallFrame call = new CallFrame();
    private final ReturnFrame answer = new ReturnFrame();
    private final AckFrame ack = new AckFrame();
    private final RefusalFrame refusal = new RefusalFrame();
    private long unfitFrames;
    private long deferredDropped;

    FrameIntake(final ModelConfig config, final WireType wireType, final Rows rows, final Router router, final ExpertCalls calls,
            final ExpertService service, final CallLedger ledger, final DeskLinks desks,
            final BuddyLinks buddies) {
        this.config = config;
        this.wireType = wireType;
        this.rows = rows;
        this.router = router;
        this.calls = calls;
        this.service = service;
        this.ledger = ledger;
        this.desks = desks;
        this.buddies = buddies;
    }

    @Override
    public void onFrame(final int from, final int type, final DirectBuffer buffer, final int offset, final int length) {
        switch (type) {
            case FrameType.CALL -> onCall(from, buffer, offset);
            case FrameType.RETURN -> onReturn(from, buffer, offset);
            case FrameType.ACK -> onAck(from, buffer, offset);
            case FrameType.HEARTBEAT -> {
                // The link has taken note of it.
            }
            case FrameType.REFUSAL, FrameType.BUDDY, FrameType.SUBMIT, FrameType.ADMISSION, FrameType.TOKEN, FrameType.END,
                    FrameType.CANCEL, FrameType.SYNC ->
                defer(from, type, buffer, offset, length);
            // Of another plane; the link lets through whatever is well-formed.
            default -> unfitFrames++;
        }
    }

    private void onCall(final int from, final DirectBuffer buffer, final int offset) {
        call.wrap(buffer, offset);
        final int layer = call.layer();
        if (call.hidden() != rows.hidden() || call.wireType() != wireType || layer >= config.layers().size()) {
            unfitFrames++;
            return;
        }
        final int experts = config.expertsPerLayer()[layer];
        while (call.nextRow()) {
            if (isFit(experts)) {
                onRow(from, layer);
            } else {
                unfitFrames++;
            }
        }
        service.received(from, call.sequence());
    }

    private boolean isFit(final int experts) {
        if (call.expertCount() > rows.maxTopK()) {
            return false;
        }
        for (int i = 0; i < call.expertCount(); i++) {
            if (call.expert(i) >= experts || call.rank(i) >= rows.maxTopK()) {
                return false;
            }
        }
        return true;
    }

    private void onRow(final int from, final int layer) {
        final int at = service.beginRow(from, layer, call.callId());
        if (at < 0) {
            for (int i = 0; i < call.expertCount(); i++) {
                service.busy(from, call.callId(), call.rank(i));
            }
            return;
        }
        call.readVector(service.inputs(), at);
        for (int i = 0; i < call.expertCount(); i++) {
            service.addExpert(call.expert(i), call.rank(i));
        }
        service.endRow();
    }

    private void onReturn(final int from, final DirectBuffer buffer, final int offset) {
        answer.wrap(buffer, offset);
        if (answer.hidden() != rows.hidden() || answer.wireType() != wireType) {
            unfitFrames++;
            return;
        }
        final long nowNs = System.nanoTime();
        for (int row = 0; row < answer.rowCount(); row++) {
            final int at = calls.outputOffset(answer.callId(row), answer.rank(row));
            if (at >= 0) {
                answer.readVector(row, rows.expertOutput(), at);
                calls.returned(from, answer.callId(row), answer.rank(row), nowNs);
            }
        }
    }

    private void onAck(final int from, final DirectBuffer buffer, final int offset) {
        ack.wrap(buffer, offset);
        final long nowNs = System.nanoTime();
        for (int i = 0; i < ack.count(); i++) {
            ledger.acknowledged(from, ack.acknowledged(i), ack.predictedNs(), nowNs);
        }
        router.setLoad(from, ack.queuedRows());
    }

    private void defer(final int from, final int type, final DirectBuffer buffer, final int offset, final int length) {
        if (deferred.size() >= MAX_DEFERRED) {
            deferredDropped++;
            return;
        }
        final byte[] bytes = new byte[length];
        buffer.getBytes(offset, bytes);
        deferred.add(new Deferred(from, type, bytes));
    }

    /** Handles the frames that were put off; between steps only. */
    int handleDeferred() {
        final int count = deferred.size();
        for (int i = 0; i < count; i++) {
            final Deferred frame = deferred.removeFirst();
            final UnsafeBuffer buffer = new UnsafeBuffer(frame.bytes());
            switch (frame.type()) {
                case FrameType.REFUSAL -> onRefusal(frame.from(), buffer);
                case FrameType.BUDDY -> buddies.onBuddy(frame.from(), buffer, 0);
                default -> desks.onFrame(frame.from(), frame.type(), buffer, 0);
            }
        }
        return count;
    }

    private void onRefusal(final int from, final UnsafeBuffer buffer) {
        refusal.wrap(buffer, 0);
        final long nowNs = System.nanoTime();
        for (int i = 0; i < refusal.count(); i++) {
            calls.refused(from, refusal.callId(i), refusal.rank(i), nowNs);
        }
    }

    /** Frames that do not fit this model, and control frames that were dropped because too many waited. */
    long dropped() {
        return unfitFrames + deferredDropped;
    }
}
