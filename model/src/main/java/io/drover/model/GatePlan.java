package io.drover.model;

/**
 * How a router turns its logits into experts and weights, as data: {@code logits -> score -> top-k of the score (lower index
 * wins a tie) -> weight -> normalise -> scale}. Every supported family is one value of this record.
 *
 * @param score     applied to all logits before selection
 * @param weight    where the weights of the selected experts come from
 * @param normalise what is done to the k weights afterwards
 * @param scale     factor on the final weights
 */
public record GatePlan(Score score, Weight weight, Normalise normalise, float scale) {
    /** The function applied to all logits. */
    public enum Score {
        IDENTITY, SOFTMAX
    }

    /** Where a selected expert's weight comes from. */
    public enum Weight {
        /** Its score. */
        SCORE,
        /** The softmax over the scores of the k selected. */
        SOFTMAX_OF_SELECTED
    }

    /** What is done to the k weights. */
    public enum Normalise {
        NONE,
        /** Divided by their sum. */
        SUM
    }
}
