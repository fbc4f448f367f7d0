/**
 * How fast a server answers, seen from outside, over real HTTP: a closed loop of so many clients, each of which sends its next request when
 * its last has ended.
 *
 * <p>
 * Two times matter to a reader: until the first token (TTFT) and between tokens (ITL). Both are taken when a line of the event stream has been
 * read. Every stream is judged: it ended properly if, and only if, each choice had a {@code finish_reason}, {@code [DONE]} came last, and as
 * many tokens came as the usage says. Load generators that count a stream once its first chunk has come cannot find losses; this one does.
 *
 * <p>
 * Start reading at {@link io.drover.bench.serve.StreamJudge}, then {@link io.drover.bench.serve.ServeBench}.
 */
@NullMarked
package io.drover.bench.serve;

import org.jspecify.annotations.NullMarked;
