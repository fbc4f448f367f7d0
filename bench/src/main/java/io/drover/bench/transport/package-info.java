/**
 * What the data plane adds to Aeron. {@link io.drover.bench.transport.FrameLatency} sends a token's call and its return between two
 * nodes, and bytes of the same sizes over bare Aeron, in alternating rounds of one run, because on a shared machine only what was
 * measured side by side can be compared.
 */
@NullMarked
package io.drover.bench.transport;

import org.jspecify.annotations.NullMarked;
