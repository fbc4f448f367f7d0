package io.drover.model.forward;

import java.lang.foreign.Arena;

import io.drover.model.StorageType;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.model.checkpoint.ExpertTensors;
import io.drover.model.kernel.Kernels;
import io.drover.model.kernel.Workspace.Buffer;

/**
 * One routed expert, packed off the heap. {@link #load} may run on any thread; {@link #run} uses the kernels' scratch, so it belongs to
 * the thread that owns the kernels.
 */
public final class ExpertWeights implements AutoCloseable {
    private final Arena arena;
    private final FeedForward feedForward;
    private final Kernels kernels;
    private final StorageType wireType;
    private final String digest;

    ExpertWeights(final Arena arena, final FeedForward feedForward, final Kernels kernels, final StorageType wireType,
            final String digest) {
        this.arena = arena;
        this.digest = digest;
        this.feedForward = feedForward;
        this.kernels = kernels;
        this.wireType = wireType;
    }

    /**
     * Reads and packs an expert. The checkpoint is not needed afterwards.
     *
     * @throws io.drover.model.checkpoint.CheckpointException if the files do not have it
     */
    public static ExpertWeights load(final Checkpoint checkpoint, final int layer, final int expert, final Kernels kernels,
            final StorageType wireType) {
        return load(checkpoint.expert(layer, expert), kernels, wireType);
    }

    static ExpertWeights load(final ExpertTensors tensors, final Kernels kernels, final StorageType wireType) {
        final Arena arena = Arena.ofShared();
        try {
            final FeedForward packed = FeedForward.pack(arena, tensors);
            return new ExpertWeights(arena, packed, kernels, wireType, new ExpertImage(packed).digest());
        } catch (final RuntimeException | Error e) {
            // An Error too is what a file that was cut off while it was open ends in.
            arena.close();
            throw e;
        }
    }

    /** The packed weights as bytes that another node can load; readable until {@link #close}. */
    public ExpertImage image() {
        return new ExpertImage(feedForward);
    }

    /** SHA-256 in hex of {@link #image}, as it was when the weights were loaded. */
    public String digest() {
        return digest;
    }

    /** Memory taken. */
    public long bytes() {
        return feedForward.bytes();
    }

    /** Computes every row of the batch and writes the results, rounded to the wire type. The batch is not cleared. */
    public void run(final ExpertBatch batch) {
        final int hidden = feedForward.hidden();
        final int rows = batch.size();
        final float[] gathered = kernels.workspace().floats(Buffer.GATHERED, rows * hidden);
        final float[] result = kernels.workspace().floats(Buffer.RESULT, rows * hidden);
        batch.gather(hidden, gathered);
        feedForward.run(kernels, gathered, rows, result);
        for (int i = 0; i < rows; i++) {
            kernels.round(wireType, result, i * hidden, hidden, batch.out(i), batch.outOffset(i));
            kernels.breathe();
        }
    }

    /** Frees the memory. No batch may be running. */
    @Override
    public void close() {
        arena.close();
    }
}
