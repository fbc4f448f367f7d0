/**
 * How fast the kernels are: {@link io.drover.bench.kernel.KernelCeilings} as shares of what the machine gives in the same run,
 * {@link io.drover.bench.kernel.KernelBenchmark} in absolute numbers by JMH.
 */
@NullMarked
package io.drover.bench.kernel;

import org.jspecify.annotations.NullMarked;
