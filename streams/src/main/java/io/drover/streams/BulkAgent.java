package io.drover.streams;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.function.Predicate;

import org.agrona.CloseHelper;
import org.agrona.DirectBuffer;
import org.agrona.collections.Long2ObjectHashMap;
import org.agrona.concurrent.UnsafeBuffer;
import org.apache.pekko.util.ByteString;
import org.jspecify.annotations.Nullable;

/**
 * The work of a {@link BulkPlane}, for its thread: turns of polling, asking, and sending by turns what was asked for. Decides nothing of
 * its own: see {@link IncomingTransfer} and {@link OutgoingTransfer}.
 */
final class BulkAgent {
    private static final int FRAGMENTS = 64;
    private static final int CHUNKS_PER_TURN = 16;
    private static final long RATE_WINDOW_NS = 1_000_000_000L;
    private static final long PUBLISH_NS = 100_000_000L;

    private record Incoming(BulkConsumer consumer, IncomingTransfer state) {}

    /** One that this node sends; without content while that is being looked up. */
    private static final class Outgoing {
        private final int peer;
        private final long transfer;
        private final OutgoingTransfer state;
        private @Nullable BulkContent content;

        Outgoing(final int peer, final long transfer, final OutgoingTransfer state) {
            this.peer = peer;
            this.transfer = transfer;
            this.state = state;
        }
    }

    private final BulkSettings settings;
    private final Links links;
    private final BulkProvider provider;
    private final Predicate<Runnable> executor;
    private final RateLimit rate;
    private final FrameHandler handler = this::onFrame;
    private final Long2ObjectHashMap<Incoming> incoming = new Long2ObjectHashMap<>();
    private final List<Outgoing> outgoing = new ArrayList<>();
    private final byte[] chunk;
    private final UnsafeBuffer frame;
    private final BulkAskFrame ask = new BulkAskFrame();
    private final BulkChunkFrame bytes = new BulkChunkFrame();
    private final BulkStopFrame stop = new BulkStopFrame();
    private volatile List<Endpoint> wantedPeers = List.of();
    private List<Endpoint> peers = List.of();
    private volatile BulkCounters published = BulkCounters.NONE;
    private int turn;
    private long nowNs;
    private boolean closed;

    private long bytesIn;
    private long bytesOut;
    private long failures;
    private long refusals;
    private long rateIn;
    private long rateSinceNs;
    private long rateSinceBytes;
    private long publishedNs;

    BulkAgent(final BulkSettings settings, final Links links, final BulkProvider provider, final Predicate<Runnable> executor,
            final long nowNs) {
        this.settings = settings;
        this.links = links;
        this.provider = provider;
        this.executor = executor;
        this.nowNs = nowNs;
        rate = new RateLimit(settings.rate(), settings.frameLength(), nowNs);
        chunk = new byte[settings.chunkLength()];
        frame = new UnsafeBuffer(ByteBuffer.allocateDirect(settings.frameLength()));
        rateSinceNs = nowNs;
    }

    /** Any thread. */
    void peers(final List<Endpoint> current) {
        final int own = links.self().nodeId();
        wantedPeers = current.stream().filter(peer -> peer.nodeId() != own).toList();
    }

    /** Any thread. */
    BulkCounters counters() {
        return published;
    }

    void begin(final BulkConsumer consumer) {
        if (closed || incoming.size() >= settings.maxTransfers()) {
            failures++;
            consumer.fail(closed
                    ? "the bulk plane of this node is closed"
                    : "this node receives " + incoming.size() + " transfers already");
            return;
        }
        final Incoming begun = new Incoming(consumer,
                new IncomingTransfer(settings.windowLength(), settings.askAgainNs(), settings.giveUpNs(), nowNs));
        incoming.put(consumer.transfer(), begun);
        ask(begun);
    }

    boolean isBusy() {
        return !incoming.isEmpty() || !outgoing.isEmpty();
    }

