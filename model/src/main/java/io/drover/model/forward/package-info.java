/**
 * What a token's rows go through: {@link io.drover.model.forward.Trunk} is everything but the routed experts,
 * {@link io.drover.model.forward.ExpertWeights} is one routed expert. A layer of a row is
 *
 * <pre>
 * trunk.attend    residual += attention(norm(residual))           writes the row's key and value first
 * trunk.route     input = wire(norm(residual)); experts, weights  a dense layer is finished here
 * expert.run      output = wire(swiglu(input))                    for each chosen expert, on any node
 * trunk.combine   residual += sum in rank order of weight * output, + shared expert
 * </pre>
 *
 * <p>
 * The owner of the loop decides which rows go together in a call, and may decide anything: a row's bits do not depend on it. They depend
 * on the row's token, its position, and the keys and values of the positions before it, which are rounded to the cache's type before
 * anything reads them; and expert inputs and outputs are rounded to the wire's type, whether they travel or not.
 *
 * <p>
 * Families are data: {@link io.drover.model.ModelConfig} says which norms, biases and factors apply, {@link io.drover.model.GatePlan}
 * what the gate does. Start reading at {@code Trunk}.
 */
@NullMarked
package io.drover.model.forward;

import org.jspecify.annotations.NullMarked;
