package io.drover.actors;

import java.util.ArrayDeque;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

import org.jspecify.annotations.Nullable;

/**
 * The home's side of every sequence it owns: answers gateways, gives them each token once it is sampled, and again if they
 * ask. A pure step machine around the {@link Batcher}; messages go out through {@link Actions}.
 *
 * <p>A message that cannot be sent now is not lost: tokens and ends stay with the sequence and are sent by {@link #flush}.
 * A sequence that has ended is kept for a while, so that a gateway which missed its last tokens can still have them.
 */
final class HomeDesk {
    /** What the machine asks of its shell. A send that returns false is tried again by {@link #flush}. */
    interface Actions {
        void sendAdmission(Sequence.Key key, long ownerTerm, boolean accepted, Gateway.Reason reason, String detail,
                long retryAfterMs);

        /** Generated tokens {@code [from, from + count)} of the sequence. */
        boolean sendTokens(Sequence sequence, int from, int count);

        boolean sendEnd(Sequence.Key key, long ownerTerm, TokenEvent end);

        /** The answer to a gateway that asks for a sequence which is not here in that term. */
        void sendUnknown(Sequence.Key key, long ownerTerm);
    }

    private record Kept(Sequence sequence, long untilNs) {}

    private final Batcher batcher;
    private final Actions actions;
    private final Set<Integer> eosTokenIds;
    private final long keepNs;
    private final int maxKept;
    private final Map<Sequence.Key, Sequence> live = new LinkedHashMap<>();
    private final Map<Sequence.Key, Sequence> ended = new HashMap<>();
    private final ArrayDeque<Kept> kept = new ArrayDeque<>();
    private final ArrayDeque<Sequence> unsent = new ArrayDeque<>();
    private long tokensGenerated;
    private long refused;
    private long takenOver;
    private boolean closed;

    HomeDesk(final Batcher batcher, final Actions actions, final Set<Integer> eosTokenIds, final long keepNs, final int maxKept) {
        this.batcher = batcher;
        this.actions = actions;
        this.eosTokenIds = Set.copyOf(eosTokenIds);
        this.keepNs = keepNs;
        this.maxKept = maxKept;
    }

    /**
     * A gateway offers a sequence; an offer that is already here is answered again, and one of a higher owner term replaces it.
     *
     * @param generated the tokens that earlier homes have generated
     */
    void onSubmit(final Sequence.Key key, final long ownerTerm, final GenerationRequest request, final int[] generated,
            final String context, final long nowNs) {
        final Sequence known = find(key);
        if (known != null && known.ownerTerm > ownerTerm) {
            return;
        }
        if (known != null && known.ownerTerm == ownerTerm) {
            admit(known);
            return;
        }
        if (known != null) {
            forget(known);
        }
        if (closed) {
            refuse(key, ownerTerm, Gateway.Reason.UNAVAILABLE, "the node is shutting down or not ready" + context);
            return;
        }
        final Sequence sequence = new Sequence(key, ownerTerm, request, generated);
        if (isComplete(sequence)) {
            // The former home was lost after the last token and before the end.
            live.put(key, sequence);
            admit(sequence);
            end(sequence, endOf(request, generated[generated.length - 1]), nowNs);
            return;
        }
        switch (batcher.offer(sequence)) {
            case ACCEPTED -> {
                live.put(key, sequence);
                takenOver += generated.length > 0 ? 1 : 0;
                admit(sequence);
            }
            case QUEUE_FULL -> refuse(key, ownerTerm, Gateway.Reason.QUEUE_FULL,
                    batcher.waiting() + " sequences are waiting" + context);
            case TOO_LONG -> refuse(key, ownerTerm, Gateway.Reason.TOO_LONG, "prompt and max_tokens need " + sequence.longest()
                    + " positions, more than the KV cache holds" + context);
        }
    }

    private @Nullable Sequence find(final Sequence.Key key) {
        final Sequence sequence = live.get(key);
        return sequence != null ? sequence : ended.get(key);
    }

    /** Frees a sequence of an earlier owner term; nobody asks for its tokens any more. */
    private void forget(final Sequence sequence) {
        batcher.end(sequence, Sequence.Ending.failure("superseded", "a later owner term has begun"));
        live.remove(sequence.key);
        ended.remove(sequence.key);
        unsent.remove(sequence);
    }

    private boolean isComplete(final Sequence sequence) {
        return sequence.generated() > 0 && (sequence.generated() >= sequence.request.maxTokens()
                || isStop(sequence.request, sequence.token(sequence.length() - 1)));
    }

    private Sequence.Ending endOf(final GenerationRequest request, final int lastToken) {
        return isStop(request, lastToken) ? Sequence.Ending.STOPPED : Sequence.Ending.LENGTH;
    }

    private void admit(final Sequence sequence) {
        actions.sendAdmission(sequence.key, sequence.ownerTerm, true, Gateway.Reason.UNAVAILABLE, "", 0);
    }

    private void refuse(final Sequence.Key key, final long ownerTerm, final Gateway.Reason reason, final String detail) {
        refused++;
        actions.sendAdmission(key, ownerTerm, false, reason, detail, 1000);
    }

