package io.drover.actors;

import java.util.ArrayList;
import java.util.List;

import org.agrona.collections.IntArrayList;
import org.agrona.collections.Long2ObjectHashMap;

/**
 * The gateway's side of every request it has taken: which home has it, what has arrived, what is still awaited. A pure step
 * machine: the clock comes in as {@code nowNs}, everything else goes out through {@link Actions}.
 *
 * <p>Prompt, settings and the tokens so far are all that a sequence is, because the n-th draw depends on the seed and n alone; so
 * any home can go on where another one stopped. Each home that a request is offered to gets an owner term higher than the one
 * before, and only the current home, speaking in the current term, is listened to.
 *
 * <pre>
 * state       event                                       next        effect
 * -           submit                                      OFFERED     offers to the first candidate home
 * OFFERED     admitted by the home it was offered to      STREAMING   tells the client's side
 *             refused, no answer in time,                 OFFERED     offers to the next candidate; gone and refused after the last,
 *             or the home is lost or suspected                        as too long if that is what all of them said
 * STREAMING   tokens in order                             STREAMING   passes them on
 *             tokens after a gap, or silence              STREAMING   asks the home to send again from the next index
 *             tokens seen before                          STREAMING   drops them
 *             end                                         gone        passes it on when every token before it is there
 *             the home names its buddy                    STREAMING   remembers it as the first candidate
 *             its home is lost, suspected or slow for     MOVING      offers prompt and tokens to another home
 *             long, silent for long, gives it back, or does
 *             not know it
 * MOVING      admitted                                    STREAMING
 *             refused, no answer, or lost                 MOVING      offers to the next candidate, to all again after the last
 *             takeover timeout, or too many takeovers     gone        ends the stream with an explicit error
 * any         cancel                                      gone        tells the home
 *             tokens of an earlier term                               drops them and tells their sender to stop
 * </pre>
 */
final class GatewayDesk {
    /** What the machine asks of its shell. */
    interface Actions {
        /** Nodes that can take a sequence now, the best first. */
        int[] homes();

        /** Whether the node is heard. */
        boolean usable(int node);

        /** Whether the node is so much slower than others that a sequence is better computed again elsewhere. */
        boolean crawls(int node);

        /**
         * @param generated the tokens so far; in use only during the call
         * @return false if the node's link does not take it
         */
        boolean sendSubmit(int home, long requestKey, long ownerTerm, GenerationRequest request, IntArrayList generated);

        void sendCancel(int home, long requestKey, long ownerTerm);

        void sendSync(int home, long requestKey, long ownerTerm, int nextIndex);

        void admitted(long requestKey);

        void refused(long requestKey, Gateway.Reason reason, String detail, long retryAfterMs);

        void token(long requestKey, int index, int id);

        /** The stream has lost its home after so many tokens, and another is to go on. */
        void moving(long requestKey, int tokens, String why);

        /** The stream had no home for so long, and has this one now. */
        void moved(long requestKey, int home, long homelessNs);

        void ended(long requestKey, TokenEvent end);
    }

    /**
     * @param offerTimeoutNs    how long a home may take to answer an offer
     * @param offerAttempts     offers to one home before the next is tried
     * @param askAgainNs        a home is asked for the same missing tokens at most once in this time while it sends others
     * @param silenceNs         after this long without news the home is asked
     * @param homeTimeoutNs     after this long without news another home takes over
     * @param takeoverAfterNs   a home that is suspected, or crawls, for this long is taken over from; twice as long after each such
     *                          takeover of the same request
     * @param takeoverTimeoutNs how long a stream may be without a home
     * @param maxTakeovers      of one request
     */
    record Limits(long offerTimeoutNs, int offerAttempts, long askAgainNs, long silenceNs, long homeTimeoutNs,
            long takeoverAfterNs,
            long takeoverTimeoutNs, int maxTakeovers) {}

    /** A home ends a sequence with this code so that another goes on with it. */
    static final String HANDED_OVER = "handed_over";
    /** A home ends a sequence with this code when it believes that the gateway is gone. */
    static final String GATEWAY_LOST = "gateway_lost";

    private static final int NOBODY = -1;
    private static final int MAX_DOUBLINGS = 6;

