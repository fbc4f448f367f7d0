package io.drover.actors;

import java.util.function.LongPredicate;

import io.drover.model.forward.ExpertBatch;
import io.drover.model.forward.ExpertWeights;

/**
 * The rows that wait for one expert replica on this node, and the way to run them. The engine adds rows, the replica's actor
 * runs them in merged batches; both on the node's compute thread, so nothing here is synchronised.
 */
final class ExpertPort {
    /** Told of each row that has been computed. */
    interface Completion {
        void completed(long tag);
    }

    private final ExpertWeights weights;
    private final Completion completion;
    private final Runnable signal;
    private final ExpertBatch batch;
    private final int batchRows;
    private final long[] running;
    private float[][] in = new float[64][];
    private float[][] out = new float[64][];
    private int[] inOffset = new int[64];
    private int[] outOffset = new int[64];
    private long[] tag = new long[64];
    private int head;
    private int size;
    private boolean signalled;
    private boolean closed;

    /** @param signal asks the actor to call {@link #runBatch} soon */
    ExpertPort(final ExpertWeights weights, final int batchRows, final Completion completion, final Runnable signal) {
        this.weights = weights;
        this.completion = completion;
        this.signal = signal;
        this.batchRows = batchRows;
        batch = new ExpertBatch(batchRows);
        running = new long[batchRows];
    }

    void add(final float[] rowIn, final int rowInOffset, final float[] rowOut, final int rowOutOffset, final long rowTag) {
        if (size == tag.length) {
            grow();
        }
        final int at = head + size & tag.length - 1;
        in[at] = rowIn;
        inOffset[at] = rowInOffset;
        out[at] = rowOut;
        outOffset[at] = rowOutOffset;
        tag[at] = rowTag;
        size++;
    }

    /** Asks for a run unless one is already asked for. */
    void signal() {
        if (!signalled && size > 0) {
            signalled = true;
            signal.run();
        }
    }

    /** Runs the oldest rows, up to one batch, and asks for another run if rows are left. Returns the rows that were run. */
    int runBatch() {
        signalled = false;
        final int rows = Math.min(size, batchRows);
        if (rows == 0) {
            return 0;
        }
        batch.clear();
        for (int i = 0; i < rows; i++) {
            batch.add(in[head], inOffset[head], out[head], outOffset[head]);
            running[i] = tag[head];
            in[head] = null;
            out[head] = null;
            head = head + 1 & tag.length - 1;
        }
        size -= rows;
        weights.run(batch);
        for (int i = 0; i < rows; i++) {
            completion.completed(running[i]);
        }
        signal();
        return rows;
    }

    /** Drops the rows whose tag the predicate names; their buffers may be used again afterwards. */
    void removeIf(final LongPredicate unwanted) {
        int kept = 0;
        final int mask = tag.length - 1;
        for (int i = 0; i < size; i++) {
            final int from = head + i & mask;
            if (!unwanted.test(tag[from])) {
                final int to = head + kept++ & mask;
                in[to] = in[from];
                inOffset[to] = inOffset[from];
                out[to] = out[from];
                outOffset[to] = outOffset[from];
                tag[to] = tag[from];
            }
        }
        size = kept;
    }

    int queued() {
        return size;
    }

    /** No row will be added any more. Returns whether that is news. */
    boolean close() {
        final boolean news = !closed;
        closed = true;
        return news;
    }

    private void grow() {
        final int capacity = tag.length;
        in = unroll(in, new float[capacity * 2][], capacity);
        out = unroll(out, new float[capacity * 2][], capacity);
        inOffset = unroll(inOffset, new int[capacity * 2], capacity);
        outOffset = unroll(outOffset, new int[capacity * 2], capacity);
        tag = unroll(tag, new long[capacity * 2], capacity);
        head = 0;
    }

    private <T> T unroll(final T from, final T to, final int capacity) {
        System.arraycopy(from, head, to, 0, capacity - head);
        System.arraycopy(from, 0, to, capacity - head, head);
        return to;
    }
}
