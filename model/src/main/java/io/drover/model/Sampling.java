package io.drover.model;

/**
 * How the next token is drawn from the logits: temperature first, then top-k, then top-p of what is left.
 *
 * @param temperature divides the logits; 0 for greedy, where the rest is without effect
 * @param topP        in (0, 1]: the most likely tokens whose probabilities reach it are kept; 1 keeps all
 * @param topK        the most likely tokens kept; 0 keeps all
 * @param seed        with the position, the only source of randomness
 */
public record Sampling(float temperature, float topP, int topK, long seed) {
    public static final Sampling GREEDY = new Sampling(0, 1, 0, 0);

    /** @throws IllegalArgumentException naming the value and the accepted range */
    public Sampling {
        if (!(temperature >= 0 && temperature < Float.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("temperature is " + temperature + "; expected a number of 0 or more");
        }
        if (!(topP > 0 && topP <= 1)) {
            throw new IllegalArgumentException("top_p is " + topP + "; expected a number above 0 and at most 1");
        }
        if (topK < 0) {
            throw new IllegalArgumentException("top_k is " + topK + "; expected 0 (all) or more");
        }
    }
}
