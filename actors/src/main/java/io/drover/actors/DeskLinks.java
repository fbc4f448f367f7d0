package io.drover.actors;

import java.util.ArrayList;
import java.util.List;

import org.agrona.DirectBuffer;
import org.agrona.collections.Int2ObjectHashMap;
import org.agrona.collections.IntArrayList;
import org.agrona.concurrent.UnsafeBuffer;

import io.drover.model.Sampling;
import io.drover.streams.AdmissionFrame;
import io.drover.streams.CancelFrame;
import io.drover.streams.EndFrame;
import io.drover.streams.FrameType;
import io.drover.streams.Links;
import io.drover.streams.SubmitFrame;
import io.drover.streams.SyncFrame;
import io.drover.streams.TokenFrame;

/**
 * Carries what gateways and homes tell one another: by frames between nodes, and by a queue of the same thread where gateway
 * and home are one node. Compute thread only.
 */
final class DeskLinks implements HomeDesk.Actions {
    /** Receives what comes for this node's gateway. */
    interface GatewaySide {
        void onAdmission(int from, long requestKey, long ownerTerm, boolean accepted, Gateway.Reason reason, String detail,
                long retryAfterMs);

        void onToken(int from, long requestKey, long ownerTerm, int index, int id);

        void onEnd(int from, long requestKey, long ownerTerm, TokenEvent end);

        void onUnknown(int from, long requestKey, long ownerTerm);
    }

    /** Receives what comes for this node as a home. */
    interface HomeSide {
        void onSubmit(Sequence.Key key, long ownerTerm, GenerationRequest request, int[] generated);

        void onCancel(Sequence.Key key, long ownerTerm);

        void onSync(Sequence.Key key, long ownerTerm, int nextIndex);
    }

    private static final int MAX_TOKENS_PER_FRAME = 256;
    private static final int MAX_STOP_IDS = 1024;

    private final int self;
    private final Links links;
    private final UnsafeBuffer buffer;
    private final int maxPositions;
    private final int idsPerSubmit;
    private final Int2ObjectHashMap<SubmitAssembly> assemblies = new Int2ObjectHashMap<>();
    private final List<Runnable> local = new ArrayList<>();
    private final SubmitFrame submit = new SubmitFrame();
    private final CancelFrame cancel = new CancelFrame();
    private final SyncFrame sync = new SyncFrame();
    private final AdmissionFrame admission = new AdmissionFrame();
    private final TokenFrame tokens = new TokenFrame();
    private final EndFrame end = new EndFrame();
    private GatewaySide gateway;
    private HomeSide home;

    /** @param maxPositions of the model: a longer sequence is refused before its ids are put together */
    DeskLinks(final int self, final Links links, final int maxFrameLength, final int maxPositions) {
        this.self = self;
        this.links = links;
        this.maxPositions = maxPositions;
        idsPerSubmit = SubmitFrame.idsIn(maxFrameLength);
        buffer = new UnsafeBuffer(new byte[maxFrameLength]);
    }

    /** Both sides send through this object, so they come after the constructor, once. */
    void connect(final GatewaySide gatewaySide, final HomeSide homeSide) {
        gateway = gatewaySide;
        home = homeSide;
    }

    /** Delivers what this node told itself. A delivery may tell something more: that is for the next call. */
    int deliverLocal() {
        final int count = local.size();
        for (int i = 0; i < count; i++) {
            local.get(i).run();
        }
        local.subList(0, count).clear();
        return count;
    }

    private boolean offer(final int node, final int length) {
        return links.offer(node, buffer, 0, length);
    }

    /** False if the link took not all of it; what it took is dropped at the other end. */
    boolean sendSubmit(final int node, final long requestKey, final long ownerTerm, final GenerationRequest request,
            final IntArrayList generated) {
        if (node == self) {
            final int[] tokensSoFar = generated.toIntArray();
            local.add(() -> home.onSubmit(new Sequence.Key(self, requestKey), ownerTerm, request, tokensSoFar));
            return true;
        }
        final List<Integer> stops = request.stopTokenIds();
        final List<Integer> prompt = request.promptIds();
        final int total = stops.size() + prompt.size() + generated.size();
        int before = 0;
        do {
            beginSubmit(requestKey, ownerTerm, request).ids(stops.size(), prompt.size(), generated.size(), before);
            for (int i = before; i < Math.min(total, before + idsPerSubmit); i++) {
                final int afterStops = i - stops.size();
                final int afterPrompt = afterStops - prompt.size();
                submit.addId(
                        afterStops < 0 ? stops.get(i) : afterPrompt < 0 ? prompt.get(afterStops) : generated.getInt(afterPrompt));
            }
            if (!offer(node, submit.encodedLength())) {
                return false;
            }
            before += idsPerSubmit;
        } while (before < total);
        return true;
    }

