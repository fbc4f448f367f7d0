/**
 * Events against a live cluster of several JVMs: migrations, kills, pauses, joins and leaves under a closed loop of streams.
 *
 * <p>
 * A trial is a list of phases, some with the event and some without it. {@link io.drover.bench.live.Load} records every request and every
 * token with its index and time as one JSON line per stream; {@link io.drover.bench.live.Verdict} judges the records afterwards: token
 * ids against the model's {@code expected.json}, gaps between tokens, streams without a proper end. Start reading at
 * {@link io.drover.bench.live.LiveBench}.
 */
@NullMarked
package io.drover.bench.live;

import org.jspecify.annotations.NullMarked;
