package io.drover.actors;

import java.util.List;

import io.drover.placement.Epoch;
import io.drover.streams.DropCounters;
import io.drover.streams.LossCounters;

/**
 * A snapshot of a node's engine, taken a few times a second. Counters count from the start of the process.
 *
 * @param epoch             of the routing table in use
 * @param running           sequences that run here
 * @param waiting           sequences that wait here
 * @param gatewayRequests   requests of this node's clients that are open
 * @param kvPagesTotal      pages of the KV cache
 * @param kvPagesFree       pages that no sequence of this home holds, those that are kept for other homes included
 * @param rowsInFlight      positions on their way through the layers
 * @param remoteRows        rows of other nodes that are here
 * @param experts           expert replicas that are ready here
 * @param expertBytes       of their packed weights
 * @param steps             groups taken through a layer
 * @param positions         positions that passed the last layer, recomputed ones included
 * @param tokensGenerated   tokens sampled here
 * @param preemptions       sequences that gave up their pages
 * @param localCalls        expert calls of this home that a replica of this node answered
 * @param remoteCalls       expert calls sent to other nodes: first, repeated and second ones
 * @param repeatedCalls     expert calls given to a replica again, here or elsewhere, because no answer was to be expected
 * @param duplicateReturns  answers that nobody waited for
 * @param refusedCalls      expert calls that a peer refused
 * @param failedCalls       expert calls that nobody answered in time
 * @param parkedCalls       expert calls that wait for a replica now
 * @param servedCalls       expert calls answered for other nodes
 * @param refusedSequences  sequences that were refused
 * @param droppedFrames     frames of peers that do not fit this model or this plane, or came faster than they could be looked at
 * @param sentBytes         of frames to other nodes
 * @param routing           what the gates of this home's sequences chose
 * @param failOver          how sequences of lost homes go on
 * @param buddy             copies of pages for and of other homes
 * @param hedging           second calls to other replicas
 * @param losses            frames to and from other nodes that were lost
 * @param drops             frames that came and were not handed on
 * @param peers             the other nodes
 */
public record EngineStatus(Epoch epoch, int running, int waiting, int gatewayRequests, int kvPagesTotal, int kvPagesFree,
        int rowsInFlight, int remoteRows, int experts, long expertBytes, long steps, long positions, long tokensGenerated,
        long preemptions, long localCalls, long remoteCalls, long repeatedCalls, long duplicateReturns, long refusedCalls,
        long failedCalls, int parkedCalls, long servedCalls, long refusedSequences, long droppedFrames, long sentBytes,
        Routing routing,
        FailOver failOver,
        Buddy buddy, Hedging hedging, LossCounters losses, DropCounters drops, List<Peer> peers) {

    /**
     * Counted once per accepted position; of a stream that changes its home, what its gateway had no tokens of is counted again.
     * With nothing in flight {@code expertCalls} is positions x routed layers x top-k, and {@code gateCalls} the sum of
     * {@code expertCalls}, {@code recomputedCalls} and {@code abandonedCalls}; a call that is sent again is in none of them twice.
     *
     * @param positions           that passed the last layer for the first time
     * @param expertCalls         of these positions
     * @param gateCalls           all that the gates asked for
     * @param recomputedPositions that passed the last layer again, after a preemption or a change of home
     * @param recomputedCalls     of these positions
     * @param abandonedCalls      of positions that were given up on their way: preempted, cancelled or failed
     */
    public record Routing(long positions, long expertCalls, long gateCalls, long recomputedPositions, long recomputedCalls,
            long abandonedCalls) {}

    /**
     * @param homeless       streams of this gateway that wait for a home now
     * @param takeovers      times that a stream of this gateway lost its home, or was given back, and another was to go on
     * @param fencedMessages of homes that had been taken over from, about streams that are open; none of them reached a client
     * @param takenOver      sequences that this home went on with
     */
    public record FailOver(int homeless, long takeovers, long fencedMessages, long takenOver) {}

    /**
     * @param pagesCopied      pages of this home's sequences that were sent whole to a buddy
     * @param bytesCopied      of these pages, and parts of others
     * @param givenUp          sequences of this home that a buddy had no room for
     * @param sequencesKept    of other homes, of which something is here now
     * @param pagesKept        of other homes' sequences that are here now
     * @param evicted          sequences of other homes that were dropped because their memory was needed
     * @param mismatched       pages that were not taken over because their ids or their size did not match
     * @param positionsAdopted positions that sequences of other homes did not compute again here
     */
    public record Buddy(long pagesCopied, long bytesCopied, long givenUp, int sequencesKept, int pagesKept, long evicted,
            long mismatched, long positionsAdopted) {}

    /**
     * @param calls expert calls that a second replica was given because the first took longer than usual; in no other counter of
     *              repeated calls
     * @param won   of these, where the second replica answered first
     */
    public record Hedging(long calls, long won) {}

    /**
     * @param nodeId      of the peer
     * @param name        of the peer
     * @param suspected   whether its heartbeats are overdue
     * @param silentNs    since it was heard
     * @param queuedBytes that wait for it to take them
     * @param slow        whether it is used only where no other node has a replica
     * @param typicalNs   it needs to answer a small call frame; 0 where nothing is known
     */
    public record Peer(int nodeId, String name, boolean suspected, long silentNs, int queuedBytes, boolean slow,
            long typicalNs) {}
}
