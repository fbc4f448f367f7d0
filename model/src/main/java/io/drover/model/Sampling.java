package io.drover.model;

/**
 * How the next token is drawn from the logits.
 *
 * @param temperature 0 for greedy
 * @param topP        in (0, 1]; 1 keeps all
 * @param topK        0 keeps all
 * @param seed        with the position, the only source of randomness
 */
public record Sampling(float temperature, float topP, int topK, long seed) {
    public static final Sampling GREEDY = new Sampling(0, 1, 0, 0);
}
