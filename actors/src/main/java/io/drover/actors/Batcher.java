package io.drover.actors;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;

/**
 * Which sequences of a home run, and which positions of each go into the layers next: admission, continuous batching,
 * chunked prefill, preemption. A pure step machine: it knows neither time nor threads, and acts through {@link Actions}.
 *
 * <p>A sequence is
 * <ul>
 * <li><b>waiting</b> from {@link #offer}, or after a preemption; those that another home had begun first, then oldest admission;
 * <li><b>running</b> once pages for all its known tokens are free; it has at most one chunk in flight. Positions
 * {@code [computed, length)} are what is left to compute: one position is a decode step, more are prefill or recomputation;
 * <li><b>ended</b> by {@link #end}: its pages are free.
 * </ul>
 * When pages run out, the youngest running sequence is preempted: it gives up all its pages and waits again with the tokens it
 * has; recomputing them gives the same bits. The oldest is never preempted for a younger one, so it always makes progress.
 */
final class Batcher {
    /** What the machine asks of its shell. */
    interface Actions {
        /**
         * Grow the sequence's pages to hold {@code positions}; false, and nothing changed, if there are not enough. Its first pages may
         * be such as hold {@link Sequence#adopted} positions already.
         */
        boolean reserve(Sequence sequence, int positions);

        /** Give back all pages of the sequence; nothing is adopted any more. */
        void release(Sequence sequence);

        /** Send positions {@code [sequence.computed, sequence.computed + sequence.chunkLength)} through the layers. */
        void start(Sequence sequence);

        /** Forget the chunk in flight of a sequence that was preempted or ended. */
        void abandon(Sequence sequence);
    }

    /** The answer to an offer. */
    enum Offer {
        ACCEPTED, QUEUE_FULL, TOO_LONG
    }

    private final Limits limits;
    private final Actions actions;
    private final TreeSet<Sequence> waiting = new TreeSet<>(Comparator.comparingLong(s -> s.order));
    private final ArrayList<Sequence> running = new ArrayList<>();
    private long nextOrder = 1;
    private long nextBegunOrder = Long.MIN_VALUE;
    private int prefillRows;
    private long preemptions;

    /**
     * @param maxWaiting       sequences that may wait; one more is refused. As many again that another home had begun
     * @param maxRunning       sequences that may run at once
     * @param prefillRows      positions of prefill that may be in flight at once, over all sequences
     * @param prefillChunk     positions of one sequence's chunk, at most
     * @param positionCapacity positions that the whole KV cache holds
     */
    record Limits(int maxWaiting, int maxRunning, int prefillRows, int prefillChunk, long positionCapacity) {}

    Batcher(final Limits limits, final Actions actions) {
        this.limits = limits;
        this.actions = actions;
    }

    Offer offer(final Sequence sequence) {
        if (sequence.longest() - 1 > limits.positionCapacity()) {
            return Offer.TOO_LONG;
        }
        // A stream that has begun and lost its home comes before those whose clients have seen nothing yet.
        final boolean begun = sequence.generated() > 0;
        if (waiting.size() >= limits.maxWaiting() * (begun ? 2 : 1)) {
            return Offer.QUEUE_FULL;
        }
        sequence.order = begun ? nextBegunOrder++ : nextOrder++;
        waiting.add(sequence);
        return Offer.ACCEPTED;
    }

    /** Starts every chunk that may start now. */
    void schedule() {
        admit();
        // Oldest first, and over a copy of the order: a preemption removes from the end.
        for (int i = 0; i < running.size(); i++) {
            final Sequence sequence = running.get(i);
            if (sequence.chunkLength == 0) {
                startChunk(sequence);
            }
        }
    }

    private void admit() {
        while (!waiting.isEmpty() && running.size() < limits.maxRunning()) {
            final Sequence sequence = waiting.first();
            if (!actions.reserve(sequence, sequence.length())) {
                return;
            }
            waiting.remove(sequence);
            sequence.running = true;
            sequence.computed = sequence.adopted;
            insertByOrder(sequence);
        }
    }

    private void insertByOrder(final Sequence sequence) {
        int at = running.size();
        while (at > 0 && running.get(at - 1).order > sequence.order) {
            at--;
        }
        running.add(at, sequence);
    }

    private void startChunk(final Sequence sequence) {
        final int remaining = sequence.length() - sequence.computed;
        final boolean prefill = remaining > 1;
        final int chunk = prefill
                ? Math.min(Math.min(remaining, limits.prefillChunk()), limits.prefillRows() - prefillRows)
                : remaining;
        if (chunk <= 0 || !reserveOrPreempt(sequence, sequence.computed + chunk)) {
            return;
        }
        sequence.chunkLength = chunk;
        prefillRows += chunk > 1 ? chunk : 0;
        actions.start(sequence);
    }

    private boolean reserveOrPreempt(final Sequence sequence, final int positions) {
        while (!actions.reserve(sequence, positions)) {
            final Sequence youngest = running.getLast();
            preempt(youngest);
            if (youngest == sequence) {
                return false;
            }
        }
        return true;
    }

    private void preempt(final Sequence sequence) {
        leaveRunning(sequence);
        sequence.computed = 0;
        waiting.add(sequence);
        preemptions++;
    }

    private void leaveRunning(final Sequence sequence) {
        running.remove(sequence);
        sequence.running = false;
        if (sequence.chunkLength > 0) {
            prefillRows -= sequence.chunkLength > 1 ? sequence.chunkLength : 0;
            sequence.chunkLength = 0;
            sequence.generation++;
            actions.abandon(sequence);
        }
        actions.release(sequence);
    }

    /**
     * The chunk in flight has passed the last layer.
     *
     * @return whether the logits of its last position give the next token
     */
    boolean chunkDone(final Sequence sequence) {
        prefillRows -= sequence.chunkLength > 1 ? sequence.chunkLength : 0;
        sequence.computed += sequence.chunkLength;
        sequence.chunkLength = 0;
        return sequence.computed == sequence.length();
    }

    /** Ends a sequence in whatever state it is; idempotent. */
    void end(final Sequence sequence, final Sequence.Ending ending) {
        if (sequence.ended()) {
            return;
        }
        sequence.ending = ending;
        if (sequence.running) {
            leaveRunning(sequence);
        } else {
            waiting.remove(sequence);
        }
    }

    int waiting() {
        return waiting.size();
    }

    int running() {
        return running.size();
    }

    /** The running sequences, oldest first; not to be changed, and valid until the next event. */
    List<Sequence> runningNow() {
        return running;
    }

    long preemptions() {
        return preemptions;
    }

    /** All sequences that have not ended, oldest first. */
    List<Sequence> live() {
        final List<Sequence> all = new ArrayList<>(running);
        all.addAll(waiting);
        all.sort(Comparator.comparingLong(s -> s.order));
        return all;
    }
}
