package io.drover.actors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

import org.apache.pekko.stream.javadsl.Sink;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

import io.drover.placement.Relation;
import io.drover.placement.RoutingStatistics;

/** What the gates of whole engines chose, counted once per accepted position whatever happens to the sequences. */
class RoutingCountTest {
    private static final Path MODEL = Path.of(System.getProperty("drover.root"), "model", "demo");
    private static final int LAYERS = 8;
    private static final int EXPERTS = 16;
    private static final int TOP_K = 2;

    private static List<Integer> prompt(final int number, final int length) {
        return IntStream.range(0, length).mapToObj(i -> 1 + (number * 7919 + i * 31) % 4000).toList();
    }

    @Test
    void reconcilesWithPreemptionsAndCancels() throws Exception {
        try (EngineNodes nodes = new EngineNodes(MODEL, 2, "drover.engine.warm-up = 500 ms\ndrover.engine.kv-cache = 6 MiB")) {
            nodes.place(nodes.contiguous());
            final List<RoutingTape> tapes = nodes.engines.stream()
                    .map(engine -> engine.startRecording(64 << 20).toCompletableFuture().join())
                    .toList();
            assertThatThrownBy(() -> nodes.engines.getFirst().startRecording(1).toCompletableFuture().join())
                    .hasMessageContaining("runs already");
            final List<CompletableFuture<List<TokenEvent>>> running = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                running.add(nodes.generate(i % 2, EngineNodes.greedy(prompt(i, 60 + i), 48)));
            }
            for (int i = 0; i < 6; i++) {
                final var admission = nodes.engines.get(i % 2).gateway().submit(EngineNodes.greedy(prompt(100 + i, 90), 400));
                final var accepted = (Gateway.Admission.Accepted) admission.toCompletableFuture().join();
                accepted.tokens().take(2).runWith(Sink.seq(), nodes.system()).toCompletableFuture().get(60, TimeUnit.SECONDS);
            }
            long finished = 0;
            for (int i = 0; i < running.size(); i++) {
                assertThat(EngineNodes.ids(running.get(i))).hasSize(48);
                // The last token drawn is computed by nobody.
                finished += 60 + i + 47;
            }
            awaitQuiet(nodes);

            final List<EngineStatus.Routing> counts = nodes.engines.stream().map(engine -> engine.status().routing()).toList();
            counts.forEach(count -> {
                assertThat(count.expertCalls()).isEqualTo(count.positions() * LAYERS * TOP_K).isPositive();
                assertThat(count.gateCalls())
                        .isEqualTo(count.expertCalls() + count.recomputedCalls() + count.abandonedCalls());
                assertThat(count.recomputedCalls()).isEqualTo(count.recomputedPositions() * LAYERS * TOP_K);
            });
            assertThat(counts.stream().mapToLong(EngineStatus.Routing::recomputedPositions).sum())
                    .as("positions computed again after one of %s preemptions",
                            nodes.engines.stream().map(engine -> engine.status().preemptions()).toList())
                    .isPositive();
            // Each cancelled sequence was computed to its second token at least.
            assertThat(counts.stream().mapToLong(EngineStatus.Routing::positions).sum())
                    .isGreaterThanOrEqualTo(finished + 6 * 91);
            for (int node = 0; node < 2; node++) {
                assertWindow(nodes.engines.get(node), tapes.get(node));
            }
        }
    }

    private static double[][] recordedCalls(final NodeEngine engine, final RoutingTape tape) {
        engine.stopRecording(tape);
        Awaitility.await().atMost(30, TimeUnit.SECONDS).until(tape::ended);
        final double[][] calls = new double[LAYERS][EXPERTS];
        for (RoutingRecord record; (record = tape.poll()) != null;) {
            assertThat(record.experts()).hasSize(record.positions() * LAYERS * TOP_K);
            for (int i = 0; i < record.experts().length; i++) {
                calls[i / TOP_K % LAYERS][record.experts()[i]]++;
            }
        }
        assertThat(tape.droppedPositions()).isZero();
        return calls;
    }

    private static void assertWindow(final NodeEngine engine, final RoutingTape tape) {
        final double[][] recorded = recordedCalls(engine, tape);
        final EngineStatus.Routing count = engine.status().routing();
        final RoutingStatistics window = engine.exchangeRouting(engine.emptyRouting(1)).toCompletableFuture().join();
        assertThat(window.positions()).isEqualTo(count.positions());
        double calls = 0;
        for (int layer = 0; layer < LAYERS; layer++) {
            double gates = 0;
            double transitions = 0;
            double together = 0;
            for (int expert = 0; expert < EXPERTS; expert++) {
                calls += window.calls(layer, expert);
                assertThat(recorded[layer][expert]).isEqualTo(window.calls(layer, expert));
                gates += window.gateMass(layer, expert);
                for (int other = 0; other < EXPERTS; other++) {
                    transitions += window.pairs(Relation.TRANSITION, layer, expert, other);
                    together += window.pairs(Relation.COACTIVATION, layer, expert, other);
                }
            }
            assertThat(gates).isBetween(0.99 * window.positions(), 1.01 * window.positions());
            assertThat(transitions).isEqualTo(layer + 1 < LAYERS ? count.positions() * TOP_K * TOP_K : 0);
            assertThat(together).isEqualTo(count.positions() * TOP_K * (TOP_K - 1));
        }
        assertThat(calls).isEqualTo(count.expertCalls());
        assertThat(engine.exchangeRouting(window).toCompletableFuture().join().positions()).isZero();
    }

    private static void awaitQuiet(final EngineNodes nodes) {
        Awaitility.await()
                .atMost(30, TimeUnit.SECONDS)
                .until(() -> nodes.engines.stream()
                        .map(NodeEngine::status)
                        .allMatch(status -> status.gatewayRequests() + status.running() + status.waiting()
                                + status.rowsInFlight() == 0
                                && status.kvPagesFree() == status.kvPagesTotal()));
    }
}
