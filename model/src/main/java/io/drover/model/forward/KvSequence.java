package io.drover.model.forward;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;

import io.drover.model.kernel.KvLayout;

/**
 * The keys and values of one sequence: pages of a {@link KvPool} in order of position. Which pages it has changes no result. Used by the
 * pool's thread only.
 */
public final class KvSequence {
    private final KvPool pool;
    private long[] pageOffsets = new long[4];
    private int pages;

    KvSequence(final KvPool pool) {
        this.pool = pool;
    }

    /** Positions that its pages hold. */
    public int capacity() {
        return pages * KvPool.POSITIONS_PER_PAGE;
    }

    /** Pages it holds. */
    public int pages() {
        return pages;
    }

    /** The page of positions {@code [32 * index, 32 * index + 32)}, as its pool names it. */
    public long page(final int index) {
        return pageOffsets[Objects.checkIndex(index, pages)];
    }

    MemorySegment memory() {
        return pool.memory();
    }

    KvLayout layout() {
        return pool.layout();
    }

    /** Byte offsets of the pages in the pool's memory; entries beyond {@link #pages()} mean nothing. */
    long[] pageOffsets() {
        return pageOffsets;
    }

    void write(final int layer, final int position, final float[] key, final int keyFrom, final float[] value,
            final int valueFrom) {
        if (position >= capacity()) {
            throw new IllegalStateException(
                    "position " + position + " of a sequence that reserved " + capacity() + "; reserve before the forward pass");
        }
        pool.layout()
                .write(pool.memory(), pageOffsets[position / KvPool.POSITIONS_PER_PAGE], layer, position, key, keyFrom, value,
                        valueFrom);
    }

    boolean belongsTo(final KvPool owner) {
        return pool == owner;
    }

    void add(final long pageOffset) {
        if (pages == pageOffsets.length) {
            pageOffsets = Arrays.copyOf(pageOffsets, 2 * pages);
        }
        pageOffsets[pages++] = pageOffset;
    }

    void clear() {
        pages = 0;
    }
}
