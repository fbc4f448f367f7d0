/**
 * WHAT a token becomes: an architecture as numbers, and the plain forward pass that says what is right.
 *
 * <p>
 * A decoder-only transformer maps the tokens so far to one number per token of the vocabulary, its logit. Per layer, a residual
 * stream of {@code hiddenSize} numbers per position is read twice and added to twice: by attention, which mixes positions, and by the
 * feed-forward half, which does not. In a Mixture-of-Experts layer a router scores all experts and the position visits only the best k
 * of them: many parameters, few of them used per token. Every family served is a {@link io.drover.model.ModelConfig}: widths, norms,
 * and per layer a {@link io.drover.model.LayerPlan} with the router's {@link io.drover.model.GatePlan}. Variations are values, not
 * classes.
 *
 * <p>
 * Arithmetic is float32. Numbers are rounded to a {@link io.drover.model.StorageType} in three places only: stored weights, keys and
 * values, and what travels to and from a routed expert.
 *
 * <p>
 * Start at {@link io.drover.model.ReferenceForward}: the whole mathematics on one page, one thread and no cleverness. It is the oracle
 * of all tests; the served path is {@code forward} over {@code kernel}. {@link io.drover.model.Sampler} turns logits into the next
 * token. {@code checkpoint} reads models, {@code text} turns strings into tokens and back.
 */
@NullMarked
package io.drover.model;

import org.jspecify.annotations.NullMarked;
