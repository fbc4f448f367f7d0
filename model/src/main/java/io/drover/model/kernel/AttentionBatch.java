package io.drover.model.kernel;

import java.lang.foreign.MemorySegment;

/**
 * What one call of {@link Kernels#attend} works on: queries of one layer, each with the pages of its own sequence. Filled by the
 * owner and reused; growing is the only allocation.
 */
public final class AttentionBatch {
    final KvLayout layout;
    final int heads;
    final float scale;
    MemorySegment pool = MemorySegment.NULL;
    int layer;
    int count;
    /** Byte offsets of the pages of each row's sequence, in order of position. */
    long[][] pages = new long[0][];
    /** Positions that a row sees: its own and all before. */
    int[] lengths = new int[0];
    float[] queries = new float[0];
    float[] outputs = new float[0];

    /**
     * @param heads query heads; a multiple of the layout's kv heads
     * @param scale factor on q·k
     */
    public AttentionBatch(final KvLayout layout, final int heads, final float scale) {
        this.layout = layout;
        this.heads = heads;
        this.scale = scale;
    }

    /**
     * Starts a batch.
     *
     * @param layer   layer whose keys and values are read
     * @param queries [rows, heads * headDim] of at least {@code rows} rows
     * @param outputs the same shape, written
     */
    public void begin(final int layer, final int rows, final float[] queries, final float[] outputs) {
        this.layer = layer;
        this.queries = queries;
        this.outputs = outputs;
        count = 0;
        if (lengths.length < rows) {
            lengths = new int[rows];
            pages = new long[rows][];
        }
    }

    /** Adds the next row, which sees the first {@code length} positions of the sequence in {@code pages} of {@code pool}. */
    public void add(final MemorySegment pool, final long[] pages, final int length) {
        this.pool = pool;
        this.pages[count] = pages;
        lengths[count++] = length;
    }

    /** Query heads that share a key-value head. */
    int group() {
        return heads / layout.kvHeads();
    }
}