    int doWork(final long now) {
        nowNs = now;
        meetPeers();
        int work = links.doWork(now) + links.poll(handler, FRAGMENTS);
        for (final Incoming one : incoming.values().toArray(new Incoming[0])) {
            if (one.consumer.isCancelled()) {
                end(one, "not wanted any more");
            } else {
                act(one, one.state.onConsumed(one.consumer.consumedBytes(), now) | one.state.onTick(now), null);
            }
        }
        for (int i = outgoing.size() - 1; i >= 0; i--) {
            if (outgoing.get(i).state.forgotten(now)) {
                close(outgoing.remove(i));
            }
        }
        work += send();
        publish();
        return work;
    }

    void close() {
        closed = true;
        incoming.values().forEach(one -> one.consumer.fail("the bulk plane of this node was closed"));
        incoming.clear();
        outgoing.forEach(BulkAgent::close);
        outgoing.clear();
        CloseHelper.quietClose(links);
    }

    private void meetPeers() {
        final List<Endpoint> wanted = wantedPeers;
        if (wanted == peers) {
            return;
        }
        for (final Endpoint former : peers) {
            if (wanted.stream().noneMatch(peer -> peer.nodeId() == former.nodeId())) {
                links.disconnect(former.nodeId());
                for (final Incoming one : incoming.values().toArray(new Incoming[0])) {
                    if (one.consumer.peer() == former.nodeId()) {
                        act(one, one.state.onRefused(former + " is no peer any more"), null);
                    }
                }
            }
        }
        wanted.forEach(links::connect);
        peers = wanted;
    }

    private void onFrame(final int from, final int type, final DirectBuffer buffer, final int offset, final int length) {
        switch (type) {
            case FrameType.BULK_ASK -> onAsk(from, ask.wrap(buffer, offset));
            case FrameType.BULK_CHUNK -> onChunk(from, bytes.wrap(buffer, offset));
            case FrameType.BULK_STOP -> onStop(from, stop.wrap(buffer, offset));
            default -> {
                // Of the token plane: not for here.
            }
        }
    }

    private void onChunk(final int from, final BulkChunkFrame received) {
        final Incoming one = incoming.get(received.transfer());
        if (one == null || one.consumer.peer() != from) {
            stop(from, received.transfer(), false, "unknown");
            return;
        }
        final byte[] data = received.bytes();
        act(one, one.state.onChunk(received.position(), data.length, received.total(), nowNs), data);
    }

    private void onStop(final int from, final BulkStopFrame received) {
        if (received.bySender()) {
            final Incoming one = incoming.get(received.transfer());
            if (one != null && one.consumer.peer() == from) {
                act(one, one.state.onRefused(received.reason()), null);
            }
        } else {
            final Outgoing one = find(from, received.transfer());
            if (one != null) {
                outgoing.remove(one);
                close(one);
            }
        }
    }

    private void onAsk(final int from, final BulkAskFrame asked) {
        final long transfer = asked.transfer();
        final Outgoing known = find(from, transfer);
        if (known != null) {
            known.state.onAsk(asked.position(), asked.limit(), asked.round(), nowNs);
        } else if (outgoing.size() >= settings.maxTransfers()) {
            refuse(from, transfer, "busy with " + outgoing.size() + " transfers");
        } else {
            final Outgoing opened = new Outgoing(from, transfer,
                    new OutgoingTransfer(settings.giveUpNs(), asked.position(), asked.limit(), asked.round(), nowNs));
            outgoing.add(opened);
            provider.open(from, asked.name()).whenComplete((content, failure) -> {
                if (!executor.test(() -> opened(opened, content, failure)) && content != null) {
                    CloseHelper.quietClose(content);
                }
            });
        }
    }

    private void opened(final Outgoing one, final @Nullable BulkContent content, final @Nullable Throwable failure) {
        if (content == null || closed || !outgoing.contains(one)) {
            CloseHelper.quietClose(content);
            if (outgoing.remove(one)) {
                refuse(one.peer, one.transfer, sentence(failure));
            }
            return;
        }
        one.content = content;
        one.state.opened(content.length());
    }

