package io.drover.placement.lab;

/** An endless or long stream of routed tokens, as a cluster would see them: many sequences at once. */
interface TokenStream {
    int layers();

    int experts();

    int topK();

    /**
     * Moves to the next token.
     *
     * @param chosen  receives [layer][rank] experts
     * @param weights receives [layer][rank] gate weights
     * @return a number that tells its sequence apart, for the draw of its home
     */
    int next(int[][] chosen, float[][] weights);

    /** What the stream is about at present. */
    String phase();
}
