/**
 * Checkpoints: a model directory as published by Hugging Face becomes a {@link io.drover.model.ModelConfig} and matrices that are
 * read where they lie in the memory-mapped files.
 *
 * <p>
 * A checkpoint is two things. {@code config.json} holds the architecture's numbers, in spellings that differ between families and
 * over the years. The {@code .safetensors} files hold named tensors: a length, a JSON header that gives each name its number format,
 * shape and place, and the bytes. A linear layer's weight is stored [outputs, inputs].
 *
 * <p>
 * Families differ in names and numbers only, so a family is a row of a table ({@code Family.ALL}), never a class: which config keys
 * count, what holds where they are absent, how the router turns logits into weights, and what the experts' tensors are called. To
 * add a family whose decoder is of the same kind, add a row.
 *
 * <p>
 * Start at {@link io.drover.model.checkpoint.Checkpoint#open}. A file is untrusted input: all that the forward pass will read is
 * checked there, and whatever is wrong is refused with one line
 * ({@link io.drover.model.checkpoint.CheckpointException}).
 */
@NullMarked
package io.drover.model.checkpoint;

import org.jspecify.annotations.NullMarked;
