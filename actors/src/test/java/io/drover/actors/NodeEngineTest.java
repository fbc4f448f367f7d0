package io.drover.actors;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import org.agrona.concurrent.UnsafeBuffer;
import org.apache.pekko.stream.javadsl.Sink;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import io.drover.placement.Epoch;
import io.drover.placement.Placement;
import io.drover.streams.BulkAskFrame;
import io.drover.streams.Links;

/** Whole engines on real Aeron, judged by the embedded model's expected continuations. */
class NodeEngineTest {
    private static final Path MODEL = Path.of(System.getProperty("drover.root"), "model", "demo");

    private static final String WARM = "drover.engine.warm-up = 500 ms";

    private record Case(List<Integer> prompt, List<Integer> expected) {}

    private static List<Case> cases(final int every) throws IOException {
        final JsonNode all = new ObjectMapper().readTree(MODEL.resolve("expected.json").toFile()).get("cases");
        final List<Case> cases = new ArrayList<>();
        for (int i = 0; i < all.size(); i += every) {
            cases.add(new Case(ids(all.get(i).get("prompt_ids")), ids(all.get(i).get("greedy_ids"))));
        }
        return cases;
    }

    private static List<Integer> ids(final JsonNode array) {
        final List<Integer> ids = new ArrayList<>();
        array.forEach(id -> ids.add(id.asInt()));
        return ids;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5})
    void givesTheExpectedTokensOnAnyNumberOfNodes(final int nodeCount) throws IOException {
        try (EngineNodes nodes = new EngineNodes(MODEL, nodeCount, WARM)) {
            nodes.place(nodes.contiguous());
            final List<Case> cases = cases(2);
            final Case first = cases.getFirst();
            assertThat(EngineNodes.ids(nodes.generate(0, EngineNodes.greedy(first.prompt(), 48)))).isEqualTo(first.expected());
            final long start = System.nanoTime();
            final List<CompletableFuture<List<TokenEvent>>> running = new ArrayList<>();
            for (int i = 0; i < cases.size(); i++) {
                running.add(nodes.generate(i % nodeCount, EngineNodes.greedy(cases.get(i).prompt(), 48)));
            }
            for (int i = 0; i < cases.size(); i++) {
                assertThat(EngineNodes.ids(running.get(i))).as("case %s", i).isEqualTo(cases.get(i).expected());
            }
            System.out.printf("%d nodes: %d tokens/s%n", nodeCount,
                    48L * cases.size() * 1_000_000_000L / (System.nanoTime() - start));
            nodes.engines.forEach(engine -> assertThat(engine.status().failedCalls()).isZero());
        }
    }

    @Test
    void preemptsAndRecomputesExactlyWhenPagesRunOut() throws IOException {
        // 48 pages of 32 positions: room for about a dozen sequences of 90 to 150 positions.
        try (EngineNodes nodes = new EngineNodes(MODEL, 2, WARM + "\ndrover.engine.kv-cache = 6 MiB")) {
            nodes.place(nodes.contiguous());
            final List<Case> cases = cases(2);
            final List<CompletableFuture<List<TokenEvent>>> running = new ArrayList<>();
            for (final Case each : cases) {
                running.add(nodes.generate(0, EngineNodes.greedy(each.prompt(), 48)));
            }
            for (int i = 0; i < cases.size(); i++) {
                assertThat(EngineNodes.ids(running.get(i))).as("case %s", i).isEqualTo(cases.get(i).expected());
            }
            assertThat(nodes.engines).anyMatch(engine -> engine.status().preemptions() > 0);
            Awaitility.await()
                    .untilAsserted(() -> nodes.engines.forEach(
                            engine -> assertThat(engine.status().kvPagesFree()).isEqualTo(engine.status().kvPagesTotal())));
        }
    }

    @Test
    void freesThePagesOfAClientThatLeavesWithinASecond() throws Exception {
        try (EngineNodes nodes = new EngineNodes(MODEL, 2, WARM)) {
            nodes.place(nodes.contiguous());
            final List<Integer> prompt = cases(64).getFirst().prompt();
            long tookNs = Long.MAX_VALUE;
            // A pause of the machine is no fault of the engines.
            for (int attempt = 0; attempt < 3 && tookNs > TimeUnit.SECONDS.toNanos(1); attempt++) {
                for (int gateway = 0; gateway < 2; gateway++) {
                    // With two sequences each home has one, so one of them is not the gateway's own.
                    for (int i = 0; i < 2; i++) {
                        final var admission = nodes.engines.get(gateway).gateway().submit(EngineNodes.greedy(prompt, 900));
                        final var accepted = (Gateway.Admission.Accepted) admission.toCompletableFuture().join();
                        accepted.tokens().take(3).runWith(Sink.seq(), nodes.system()).toCompletableFuture().join();
                    }
                }
                final long startNs = System.nanoTime();
                Awaitility.await().untilAsserted(() -> nodes.engines.forEach(engine -> {
                    assertThat(engine.status().kvPagesFree()).isEqualTo(engine.status().kvPagesTotal());
                    assertThat(engine.status().gatewayRequests()).isZero();
                }));
                tookNs = System.nanoTime() - startNs;
            }
            assertThat(tookNs).isLessThanOrEqualTo(TimeUnit.SECONDS.toNanos(1));
        }
    }

    @Test
    void aReaderThatReadsNothingHoldsNobodyUp() throws Exception {
        try (EngineNodes nodes = new EngineNodes(MODEL, 2, WARM)) {
            nodes.place(nodes.contiguous());
            final Case each = cases(64).getFirst();
            final var admission = nodes.engines.get(0).gateway().submit(EngineNodes.greedy(each.prompt(), 400));
            final var slow = ((Gateway.Admission.Accepted) admission.toCompletableFuture().join()).tokens()
                    .runWith(Sink.queue(), nodes.system());
            assertThat(slow.pull().toCompletableFuture().join()).isPresent();
            assertThat(EngineNodes.ids(nodes.generate(0, EngineNodes.greedy(each.prompt(), 48)))).isEqualTo(each.expected());
            Awaitility.await().untilAsserted(() -> assertThat(nodes.engines).allMatch(engine -> engine.status().running() == 0));
            int read = 1;
            while (slow.pull().toCompletableFuture().join().orElseThrow() instanceof TokenEvent.Token) {
                read++;
            }
            assertThat(read).as("tokens that waited for the reader").isEqualTo(400);
        }
    }

    @Test
    void aLostPeerDelaysWhatNeedsItAndChangesNothing() throws Exception {
        try (EngineNodes nodes = new EngineNodes(MODEL, 2, WARM)) {
            // Everything has a replica on the first node; half of it also on the second.
            final int[][][] devices = nodes.contiguous();
            for (final int[][] layer : devices) {
                for (int expert = 0; expert < layer.length; expert++) {
                    layer[expert] = layer[expert][0] == 0 ? new int[]{0} : new int[]{0, 1};
                }
            }
            nodes.place(devices);
            final Case each = cases(64).getFirst();
            final List<CompletableFuture<List<TokenEvent>>> running = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                running.add(nodes.generate(0, EngineNodes.greedy(each.prompt(), 300)));
            }
            Awaitility.await()
                    .atMost(30, TimeUnit.SECONDS)
                    .until(() -> nodes.engines.get(1).status().tokensGenerated() > 8);
            nodes.engines.get(1).close();
            nodes.publish(devices, List.of(nodes.endpoints.getFirst()), 0, -1);
            final List<Integer> control = EngineNodes.ids(nodes.generate(0, EngineNodes.greedy(each.prompt(), 300)));
            assertThat(control.subList(0, each.expected().size())).isEqualTo(each.expected());
            for (final var events : running) {
                assertThat(EngineNodes.ids(events)).isEqualTo(control);
                assertThat(events.join().getLast())
                        .isEqualTo(new TokenEvent.Finished(false, each.prompt().size(), 300));
            }
            Awaitility.await()
                    .untilAsserted(() -> assertThat(nodes.engines.getFirst().status().failOver().takenOver())
                            .as("sequences whose home was lost")
                            .isBetween(1L, 4L));
        }
    }

    @Test
    void aFrameOfAnotherPlaneIsDroppedAndCounted() throws IOException {
        try (EngineNodes nodes = new EngineNodes(MODEL, 1, WARM); Links stranger = nodes.links(1)) {
            nodes.place(nodes.contiguous());
            nodes.publish(nodes.contiguous(), List.of(nodes.endpoints.getFirst(), stranger.self()), 0, 1);
            stranger.connect(nodes.endpoints.getFirst());
            final UnsafeBuffer buffer = new UnsafeBuffer(new byte[256]);
            final BulkAskFrame frame = new BulkAskFrame();
            frame.wrap(buffer, 0);
            frame.begin(1, 0, 1, 1, "L0/E0");
            Awaitility.await().pollInterval(Duration.ofMillis(5)).until(() -> {
                stranger.doWork(System.nanoTime());
                stranger.poll((from, type, received, offset, length) -> {}, 16);
                return stranger.isConnected(0) && stranger.offer(0, buffer, 0, frame.encodedLength());
            });
            Awaitility.await().until(() -> {
                stranger.doWork(System.nanoTime());
                return nodes.engines.getFirst().status().droppedFrames() > 0;
            });
            final Case first = cases(2).getFirst();
            assertThat(EngineNodes.ids(nodes.generate(0, EngineNodes.greedy(first.prompt(), 8))))
                    .isEqualTo(first.expected().subList(0, 8));
        }
    }

    @Test
    void aTableOfALowerTermIsRefusedHoweverHighItsNumber() throws IOException {
        try (EngineNodes nodes = new EngineNodes(MODEL, 1, WARM)) {
            final NodeEngine engine = nodes.engines.getFirst();
            assertThat(installs(nodes, new Epoch(2, 1), 0)).isTrue();
            assertThat(installs(nodes, new Epoch(1, 99), -1)).as("of a coordinator that was replaced").isFalse();
            assertThat(installs(nodes, new Epoch(2, 1), 0)).as("the same again").isTrue();
            assertThat(installs(nodes, new Epoch(3, 1), 0)).isTrue();
            assertThat(installs(nodes, new Epoch(2, 2), -1)).isFalse();
            Awaitility.await().untilAsserted(() -> assertThat(engine.status().epoch()).isEqualTo(new Epoch(3, 1)));
        }
    }

    private static boolean installs(final EngineNodes nodes, final Epoch epoch, final int nodeOfDevice) {
        final RoutingTable table = new RoutingTable(nodes.endpoints, Placement.of(epoch, nodes.contiguous()),
                List.of(nodeOfDevice));
        return nodes.engines.getFirst().install(table).toCompletableFuture().join();
    }

    @Test
    void aMissingExpertFailsItsSequencesAfterTheCallTimeout() throws Exception {
        try (EngineNodes nodes = new EngineNodes(MODEL, 1, WARM + "\ndrover.engine.call-timeout = 300 ms")) {
            final int[][][] devices = nodes.contiguous();
            nodes.place(devices);
            devices[7] = new int[devices[7].length][0];
            nodes.publish(devices);
            final List<TokenEvent> events = nodes.generate(0, EngineNodes.greedy(List.of(0, 1, 2), 5)).get(60, TimeUnit.SECONDS);
            assertThat(events.getLast()).isInstanceOfSatisfying(TokenEvent.Failed.class, failed -> {
                assertThat(failed.code()).isEqualTo("expert_unavailable");
                assertThat(failed.message()).contains("L7/E");
            });
        }
    }
}
