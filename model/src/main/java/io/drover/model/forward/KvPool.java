package io.drover.model.forward;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import io.drover.model.ModelConfig;
import io.drover.model.StorageType;
import io.drover.model.kernel.KvLayout;

/**
 * A fixed number of pages of key-value memory, off the heap, lent to sequences (Kwon et al. 2023, PagedAttention). A page is 32
 * consecutive positions of one sequence for all layers. Used by one thread.
 */
public final class KvPool implements AutoCloseable {
    public static final int POSITIONS_PER_PAGE = KvLayout.POSITIONS;
    /** No page. */
    public static final long NONE = -1;
    private static final int ALIGNMENT = 64;

    private final KvLayout layout;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory;
    private final long[] free;
    private int freePages;

    /** Bytes that a pool takes per page. */
    public static long bytesPerPage(final ModelConfig config, final StorageType kvType) {
        return KvLayout.of(config, kvType).pageBytes();
    }

    /** Takes {@code pages * bytesPerPage} of memory at once. */
    public KvPool(final ModelConfig config, final StorageType kvType, final int pages) {
        if (pages < 1) {
            throw new IllegalArgumentException("a key-value pool of " + pages + " pages; expected 1 or more");
        }
        layout = KvLayout.of(config, kvType);
        memory = arena.allocate(layout.pageBytes() * pages, ALIGNMENT);
        free = new long[pages];
        for (int i = 0; i < pages; i++) {
            free[i] = layout.pageBytes() * (pages - 1 - i);
        }
        freePages = pages;
    }

    public int totalPages() {
        return free.length;
    }

    public int freePages() {
        return freePages;
    }

    /** Pages that a sequence of so many positions holds. */
    public static int pagesFor(final int positions) {
        return (positions + POSITIONS_PER_PAGE - 1) / POSITIONS_PER_PAGE;
    }

    /** A sequence without pages. */
    public KvSequence open() {
        return new KvSequence(this);
    }

    /**
     * Grows a sequence until it holds {@code positions} in total.
     *
     * @return false, with nothing changed, if there are too few free pages
     */
    public boolean reserve(final KvSequence sequence, final int positions) {
        requireOwn(sequence);
        final int missing = pagesFor(positions) - sequence.pages();
        if (missing > freePages) {
            return false;
        }
        for (int i = 0; i < missing; i++) {
            sequence.add(free[--freePages]);
        }
        return true;
    }

    /** Takes all pages back; a sequence that has none is left as it is. It may be grown again, from position 0. */
    public void release(final KvSequence sequence) {
        requireOwn(sequence);
        for (int i = sequence.pages() - 1; i >= 0; i--) {
            free[freePages++] = sequence.pageOffsets()[i];
        }
        sequence.clear();
    }

    /**
     * A page that belongs to the caller and to no sequence from now on, until it is given back or to a sequence. Its contents mean
     * nothing.
     *
     * @return its name, or {@link #NONE} if none is free
     */
    public long take() {
        return freePages == 0 ? NONE : free[--freePages];
    }

    /** Gives a page back that was taken. */
    public void giveBack(final long page) {
        free[freePages++] = page;
    }

    /** Gives a page that was taken to a sequence: the keys and values of the 32 positions after those that it holds. */
    public void append(final KvSequence sequence, final long page) {
        requireOwn(sequence);
        sequence.add(page);
    }

    /** The memory of a page that was taken, or of a sequence's ({@link KvSequence#page}). */
    public MemorySegment page(final long page) {
        return memory.asSlice(page, layout.pageBytes());
    }

    /** Bytes of a page. What lies where depends on the model and the type only, so that it may be copied to another node's pool. */
    public long pageBytes() {
        return layout.pageBytes();
    }

    /** Frees the memory. No forward pass may be running. */
    @Override
    public void close() {
        arena.close();
    }

    MemorySegment memory() {
        return memory;
    }

    KvLayout layout() {
        return layout;
    }

    private void requireOwn(final KvSequence sequence) {
        if (!sequence.belongsTo(this)) {
            throw new IllegalArgumentException("the sequence belongs to another pool");
        }
    }
}