    private enum State {
        OFFERED, STREAMING, MOVING
    }

    private static final class Request {
        final long key;
        final GenerationRequest request;
        final IntArrayList tokens = new IntArrayList();
        State state = State.OFFERED;
        int[] candidates;
        int candidate;
        long term = 1;
        int attempts;
        long lastNewsNs;
        long askedNs;
        long homelessSinceNs;
        long suspectedSinceNs;
        boolean suspected;
        int doublings;
        int takeovers;
        int tooLong;
        /** Who has pages of the sequence, or had. */
        int buddy = NOBODY;
        String lost = "";
        Gateway.Reason refusal = Gateway.Reason.UNAVAILABLE;
        String detail = "no node answered";
        long retryAfterMs = 1000;

        Request(final long key, final GenerationRequest request, final int[] candidates) {
            this.key = key;
            this.request = request;
            this.candidates = candidates;
        }

        /** Who has it, or is asked to take it. */
        int home() {
            return candidate < candidates.length ? candidates[candidate] : NOBODY;
        }
    }

    private final Limits limits;
    private final Actions actions;
    private final Long2ObjectHashMap<Request> requests = new Long2ObjectHashMap<>();
    private final List<Request> due = new ArrayList<>();
    private int fencedNode = NOBODY;
    private long fencedKey;
    private long fencedTerm;
    private long fenced;
    private long takeovers;

    GatewayDesk(final Limits limits, final Actions actions) {
        this.limits = limits;
        this.actions = actions;
    }

    void submit(final long key, final GenerationRequest request, final long nowNs) {
        final int[] homes = actions.homes();
        if (homes.length == 0) {
            actions.refused(key, Gateway.Reason.UNAVAILABLE, "no node can take a sequence now", 1000);
            return;
        }
        final Request taken = new Request(key, request, homes);
        requests.put(key, taken);
        offer(taken, nowNs);
    }

    private void offer(final Request request, final long nowNs) {
        request.attempts++;
        request.askedNs = nowNs;
        request.lastNewsNs = nowNs;
        if (!actions.sendSubmit(request.home(), request.key, request.term, request.request, request.tokens)) {
            offerToNext(request, nowNs);
        }
    }

    private void offerToNext(final Request request, final long nowNs) {
        request.attempts = 0;
        request.term++;
        if (++request.candidate < request.candidates.length) {
            offer(request, nowNs);
        } else if (request.state == State.MOVING) {
            // Everybody has refused for now: poll asks all of them again.
            request.askedNs = nowNs;
        } else {
            requests.remove(request.key);
            actions.refused(request.key, request.refusal, request.detail, request.retryAfterMs);
        }
    }

    void onAdmission(final int from, final long key, final long ownerTerm, final boolean accepted, final Gateway.Reason reason,
            final String detail, final long retryAfterMs, final long nowNs) {
        final Request request = requests.get(key);
        if (!isCurrent(request, from, ownerTerm)) {
            if (accepted) {
                fence(request, from, key, ownerTerm);
            }
            return;
        }
        request.lastNewsNs = nowNs;
        if (accepted) {
            admitted(request, nowNs);
        } else if (request.state != State.STREAMING) {
            request.tooLong += reason == Gateway.Reason.TOO_LONG ? 1 : 0;
            // Homes differ in what they hold: it is too long only if it is so for all of them.
            if (reason != Gateway.Reason.TOO_LONG || request.tooLong >= request.candidates.length) {
                request.refusal = reason;
                request.detail = detail;
                request.retryAfterMs = retryAfterMs;
            }
            offerToNext(request, nowNs);
        }
    }

    private void admitted(final Request request, final long nowNs) {
        if (request.state == State.OFFERED) {
            actions.admitted(request.key);
        } else if (request.state == State.MOVING) {
            actions.moved(request.key, request.home(), nowNs - request.homelessSinceNs);
        }
        request.state = State.STREAMING;
    }

    /** One token; {@code index} counts generated tokens from 0. */
    void onToken(final int from, final long key, final long ownerTerm, final int index, final int id, final long nowNs) {
        final Request request = current(from, key, ownerTerm, nowNs);
        if (request == null) {
            return;
        }
        final int next = request.tokens.size();
        if (index == next) {
            request.tokens.addInt(id);
            actions.token(key, index, id);
        } else if (index > next) {
            askOfGap(request, nowNs);
        }
    }

