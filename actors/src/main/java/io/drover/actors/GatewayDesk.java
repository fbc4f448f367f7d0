package io.drover.actors;

import java.util.ArrayList;
import java.util.List;

import org.agrona.collections.Long2ObjectHashMap;

/**
 * The gateway's side of every request it has taken: which home has it, what has arrived, what is still awaited. A pure step
 * machine: the clock comes in as {@code nowNs}, everything else goes out through {@link Actions}.
 *
 * <pre>
 * state       event                                       next        effect
 * -           submit                                      OFFERED     offers to the first candidate home
 * OFFERED     admitted by the home it was offered to      STREAMING   tells the client's side
 *             refused as too long                         gone        refuses
 *             refused otherwise, or no answer in time     OFFERED     offers to the next candidate; gone and refused after the last
 * STREAMING   tokens in order                             STREAMING   passes them on
 *             tokens after a gap, or silence              STREAMING   asks the home to send again from the next index
 *             tokens seen before, or of a lower term      STREAMING   drops them
 *             end                                         gone        passes it on when every token before it is there
 *             its home is lost, or silent for too long    gone        ends the stream with an explicit error
 * any         cancel                                      gone        tells the home
 * </pre>
 */
final class GatewayDesk {
    /** What the machine asks of its shell. */
    interface Actions {
        void sendSubmit(int home, long requestKey, long ownerTerm, GenerationRequest request);

        void sendCancel(int home, long requestKey, long ownerTerm);

        void sendSync(int home, long requestKey, int nextIndex);

        void admitted(long requestKey);

        void refused(long requestKey, Gateway.Reason reason, String detail, long retryAfterMs);

        void token(long requestKey, int index, int id);

        void ended(long requestKey, TokenEvent end);
    }

    /**
     * @param offerTimeoutNs   how long a home may take to answer an offer
     * @param offerAttempts    offers to one home before the next is tried
     * @param silenceNs        after this long without news the home is asked
     * @param streamTimeoutNs  after this long without news the stream is ended with an error
     */
    record Limits(long offerTimeoutNs, int offerAttempts, long silenceNs, long streamTimeoutNs) {}

    private static final class Request {
        final long key;
        final GenerationRequest request;
        final int[] candidates;
        int candidate;
        int attempts;
        boolean streaming;
        int nextIndex;
        long lastNewsNs;
        long askedNs;
        Gateway.Reason refusal = Gateway.Reason.UNAVAILABLE;
        String detail = "no node answered";
        long retryAfterMs = 1000;

        Request(final long key, final GenerationRequest request, final int[] candidates) {
            this.key = key;
            this.request = request;
            this.candidates = candidates;
        }

        int home() {
            return candidates[candidate];
        }
    }

    private static final long FIRST_TERM = 1;

    private final Limits limits;
    private final Actions actions;
    private final Long2ObjectHashMap<Request> requests = new Long2ObjectHashMap<>();
    private final List<Request> due = new ArrayList<>();
    private long duplicates;

    GatewayDesk(final Limits limits, final Actions actions) {
        this.limits = limits;
        this.actions = actions;
    }

    /** @param homes candidates in the order in which they are to be tried */
    void submit(final long key, final GenerationRequest request, final int[] homes, final long nowNs) {
        if (homes.length == 0) {
            actions.refused(key, Gateway.Reason.UNAVAILABLE, "no node can take a sequence now", 1000);
            return;
        }
        final Request taken = new Request(key, request, homes.clone());
        requests.put(key, taken);
        offer(taken, nowNs);
    }

    private void offer(final Request request, final long nowNs) {
        request.attempts++;
        request.askedNs = nowNs;
        request.lastNewsNs = nowNs;
        actions.sendSubmit(request.home(), request.key, FIRST_TERM, request.request);
    }

    private void offerToNext(final Request request, final long nowNs) {
        request.attempts = 0;
        if (++request.candidate < request.candidates.length) {
            offer(request, nowNs);
        } else {
            requests.remove(request.key);
            actions.refused(request.key, request.refusal, request.detail, request.retryAfterMs);
        }
    }