    private SubmitFrame beginSubmit(final long requestKey, final long ownerTerm, final GenerationRequest request) {
        final Sampling sampling = request.sampling();
        return submit.wrap(buffer, 0)
                .begin(requestKey, ownerTerm, self)
                .ignoreEos(request.ignoreEos())
                .maxTokens(request.maxTokens())
                .minTokens(request.minTokens())
                .temperature(sampling.temperature())
                .topP(sampling.topP())
                .topK(sampling.topK())
                .seed(sampling.seed());
    }

    void sendCancel(final int node, final long requestKey, final long ownerTerm) {
        if (node == self) {
            local.add(() -> home.onCancel(new Sequence.Key(self, requestKey), ownerTerm));
        } else {
            cancel.wrap(buffer, 0).begin(requestKey, ownerTerm);
            offer(node, cancel.encodedLength());
        }
    }

    void sendSync(final int node, final long requestKey, final long ownerTerm, final int nextIndex) {
        if (node == self) {
            local.add(() -> home.onSync(new Sequence.Key(self, requestKey), ownerTerm, nextIndex));
        } else {
            sync.wrap(buffer, 0).begin(requestKey, ownerTerm, nextIndex);
            offer(node, sync.encodedLength());
        }
    }

    @Override
    public void sendAdmission(final Sequence.Key key, final long ownerTerm, final boolean accepted, final Gateway.Reason reason,
            final String detail, final long retryAfterMs) {
        final long requestKey = key.requestKey();
        if (key.gatewayNode() == self) {
            local.add(() -> gateway.onAdmission(self, requestKey, ownerTerm, accepted, reason, detail, retryAfterMs));
            return;
        }
        admission.wrap(buffer, 0);
        if (accepted) {
            admission.accept(requestKey, ownerTerm);
        } else {
            admission.refuse(requestKey, ownerTerm, code(reason), (int) retryAfterMs, detail);
        }
        offer(key.gatewayNode(), admission.encodedLength());
    }

    @Override
    public void sendUnknown(final Sequence.Key key, final long ownerTerm) {
        if (key.gatewayNode() == self) {
            local.add(() -> gateway.onUnknown(self, key.requestKey(), ownerTerm));
        } else {
            end.wrap(buffer, 0).begin(key.requestKey(), ownerTerm, EndFrame.UNKNOWN);
            offer(key.gatewayNode(), end.encodedLength());
        }
    }

    @Override
    public boolean sendTokens(final Sequence sequence, final int from, final int count) {
        final long requestKey = sequence.key.requestKey();
        if (sequence.key.gatewayNode() == self) {
            for (int i = from; i < from + count; i++) {
                final int index = i;
                final int id = sequence.token(sequence.promptLength + i);
                local.add(() -> gateway.onToken(self, requestKey, sequence.ownerTerm, index, id));
            }
            return true;
        }
        // A part that was sent before a refusal is sent once more later: the gateway drops indexes that it has seen.
        for (int first = from; first < from + count; first += MAX_TOKENS_PER_FRAME) {
            tokens.wrap(buffer, 0).begin(requestKey, sequence.ownerTerm, first);
            for (int i = first; i < Math.min(from + count, first + MAX_TOKENS_PER_FRAME); i++) {
                tokens.addId(sequence.token(sequence.promptLength + i));
            }
            if (!offer(sequence.key.gatewayNode(), tokens.encodedLength())) {
                return false;
            }
        }
        return true;
    }

