package io.drover.placement;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * A bounded sample of whole paths, a path being the experts of one position in all routed layers. Weighted sampling without
 * replacement: each path has the key -ln(u) / weight and the smallest keys stay (Efraimidis and Spirakis 2006), so that samples
 * of several nodes merge by their keys and decay is a division of all of them.
 */
final class PathSample {
    final int capacity;
    final int stride;
    final short[] experts;
    final int[] sequences;
    private final double[] keys;
    private final int[] heap;
    private int size;
    private long state;

    PathSample(final int capacity, final int stride, final long seed) {
        this.capacity = capacity;
        this.stride = stride;
        experts = new short[capacity * stride];
        sequences = new int[capacity];
        keys = new double[capacity];
        heap = new int[capacity];
        state = seed;
    }

    int size() {
        return size;
    }

    /** The slot that a new path of weight 1 is to be written to, or -1 when it is not sampled. */
    int offer(final int sequence) {
        return place(-Math.log(nextDouble()), sequence);
    }

    private int place(final double key, final int sequence) {
        if (capacity == 0 || size == capacity && key >= keys[heap[0]]) {
            return -1;
        }
        final int slot;
        if (size < capacity) {
            slot = size;
            keys[slot] = key;
            heap[size++] = slot;
            up(size - 1);
        } else {
            slot = heap[0];
            keys[slot] = key;
            down(0);
        }
        sequences[slot] = sequence;
        return slot;
    }

    double key(final int slot) {
        return keys[slot];
    }

    /** All slots in use, the smallest key first: any prefix is a sample of its own. */
    int[] slotsByKey() {
        return IntStream.range(0, size)
                .boxed()
                .sorted(Comparator.comparingDouble(this::key))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /** Where the random numbers stand, so that a restored sample goes on with new ones. */
    long state() {
        return state;
    }

    /** Takes a path with its key from another sample. */
    void absorb(final double key, final int sequence, final short[] from, final int offset) {
        final int slot = place(key, sequence);
        if (slot >= 0) {
            System.arraycopy(from, offset, experts, slot * stride, stride);
        }
    }

    void merge(final PathSample other) {
        for (int slot = 0; slot < other.size; slot++) {
            absorb(other.keys[slot], other.sequences[slot], other.experts, slot * stride);
        }
    }

    void decay(final double factor) {
        if (factor == 0) {
            size = 0;
            Arrays.fill(keys, 0);
        }
        for (int slot = 0; slot < size; slot++) {
            keys[slot] /= factor;
        }
    }

    /** True with probability 1 / n. */
    boolean oneIn(final int n) {
        return n == 1 || nextDouble() * n <= 1;
    }

    /** In (0, 1]; SplitMix64. */
    private double nextDouble() {
        state += 0x9e3779b97f4a7c15L;
        long z = state;
        z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        z ^= z >>> 31;
        return ((z >>> 11) + 1) * 0x1.0p-53;
    }

    private void up(final int start) {
        int i = start;
        while (i > 0 && keys[heap[(i - 1) / 2]] < keys[heap[i]]) {
            swap(i, (i - 1) / 2);
            i = (i - 1) / 2;
        }
    }

    private void down(final int start) {
        int i = start;
        while (true) {
            final int left = 2 * i + 1;
            int largest = i;
            if (left < size && keys[heap[left]] > keys[heap[largest]]) {
                largest = left;
            }
            if (left + 1 < size && keys[heap[left + 1]] > keys[heap[largest]]) {
                largest = left + 1;
            }
            if (largest == i) {
                return;
            }
            swap(i, largest);
            i = largest;
        }
    }

    private void swap(final int a, final int b) {
        final int slot = heap[a];
        heap[a] = heap[b];
        heap[b] = slot;
    }
}
