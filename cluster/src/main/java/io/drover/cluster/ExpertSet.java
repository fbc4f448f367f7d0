package io.drover.cluster;

import java.util.Arrays;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * An immutable set of (layer, expert) pairs of one device, kept as ascending codes {@code layer << 16 | expert}: what a node is to
 * hold, and what it holds.
 */
final class ExpertSet {
    static final ExpertSet EMPTY = new ExpertSet(new int[0]);
    static final int MAX_EXPERTS = 1 << 16;
    static final int MAX_LAYERS = 1 << 15;

    private final int[] codes;

    private ExpertSet(final int[] codes) {
        this.codes = codes;
    }

    /** @param codes in any order, with or without repeats; none negative */
    static ExpertSet of(final IntStream codes) {
        final int[] sorted = codes.toArray();
        Arrays.sort(sorted);
        if (sorted.length > 0 && sorted[0] < 0) {
            throw new IllegalArgumentException("code " + sorted[0] + " is negative: no layer << 16 | expert");
        }
        int distinct = 0;
        for (final int code : sorted) {
            if (distinct == 0 || code != sorted[distinct - 1]) {
                sorted[distinct++] = code;
            }
        }
        return distinct == 0 ? EMPTY : new ExpertSet(Arrays.copyOf(sorted, distinct));
    }

    static int code(final int layer, final int expert) {
        if (layer < 0 || layer >= MAX_LAYERS || expert < 0 || expert >= MAX_EXPERTS) {
            throw new IllegalArgumentException("L" + layer + "/E" + expert + " is out of range: layers below " + MAX_LAYERS
                    + ", experts below " + MAX_EXPERTS);
        }
        return layer << 16 | expert;
    }

    static int layer(final int code) {
        return code >>> 16;
    }

    static int expert(final int code) {
        return code & 0xffff;
    }

    int size() {
        return codes.length;
    }

    boolean contains(final int layer, final int expert) {
        return contains(code(layer, expert));
    }

    boolean contains(final int code) {
        return Arrays.binarySearch(codes, code) >= 0;
    }

    boolean containsAll(final ExpertSet other) {
        return other.codes().allMatch(this::contains);
    }

    /** The codes, ascending. */
    IntStream codes() {
        return Arrays.stream(codes);
    }

    ExpertSet filter(final IntPredicate keep) {
        return of(codes().filter(keep));
    }

    ExpertSet with(final int code) {
        return contains(code) ? this : of(IntStream.concat(codes(), IntStream.of(code)));
    }

    @Override
    public boolean equals(final Object other) {
        return other instanceof ExpertSet that && Arrays.equals(codes, that.codes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(codes);
    }

    @Override
    public String toString() {
        return codes().mapToObj(code -> "L" + layer(code) + "/E" + expert(code)).toList().toString();
    }
}