    /** The home says that the sequence has ended, after {@code completionTokens} tokens unless it failed. */
    void onEnd(final int from, final long key, final long ownerTerm, final TokenEvent end, final long nowNs) {
        final Request request = requests.get(key);
        if (!isCurrent(request, from, ownerTerm)) {
            fenced += request == null ? 0 : 1;
            return;
        }
        request.lastNewsNs = nowNs;
        admitted(request, nowNs);
        if (end instanceof TokenEvent.Finished finished && finished.completionTokens() != request.tokens.size()) {
            ask(request, nowNs);
        } else if (end instanceof TokenEvent.Failed failed
                && (failed.code().equals(HANDED_OVER) || failed.code().equals(GATEWAY_LOST))) {
            move(request, "node " + from + " gave the sequence back", nowNs);
        } else {
            requests.remove(key);
            actions.ended(key, end);
        }
    }

    /** The home says that another node keeps pages of the sequence: where the home is lost, that node has the least to compute. */
    void onKeptBy(final int from, final long key, final long ownerTerm, final int buddy) {
        final Request request = requests.get(key);
        if (isCurrent(request, from, ownerTerm)) {
            request.buddy = buddy;
        }
    }

    /** The home was asked for tokens of a sequence that it does not have. */
    void onUnknown(final int from, final long key, final long ownerTerm, final long nowNs) {
        final Request request = requests.get(key);
        if (isCurrent(request, from, ownerTerm) && request.state == State.STREAMING) {
            move(request, "node " + from + " does not know the sequence", nowNs);
        }
    }

    private static boolean isCurrent(final Request request, final int from, final long ownerTerm) {
        return request != null && request.home() == from && request.term == ownerTerm;
    }

    /** The request the home speaks of, if it is its home. News of a sequence admits it. */
    private Request current(final int from, final long key, final long ownerTerm, final long nowNs) {
        final Request request = requests.get(key);
        if (!isCurrent(request, from, ownerTerm)) {
            fence(request, from, key, ownerTerm);
            return null;
        }
        request.lastNewsNs = nowNs;
        admitted(request, nowNs);
        return request;
    }

    /** A node goes on with what it no longer owns, or nobody wants; it is told so, once for all tokens of a frame. */
    private void fence(final Request request, final int from, final long key, final long ownerTerm) {
        fenced += request == null ? 0 : 1;
        if (from != fencedNode || key != fencedKey || ownerTerm != fencedTerm) {
            fencedNode = from;
            fencedKey = key;
            fencedTerm = ownerTerm;
            actions.sendCancel(from, key, ownerTerm);
        }
    }

    /** Every token beyond the gap is news of the same gap. */
    private void askOfGap(final Request request, final long nowNs) {
        if (nowNs - request.askedNs >= limits.askAgainNs()) {
            ask(request, nowNs);
        }
    }

    private void ask(final Request request, final long nowNs) {
        request.askedNs = nowNs;
        actions.sendSync(request.home(), request.key, request.term, request.tokens.size());
    }

    void cancel(final long key) {
        final Request request = requests.remove(key);
        if (request != null && request.home() != NOBODY) {
            actions.sendCancel(request.home(), key, request.term);
        }
    }

    /** The node's process is gone. */
    void nodeLost(final int node, final String name, final long nowNs) {
        for (final Request request : collect()) {
            if (request.home() == node) {
                if (request.state == State.STREAMING) {
                    move(request, "node " + name + ", the home of this sequence, was lost", nowNs);
                } else {
                    offerToNext(request, nowNs);
                }
            }
        }
    }

    /** Another home is to go on with the sequence. */
    private void move(final Request request, final String why, final long nowNs) {
        final int former = request.home();
        actions.sendCancel(former, request.key, request.term);
        request.lost = why;
        if (request.takeovers == limits.maxTakeovers()) {
            fail(request, " and it has been taken over " + request.takeovers + " times before");
            return;
        }
        request.takeovers++;
        takeovers++;
        actions.moving(request.key, request.tokens.size(), why);
        request.state = State.MOVING;
        request.suspected = false;
        request.homelessSinceNs = nowNs;
        request.refusal = Gateway.Reason.UNAVAILABLE;
        request.detail = "no node answered";
        candidates(request, former);
        request.candidate = -1;
        offerToNext(request, nowNs);
    }

