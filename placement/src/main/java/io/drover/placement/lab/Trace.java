package io.drover.placement.lab;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Recorded routing of a model: for each token and layer the experts that its gate chose, in rank order, with their gate weights.
 * Tokens of one sequence are consecutive; the token after the last of one sequence begins the next.
 *
 * @param model     name of the model, for reports
 * @param layers    layers with routed experts
 * @param experts   routed experts of each layer
 * @param topK      experts per token and layer
 * @param ids       [token, layer, rank] flat in C order, highest gate first
 * @param weights   gate weights in the shape of {@code ids}; they need not sum to 1
 * @param sequences in the order of their tokens, without gaps
 */
record Trace(String model, int layers, int experts, int topK, short[] ids, float[] weights, List<Sequence> sequences) {
    /**
     * One sequence of tokens.
     *
     * @param name       as recorded
     * @param domain     what it is about; {@code ""} if unknown
     * @param firstToken index of its first token in the trace
     * @param tokens     number of its tokens
     */
    record Sequence(String name, String domain, int firstToken, int tokens) {
        int end() {
            return firstToken + tokens;
        }
    }

    int tokens() {
        return ids.length / (layers * topK);
    }

    /** Index of (token, layer, rank 0) in {@link #ids}. */
    int at(final int token, final int layer) {
        return (token * layers + layer) * topK;
    }

    /** Copies a token's experts into [layer][rank]. */
    void row(final int token, final int[][] chosen) {
        int at = at(token, 0);
        for (int layer = 0; layer < layers; layer++) {
            for (int rank = 0; rank < topK; rank++) {
                chosen[layer][rank] = ids[at++];
            }
        }
    }

    /** Index of the sequence that a token belongs to. */
    int sequenceOf(final int token) {
        int low = 0;
        int high = sequences.size() - 1;
        while (low < high) {
            final int middle = (low + high + 1) >>> 1;
            if (sequences.get(middle).firstToken() <= token) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return low;
    }

    /** The domains in the order of their first sequence. */
    Set<String> domains() {
        final Set<String> domains = new LinkedHashSet<>();
        for (final Sequence sequence : sequences) {
            domains.add(sequence.domain());
        }
        return domains;
    }

    /** A trace of these sequences of this one, in the given order; one may be named more than once. */
    Trace select(final List<Sequence> chosen) {
        int total = 0;
        for (final Sequence sequence : chosen) {
            total = Math.addExact(total, sequence.tokens());
        }
        final int stride = layers * topK;
        final short[] newIds = new short[Math.multiplyExact(total, stride)];
        final float[] newWeights = new float[newIds.length];
        final List<Sequence> moved = new ArrayList<>(chosen.size());
        int token = 0;
        for (final Sequence sequence : chosen) {
            System.arraycopy(ids, sequence.firstToken() * stride, newIds, token * stride, sequence.tokens() * stride);
            System.arraycopy(weights, sequence.firstToken() * stride, newWeights, token * stride,
                    sequence.tokens() * stride);
            moved.add(new Sequence(sequence.name(), sequence.domain(), token, sequence.tokens()));
            token += sequence.tokens();
        }
        return new Trace(model, layers, experts, topK, newIds, newWeights, List.copyOf(moved));
    }
}
