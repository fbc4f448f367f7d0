/**
 * The arithmetic under the forward pass, for the CPU.
 *
 * <p>
 * <b>The law.</b> A row's result has the same bits alone and in any batch, tile or tail, on any number of threads, in the interpreter and
 * after each compiler, and for every vector width. Floating-point addition is not associative, so each result has one fixed order of
 * operations, and vectors are laid out so that the order never has to change: <em>lanes are different outputs</em>. In a multiply, lane
 * i of an accumulator is output i, and every output is one chain {@code acc = fma(w[o][k], x[k], acc)} over k = 0, 1, ... from 0. Tiles,
 * threads and vector widths only decide which chains advance together. Where a reduction over a row is unavoidable (mean square, softmax
 * denominator), it is a fixed number of strided partial sums, whatever the vector width, closed by a fixed tree. No transcendental comes
 * from a library: {@link io.drover.model.kernel.Exp} states the sequence of operations that the vector code repeats.
 *
 * <p>
 * <b>The layout.</b> A weight matrix is cut into panels of 32 outputs ({@link io.drover.model.kernel.PackedMatrix}); for each k a panel
 * holds its 32 weights side by side, 64 bytes of bfloat16. The keys of the cache are laid out in the same way, with positions in the
 * place of outputs ({@link io.drover.model.kernel.KvLayout}).
 *
 * <p>
 * <b>The code.</b> {@link io.drover.model.kernel.Kernels} is the contract, {@link io.drover.model.kernel.PlainKernels} its meaning in
 * scalar Java, {@link io.drover.model.kernel.VectorKernels} the fast one. Both are bit-identical. A vector kernel class is
 * defined once per vector width, so that the width is a constant to the compiler; its loops call no helper that takes or returns a
 * vector, because one that is not inlined costs a factor of ten. {@link io.drover.model.kernel.ComputeTeam} is the threads.
 * Start reading at {@code PlainKernels}.
 */
@NullMarked
package io.drover.model.kernel;

import org.jspecify.annotations.NullMarked;