    /** The gateway wants no more of the sequence, in this owner term and those before. */
    void onCancel(final Sequence.Key key, final long ownerTerm, final long nowNs) {
        final Sequence sequence = live.get(key);
        if (sequence != null && sequence.ownerTerm <= ownerTerm) {
            end(sequence, Sequence.Ending.failure("cancelled", "cancelled by the gateway"), nowNs);
        }
    }

    /** A gateway asks for everything from a token index on. */
    void onSync(final Sequence.Key key, final long ownerTerm, final int nextIndex) {
        final Sequence sequence = find(key);
        if (sequence == null || sequence.ownerTerm != ownerTerm) {
            actions.sendUnknown(key, ownerTerm);
            return;
        }
        admit(sequence);
        sequence.sent = Math.min(sequence.sent, Math.max(0, nextIndex));
        sequence.endSent = false;
        send(sequence);
    }

    /** The next token of a sequence whose chunk has reached its last known position. */
    void onToken(final Sequence sequence, final int token, final long nowNs) {
        sequence.append(token);
        tokensGenerated++;
        if (isComplete(sequence)) {
            end(sequence, endOf(sequence.request, token), nowNs);
        } else {
            send(sequence);
        }
    }

    private boolean isStop(final GenerationRequest request, final int token) {
        return !request.ignoreEos() && eosTokenIds.contains(token) || request.stopTokenIds().contains(token);
    }

    /** Ids that must not be drawn next, because {@code minTokens} has not been reached. */
    boolean stopsAreBanned(final Sequence sequence) {
        return sequence.generated() < sequence.request.minTokens();
    }

    void fail(final Sequence sequence, final String code, final String message, final long nowNs) {
        end(sequence, Sequence.Ending.failure(code, message), nowNs);
    }

    private void end(final Sequence sequence, final Sequence.Ending ending, final long nowNs) {
        if (sequence.ended()) {
            return;
        }
        batcher.end(sequence, ending);
        live.remove(sequence.key);
        ended.put(sequence.key, sequence);
        kept.add(new Kept(sequence, nowNs + keepNs));
        send(sequence);
        forgetOld(nowNs);
    }

    private void forgetOld(final long nowNs) {
        while (!kept.isEmpty() && (kept.size() > maxKept || nowNs - kept.getFirst().untilNs() >= 0)) {
            final Sequence old = kept.removeFirst().sequence();
            ended.remove(old.key, old);
        }
    }

    private void send(final Sequence sequence) {
        if (!trySend(sequence) && !sequence.unsent) {
            sequence.unsent = true;
            unsent.add(sequence);
        }
    }

    private boolean trySend(final Sequence sequence) {
        final int count = sequence.generated() - sequence.sent;
        if (count > 0) {
            if (!actions.sendTokens(sequence, sequence.sent, count)) {
                return false;
            }
            sequence.sent += count;
        }
        final TokenEvent end = sequence.endSent ? null : endOf(sequence);
        if (end != null) {
            sequence.endSent = actions.sendEnd(sequence.key, sequence.ownerTerm, end);
            return sequence.endSent;
        }
        return true;
    }

    private static @Nullable TokenEvent endOf(final Sequence sequence) {
        final Sequence.Ending ending = sequence.ending;
        if (ending == null) {
            return null;
        }
        return ending.failed()
                ? new TokenEvent.Failed(ending.code(), ending.message())
                : new TokenEvent.Finished(ending.stopped(), sequence.promptLength, sequence.generated());
    }

    /** Sends what could not be sent before. */
    void flush(final long nowNs) {
        for (int i = unsent.size(); i > 0; i--) {
            final Sequence sequence = unsent.removeFirst();
            sequence.unsent = false;
            send(sequence);
        }
        forgetOld(nowNs);
    }

    /** The gateway's process is gone, and its clients with it. */
    void gatewayLost(final int node, final long nowNs) {
        for (final Sequence sequence : List.copyOf(live.values())) {
            if (sequence.key.gatewayNode() == node) {
                end(sequence, Sequence.Ending.failure(GatewayDesk.GATEWAY_LOST, "the gateway was lost"), nowNs);
            }
        }
        final Iterator<Sequence> waiting = unsent.iterator();
        while (waiting.hasNext()) {
            if (waiting.next().key.gatewayNode() == node) {
                waiting.remove();
            }
        }
    }

    /** Refuses new sequences and gives those that are here back to their gateways, which have other homes go on with them. */
    void handOver(final long nowNs) {
        closed = true;
        for (final Sequence sequence : List.copyOf(live.values())) {
            end(sequence, Sequence.Ending.failure(GatewayDesk.HANDED_OVER, "the node gives its sequences to others"), nowNs);
        }
    }

    /** From now on every new sequence is refused, or no longer. */
    void close(final boolean nowClosed) {
        closed = nowClosed;
    }

    boolean closed() {
        return closed;
    }

    Collection<Sequence> live() {
        return live.values();
    }

    /** Whether every sequence has ended and every token has been handed on. */
    boolean quiet() {
        return live.isEmpty() && unsent.isEmpty();
    }

    long tokensGenerated() {
        return tokensGenerated;
    }

    long refused() {
        return refused;
    }

    /** Sequences that another home had begun. */
    long takenOver() {
        return takenOver;
    }
}
