package io.drover.model;

/**
 * Draws the next token. Counter-based: the random number is a hash of the seed and the position, and holds no state, so that a
 * sequence that is preempted, moved or recomputed draws the same tokens again. All arithmetic is {@link StrictMath}'s or plain double,
 * hence the same on every machine.
 *
 * <p>
 * With temperature T, a token's weight is {@code exp((logit - max) / T)}. Candidates are taken in descending order of logit (the lower
 * id first among equals) from a binary heap, as many as top-k and top-p need, and one is chosen by inverting the cumulative weight.
 *
 * <p>
 * An instance is scratch memory for one vocabulary: reuse it, on one thread. {@link #sample} allocates nothing.
 */
public final class Sampler {
    /** For {@link #sample}: any token may be drawn. */
    public static final int[] NONE_BANNED = {};

    private static final long GOLDEN_GAMMA = 0x9e3779b97f4a7c15L;

    private final float[] logits;
    private final int[] heap;
    private final double[] weights;

    public Sampler(final int vocabSize) {
        logits = new float[vocabSize];
        heap = new int[vocabSize];
        weights = new double[vocabSize];
    }

    /** @see #sample(float[], int, Sampling, int, int[]) */
    public int sample(final float[] from, final Sampling sampling, final int position, final int[] banned) {
        return sample(from, 0, sampling, position, banned);
    }

    /**
     * @param from     logits at {@code [offset, offset + vocab)}; not changed. A NaN is never drawn.
     * @param position index in the sequence of the token to be drawn: the prompt's length for the first
     * @param banned   ids that must not be drawn, such as end tokens before a minimal length; not of the vocabulary: ignored
     * @throws IllegalArgumentException if no token is left to draw
     */
    public int sample(final float[] from, final int offset, final Sampling sampling, final int position, final int[] banned) {
        System.arraycopy(from, offset, logits, 0, logits.length);
        for (final int id : banned) {
            if (id >= 0 && id < logits.length) {
                logits[id] = Float.NEGATIVE_INFINITY;
            }
        }
        final int best = largest();
        if (sampling.temperature() == 0 || logits[best] == Float.POSITIVE_INFINITY) {
            return best;
        }
        final double uniform = uniform(sampling.seed(), position);
        final boolean all = sampling.topP() == 1 && (sampling.topK() == 0 || sampling.topK() >= logits.length);
        return all ? drawFromAll(best, sampling, uniform) : drawFromLargest(best, sampling, uniform);
    }

    /** A number in [0, 1) that depends on nothing but its arguments: SplitMix64 (Steele, Lea, Flood 2014) keyed by the seed. */
    static double uniform(final long seed, final int position) {
        return (mix(mix(seed + GOLDEN_GAMMA) + (position + 1L) * GOLDEN_GAMMA) >>> 11) * 0x1p-53;
    }

    private static long mix(final long value) {
        long z = value;
        z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }

    private int largest() {
        int best = -1;
        for (int id = 0; id < logits.length; id++) {
            if (logits[id] > (best < 0 ? Float.NEGATIVE_INFINITY : logits[best])) {
                best = id;
            }
        }
        if (best < 0) {
            throw new IllegalArgumentException("no token can be drawn: every logit is banned, -infinity or NaN");
        }
        return best;
    }

    private int drawFromAll(final int best, final Sampling sampling, final double uniform) {
        double total = 0;
        for (int id = 0; id < logits.length; id++) {
            total += weight(id, best, sampling);
            weights[id] = total;
        }
        final double target = uniform * total;
        for (int id = 0; id < logits.length; id++) {
            if (weights[id] > target) {
                return id;
            }
        }
        return best;
    }

    private int drawFromLargest(final int best, final Sampling sampling, final double uniform) {
        final int candidates = heapify();
        final boolean topK = sampling.topK() != 0;
        final int most = topK ? Math.min(candidates, sampling.topK()) : candidates;
        final double enough = topK ? Double.POSITIVE_INFINITY : sampling.topP() * totalWeight(best, sampling);
        int kept = 0;
        double total = 0;
        while (kept < most && total < enough) {
            total += weight(pop(candidates - kept), best, sampling);
            weights[kept++] = total;
        }
        if (topK) {
            while (kept > 1 && weights[kept - 2] >= sampling.topP() * total) {
                kept--;
            }
        }
        final double target = uniform * weights[kept - 1];
        int rank = 0;
        while (rank < kept - 1 && weights[rank] <= target) {
            rank++;
        }
        return heap[candidates - 1 - rank];
    }

    private double totalWeight(final int best, final Sampling sampling) {
        double total = 0;
        for (int id = 0; id < logits.length; id++) {
            total += weight(id, best, sampling);
        }
        return total;
    }

    private double weight(final int id, final int best, final Sampling sampling) {
        return drawable(id) ? StrictMath.exp(((double) logits[id] - logits[best]) / sampling.temperature()) : 0;
    }

    private boolean drawable(final int id) {
        return logits[id] > Float.NEGATIVE_INFINITY;
    }

    /** Fills the heap with all that can be drawn, the largest on top, and returns how many those are. */
    private int heapify() {
        int size = 0;
        for (int id = 0; id < logits.length; id++) {
            if (drawable(id)) {
                heap[size++] = id;
            }
        }
        for (int parent = size / 2 - 1; parent >= 0; parent--) {
            sink(parent, size);
        }
        return size;
    }

    /** Moves the top of a heap of this size behind its end, and returns it. */
    private int pop(final int size) {
        final int top = heap[0];
        heap[0] = heap[size - 1];
        sink(0, size - 1);
        heap[size - 1] = top;
        return top;
    }

    private void sink(final int from, final int size) {
        int parent = from;
        while (2 * parent + 1 < size) {
            int child = 2 * parent + 1;
            if (child + 1 < size && before(heap[child + 1], heap[child])) {
                child++;
            }
            if (!before(heap[child], heap[parent])) {
                return;
            }
            final int id = heap[parent];
            heap[parent] = heap[child];
            heap[child] = id;
            parent = child;
        }
    }

    private boolean before(final int id, final int other) {
        return logits[id] > logits[other] || logits[id] == logits[other] && id < other;
    }
}
