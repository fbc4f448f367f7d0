package io.drover.model.forward;

import io.drover.model.GatePlan;
import io.drover.model.GatePlan.Normalise;
import io.drover.model.GatePlan.Score;
import io.drover.model.GatePlan.Weight;
import io.drover.model.kernel.Softmax;

/**
 * Turns router logits into experts and weights, by the pipeline of a {@link GatePlan}. Scalar and in one order, so the same everywhere.
 */
final class Gate {
    private Gate() {}

    /**
     * @param logits  [count] from {@code offset}; overwritten
     * @param experts receives k indices from {@code to}, highest weight first; of equal ones the lower index
     * @param weights receives k weights from {@code to}
     */
    static void route(final GatePlan plan, final float[] logits, final int offset, final int count, final int k,
            final int[] experts,
            final float[] weights, final int to) {
        if (plan.score() == Score.SOFTMAX) {
            Softmax.run(logits, offset, count);
        }
        select(logits, offset, count, k, experts, weights, to);
        if (plan.weight() == Weight.SOFTMAX_OF_SELECTED) {
            Softmax.run(weights, to, k);
        }
        if (plan.normalise() == Normalise.SUM) {
            float sum = 0;
            for (int rank = 0; rank < k; rank++) {
                sum += weights[to + rank];
            }
            for (int rank = 0; rank < k; rank++) {
                weights[to + rank] /= sum;
            }
        }
        for (int rank = 0; rank < k; rank++) {
            weights[to + rank] *= plan.scale();
        }
    }

    /** Insertion into the k best so far; a NaN never beats anything, and k experts are chosen even if all are NaN. */
    private static void select(final float[] scores, final int offset, final int count, final int k, final int[] experts,
            final float[] weights, final int to) {
        int chosen = 0;
        for (int expert = 0; expert < count; expert++) {
            final float score = scores[offset + expert];
            if (chosen == k && !(score > weights[to + k - 1])) {
                continue;
            }
            int rank = chosen < k ? chosen++ : k - 1;
            while (rank > 0 && score > weights[to + rank - 1]) {
                experts[to + rank] = experts[to + rank - 1];
                weights[to + rank] = weights[to + rank - 1];
                rank--;
            }
            experts[to + rank] = expert;
            weights[to + rank] = score;
        }
    }
}