    @Override
    public boolean sendEnd(final Sequence.Key key, final long ownerTerm, final TokenEvent event) {
        if (key.gatewayNode() == self) {
            local.add(() -> gateway.onEnd(self, key.requestKey(), ownerTerm, event));
            return true;
        }
        switch (event) {
            case TokenEvent.Finished finished -> end.wrap(buffer, 0)
                    .begin(key.requestKey(), ownerTerm, finished.stopped() ? EndFrame.STOPPED : EndFrame.LENGTH)
                    .usage(finished.promptTokens(), finished.completionTokens());
            case TokenEvent.Failed failed -> end.wrap(buffer, 0)
                    .begin(key.requestKey(), ownerTerm, EndFrame.FAILED)
                    .reason(failed.code(), failed.message());
            case TokenEvent.Token token -> throw new IllegalArgumentException("a token is no end: " + token);
        }
        return offer(key.gatewayNode(), end.encodedLength());
    }

    /** Reads a frame of this traffic; other types are not its own. */
    void onFrame(final int from, final int type, final DirectBuffer frame, final int offset) {
        switch (type) {
            case FrameType.SUBMIT -> onSubmit(from, submit.wrap(frame, offset));
            case FrameType.CANCEL -> {
                cancel.wrap(frame, offset);
                home.onCancel(new Sequence.Key(from, cancel.requestKey()), cancel.ownerTerm());
            }
            case FrameType.SYNC -> {
                sync.wrap(frame, offset);
                home.onSync(new Sequence.Key(from, sync.requestKey()), sync.ownerTerm(), sync.nextIndex());
            }
            case FrameType.ADMISSION -> {
                admission.wrap(frame, offset);
                gateway.onAdmission(from, admission.requestKey(), admission.ownerTerm(), admission.accepted(),
                        reason(admission.reason()), admission.detail(), admission.retryAfterMs());
            }
            case FrameType.TOKEN -> {
                tokens.wrap(frame, offset);
                for (int i = 0; i < tokens.count(); i++) {
                    gateway.onToken(from, tokens.requestKey(), tokens.ownerTerm(), tokens.firstIndex() + i, tokens.id(i));
                }
            }
            case FrameType.END -> onEnd(from, end.wrap(frame, offset));
            default -> throw new IllegalArgumentException("no desk reads " + FrameType.nameOf(type));
        }
    }

    private void onSubmit(final int from, final SubmitFrame frame) {
        final Sequence.Key key = new Sequence.Key(from, frame.requestKey());
        if (frame.stopCount() > MAX_STOP_IDS || frame.promptCount() + frame.generatedCount() > maxPositions) {
            sendAdmission(key, frame.ownerTerm(), false, Gateway.Reason.TOO_LONG, frame.promptCount() + " prompt tokens and "
                    + frame.generatedCount() + " generated ones; the model takes " + maxPositions, 0);
            return;
        }
        SubmitAssembly assembly = assemblies.get(from);
        if (assembly == null) {
            assembly = new SubmitAssembly();
            assemblies.put(from, assembly);
        }
        if (assembly.add(frame)) {
            assemblies.remove(from);
            home.onSubmit(key, frame.ownerTerm(), assembly.request(from, frame), assembly.generated(frame));
        }
    }

    /** What has come of an unfinished submission is dropped. */
    void peerLost(final int node) {
        assemblies.remove(node);
    }

    private void onEnd(final int from, final EndFrame frame) {
        if (frame.kind() == EndFrame.UNKNOWN) {
            gateway.onUnknown(from, frame.requestKey(), frame.ownerTerm());
            return;
        }
        final TokenEvent event = switch (frame.kind()) {
            case EndFrame.LENGTH -> new TokenEvent.Finished(false, frame.promptTokens(), frame.completionTokens());
            case EndFrame.STOPPED -> new TokenEvent.Finished(true, frame.promptTokens(), frame.completionTokens());
            default -> new TokenEvent.Failed(frame.code(), frame.message());
        };
        gateway.onEnd(from, frame.requestKey(), frame.ownerTerm(), event);
    }

    private static int code(final Gateway.Reason reason) {
        return switch (reason) {
            case QUEUE_FULL -> AdmissionFrame.QUEUE_FULL;
            case UNAVAILABLE -> AdmissionFrame.UNAVAILABLE;
            case TOO_LONG -> AdmissionFrame.TOO_LONG;
        };
    }

    private static Gateway.Reason reason(final int code) {
        return switch (code) {
            case AdmissionFrame.QUEUE_FULL -> Gateway.Reason.QUEUE_FULL;
            case AdmissionFrame.TOO_LONG -> Gateway.Reason.TOO_LONG;
            default -> Gateway.Reason.UNAVAILABLE;
        };
    }
}
