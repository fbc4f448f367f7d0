package io.drover.model;

import org.jspecify.annotations.Nullable;

/**
 * What the feed-forward half of one layer is: a dense MLP, or routed experts with an optional shared expert beside them.
 *
 * @param denseWidth intermediate width of the dense MLP; 0 for an MoE layer
 * @param moe        the routed experts; null for a dense layer
 */
public record LayerPlan(int denseWidth, @Nullable Moe moe) {

    /**
     * @param experts     routed experts of the layer
     * @param topK        experts per token
     * @param expertWidth intermediate width of one expert
     * @param gate        the router's pipeline
     * @param shared      an expert that every token uses; null if there is none
     */
    public record Moe(int experts, int topK, int expertWidth, GatePlan gate, @Nullable Shared shared) {}

    /**
     * @param width intermediate width
     * @param gated whether its output is multiplied by sigmoid(x·g)
     */
    public record Shared(int width, boolean gated) {}
}