    /** Takes the present candidates, the one that keeps the pages first, the former home last. */
    private void candidates(final Request request, final int former) {
        final int[] homes = actions.homes();
        int others = 0;
        for (final int home : homes) {
            if (home != former) {
                homes[others++] = home;
            }
        }
        if (others < homes.length) {
            homes[others] = former;
        }
        for (int i = 1; i < others; i++) {
            if (homes[i] == request.buddy && !actions.crawls(request.buddy)) {
                System.arraycopy(homes, 0, homes, 1, i);
                homes[0] = request.buddy;
            }
        }
        request.candidates = homes;
    }

    void poll(final long nowNs) {
        for (final Request request : collect()) {
            if (request.state == State.STREAMING) {
                pollStream(request, nowNs);
            } else {
                pollOffer(request, nowNs);
            }
        }
        // A sender that was told once and still goes on has not heard it.
        fencedNode = NOBODY;
    }

    private void pollStream(final Request request, final long nowNs) {
        final long quietNs = nowNs - request.lastNewsNs;
        if (isSuspectedForLong(request, nowNs)) {
            request.doublings = Math.min(request.doublings + 1, MAX_DOUBLINGS);
            move(request, "node " + request.home() + ", the home of this sequence, was not heard or slow", nowNs);
        } else if (quietNs >= limits.homeTimeoutNs()) {
            move(request, "node " + request.home() + ", the home of this sequence, said nothing of it for "
                    + limits.homeTimeoutNs() / 1_000_000 + " ms", nowNs);
        } else if (quietNs >= limits.silenceNs() && nowNs - request.askedNs >= limits.silenceNs()) {
            ask(request, nowNs);
        }
    }

    private boolean isSuspectedForLong(final Request request, final long nowNs) {
        if (actions.usable(request.home()) && !actions.crawls(request.home())) {
            request.suspected = false;
        } else if (!request.suspected) {
            request.suspected = true;
            request.suspectedSinceNs = nowNs;
        }
        return request.suspected && nowNs - request.suspectedSinceNs >= limits.takeoverAfterNs() << request.doublings;
    }

    private void pollOffer(final Request request, final long nowNs) {
        final long sinceAskedNs = nowNs - request.askedNs;
        if (request.state == State.MOVING && nowNs - request.homelessSinceNs >= limits.takeoverTimeoutNs()) {
            cancelOffer(request);
            fail(request, " and no other node took it within " + limits.takeoverTimeoutNs() / 1_000_000 + " ms: "
                    + request.detail);
        } else if (request.home() == NOBODY) {
            if (sinceAskedNs >= limits.takeoverAfterNs()) {
                candidates(request, NOBODY);
                request.candidate = -1;
                offerToNext(request, nowNs);
            }
        } else if (!actions.usable(request.home())) {
            cancelOffer(request);
            offerToNext(request, nowNs);
        } else if (sinceAskedNs >= limits.offerTimeoutNs()) {
            if (request.attempts < limits.offerAttempts()) {
                offer(request, nowNs);
            } else {
                cancelOffer(request);
                offerToNext(request, nowNs);
            }
        }
    }

    private void cancelOffer(final Request request) {
        if (request.home() != NOBODY) {
            actions.sendCancel(request.home(), request.key, request.term);
        }
    }

    private void fail(final Request request, final String more) {
        requests.remove(request.key);
        actions.ended(request.key, new TokenEvent.Failed("node_lost", request.lost + "," + more));
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

    /** Open streams that have no home now. */
    int moving() {
        int count = 0;
        for (final Request request : requests.values()) {
            count += request.state == State.MOVING ? 1 : 0;
        }
        return count;
    }

    /** Tokens, ends and admissions, of streams that are open, from homes that were no longer the owners. */
    long fenced() {
        return fenced;
    }

    /** Times that another home was to go on with a stream. */
    long takeovers() {
        return takeovers;
    }
}