    void onAdmission(final int from, final long key, final boolean accepted, final Gateway.Reason reason, final String detail,
            final long retryAfterMs, final long nowNs) {
        final Request request = requests.get(key);
        if (request == null || request.home() != from) {
            if (accepted) {
                actions.sendCancel(from, key, FIRST_TERM);
            }
            return;
        }
        request.lastNewsNs = nowNs;
        if (request.streaming) {
            return;
        }
        if (accepted) {
            request.streaming = true;
            actions.admitted(key);
        } else if (reason == Gateway.Reason.TOO_LONG) {
            requests.remove(key);
            actions.refused(key, reason, detail, retryAfterMs);
        } else {
            request.refusal = reason;
            request.detail = detail;
            request.retryAfterMs = retryAfterMs;
            offerToNext(request, nowNs);
        }
    }

    /** One token; {@code index} counts generated tokens from 0. */
    void onToken(final int from, final long key, final long ownerTerm, final int index, final int id, final long nowNs) {
        final Request request = current(from, key, ownerTerm, nowNs);
        if (request == null) {
            return;
        }
        if (index == request.nextIndex) {
            request.nextIndex++;
            actions.token(key, index, id);
        } else if (index > request.nextIndex) {
            ask(request, nowNs);
        } else {
            duplicates++;
        }
    }

    /** The home says that the sequence has ended, after {@code completionTokens} tokens unless it failed. */
    void onEnd(final int from, final long key, final long ownerTerm, final TokenEvent end, final long nowNs) {
        final Request request = current(from, key, ownerTerm, nowNs);
        if (request == null) {
            return;
        }
        if (end instanceof TokenEvent.Finished finished && finished.completionTokens() != request.nextIndex) {
            ask(request, nowNs);
            return;
        }
        requests.remove(key);
        actions.ended(key, end);
    }

    /** The request the home speaks of, if it is ours and the home is still its home. News of a sequence admits it. */
    private Request current(final int from, final long key, final long ownerTerm, final long nowNs) {
        final Request request = requests.get(key);
        if (request == null || request.home() != from || ownerTerm < FIRST_TERM) {
            return null;
        }
        request.lastNewsNs = nowNs;
        if (!request.streaming) {
            request.streaming = true;
            actions.admitted(key);
        }
        return request;
    }

    private void ask(final Request request, final long nowNs) {
        request.askedNs = nowNs;
        actions.sendSync(request.home(), request.key, request.nextIndex);
    }

    void cancel(final long key) {
        final Request request = requests.remove(key);
        if (request != null) {
            actions.sendCancel(request.home(), key, FIRST_TERM);
        }
    }

    /** The node's process is gone. */
    void nodeLost(final int node, final String name, final long nowNs) {
        for (final Request request : collect()) {
            if (request.home() == node) {
                if (request.streaming) {
                    fail(request, "node_lost", "node " + name + ", the home of this sequence, was lost");
                } else {
                    offerToNext(request, nowNs);
                }
            }
        }
    }

    void poll(final long nowNs) {
        for (final Request request : collect()) {
            final long sinceAsked = nowNs - request.askedNs;
            if (!request.streaming) {
                if (sinceAsked >= limits.offerTimeoutNs()) {
                    retryOffer(request, nowNs);
                }
            } else if (nowNs - request.lastNewsNs >= limits.streamTimeoutNs()) {
                actions.sendCancel(request.home(), request.key, FIRST_TERM);
                fail(request, "deadline_exceeded", "no token for " + limits.streamTimeoutNs() / 1_000_000 + " ms");
            } else if (nowNs - request.lastNewsNs >= limits.silenceNs() && sinceAsked >= limits.silenceNs()) {
                ask(request, nowNs);
            }
        }
    }

    private void retryOffer(final Request request, final long nowNs) {
        if (request.attempts < limits.offerAttempts()) {
            offer(request, nowNs);
        } else {
            actions.sendCancel(request.home(), request.key, FIRST_TERM);
            offerToNext(request, nowNs);
        }
    }

    private void fail(final Request request, final String code, final String message) {
        requests.remove(request.key);
        actions.ended(request.key, new TokenEvent.Failed(code, message));
    }

    private List<Request> collect() {
        due.clear();
        requests.forEach((key, request) -> due.add(request));
        return due;
    }

    /** Open requests whose home, or next candidate, is the node. */
    int openAt(final int node) {
        int count = 0;
        for (final Request request : requests.values()) {
            count += request.home() == node ? 1 : 0;
        }
        return count;
    }

    int open() {
        return requests.size();
    }

    long duplicates() {
        return duplicates;
    }
}