    private void act(final Incoming one, final int actions, final byte @Nullable [] data) {
        if ((actions & IncomingTransfer.ASK) != 0) {
            ask(one);
        }
        if ((actions & IncomingTransfer.HAND_ON) != 0 && data != null) {
            bytesIn += data.length;
            if (!one.consumer.offer(ByteString.fromArrayUnsafe(data))) {
                end(one, "the reader has no room");
                return;
            }
        }
        if ((actions & IncomingTransfer.COMPLETE) != 0) {
            one.consumer.complete();
            incoming.remove(one.consumer.transfer());
            stop(one.consumer.peer(), one.consumer.transfer(), false, "complete");
        }
        if ((actions & IncomingTransfer.FAIL) != 0) {
            end(one, one.state.problem());
        }
    }

    private void end(final Incoming one, final String why) {
        failures++;
        incoming.remove(one.consumer.transfer());
        one.consumer.fail("node " + one.consumer.peer() + ", '" + one.consumer.name() + "': " + why);
        stop(one.consumer.peer(), one.consumer.transfer(), false, why);
    }

    private int send() {
        int sent = 0;
        for (int idle = 0; idle < outgoing.size() && sent < CHUNKS_PER_TURN;) {
            turn = turn + 1 < outgoing.size() ? turn + 1 : 0;
            final Outgoing one = outgoing.get(turn);
            final int length = one.state.next(chunk.length);
            if (length == 0 || links.queuedBytes(one.peer) > 0 || !links.isConnected(one.peer)) {
                idle++;
            } else if (!rate.tryTake(length, nowNs)) {
                break;
            } else {
                idle = 0;
                send(one, length);
                sent++;
            }
        }
        return sent;
    }

    private void send(final Outgoing one, final int length) {
        final BulkContent content = one.content;
        try {
            if (content == null) {
                throw new IllegalStateException("a transfer without content has nothing to send");
            }
            content.read(one.state.position(), chunk, length);
        } catch (final RuntimeException e) {
            outgoing.remove(one);
            close(one);
            refuse(one.peer, one.transfer, sentence(e));
            return;
        }
        bytes.wrap(frame, 0).begin(one.transfer, one.state.position(), one.state.total(), chunk, length);
        if (links.offer(one.peer, frame, 0, bytes.encodedLength())) {
            one.state.sent(length);
            bytesOut += length;
        }
    }

    private void ask(final Incoming one) {
        ask.wrap(frame, 0)
                .begin(one.consumer.transfer(), one.state.position(), one.state.limit(), one.state.round(), one.consumer.name());
        links.offer(one.consumer.peer(), frame, 0, ask.encodedLength());
    }

    private void refuse(final int peer, final long transfer, final String why) {
        refusals++;
        stop(peer, transfer, true, why);
    }

    private void stop(final int peer, final long transfer, final boolean bySender, final String why) {
        stop.wrap(frame, 0).begin(transfer, bySender, why);
        links.offer(peer, frame, 0, stop.encodedLength());
    }

    private @Nullable Outgoing find(final int peer, final long transfer) {
        for (final Outgoing one : outgoing) {
            if (one.peer == peer && one.transfer == transfer) {
                return one;
            }
        }
        return null;
    }

    private void publish() {
        if (nowNs - publishedNs < PUBLISH_NS) {
            return;
        }
        publishedNs = nowNs;
        if (nowNs - rateSinceNs >= RATE_WINDOW_NS) {
            rateIn = (bytesIn - rateSinceBytes) * RATE_WINDOW_NS / (nowNs - rateSinceNs);
            rateSinceNs = nowNs;
            rateSinceBytes = bytesIn;
        }
        published = new BulkCounters(bytesIn, bytesOut, failures, refusals, incoming.size(), outgoing.size(), rateIn);
    }

    private static void close(final Outgoing one) {
        CloseHelper.quietClose(one.content);
    }

    private static String sentence(final @Nullable Throwable failure) {
        final Throwable cause = failure instanceof CompletionException && failure.getCause() != null
                ? failure.getCause()
                : failure;
        return String.valueOf(cause == null ? "nothing under this name" : cause.getMessage());
    }
}
