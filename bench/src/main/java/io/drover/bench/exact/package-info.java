/**
 * Judges a running server from outside: are its token ids the ones that the oracle computes? Start reading at
 * {@link io.drover.bench.exact.ExactCheck}.
 */
@NullMarked
package io.drover.bench.exact;

import org.jspecify.annotations.NullMarked;
