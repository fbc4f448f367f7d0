package io.drover.actors;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/** Whole engines on real Aeron, judged by the embedded model's expected continuations. */
class NodeEngineTest {
    private static final Path MODEL = Path.of(System.getProperty("drover.root"), "model", "demo");

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
        try (EngineNodes nodes = new EngineNodes(MODEL, nodeCount, "drover.engine.warm-up = 1 s")) {
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
        try (EngineNodes nodes = new EngineNodes(MODEL, 2, "drover.engine.kv-cache = 6 MiB")) {
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
}
