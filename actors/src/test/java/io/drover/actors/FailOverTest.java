package io.drover.actors;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import io.drover.model.Sampling;
import io.drover.streams.Endpoint;

/** Homes of running streams stand still, die and come back; each stream has the tokens of a run in which nothing happened. */
class FailOverTest {
    private static final Path MODEL = Path.of(System.getProperty("drover.root"), "model", "demo");
    private static final String WARM = "drover.engine.warm-up = 500 ms";
    private static final int TOKENS = 60;
    private static final int VICTIM = 1;

    /** Greedy and sampled streams; with three nodes each is home to two of them. */
    private static List<GenerationRequest> requests() throws IOException {
        final JsonNode cases = new ObjectMapper().readTree(MODEL.resolve("expected.json").toFile()).get("cases");
        final List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            final List<Integer> prompt = new ArrayList<>();
            cases.get(i * 9).get("prompt_ids").forEach(id -> prompt.add(id.asInt()));
            final Sampling sampling = i % 2 == 0 ? Sampling.GREEDY : new Sampling(0.9f, 0.95f, 0, 1_000 + i);
            requests.add(new GenerationRequest("test", prompt, sampling, TOKENS, 0, true, List.of()));
        }
        return requests;
    }

    private static List<List<Integer>> control(final EngineNodes nodes) throws IOException {
        final List<List<Integer>> control = new ArrayList<>();
        for (final GenerationRequest request : requests()) {
            control.add(EngineNodes.ids(nodes.generate(0, request)));
        }
        return control;
    }

    /** What clients see of one round of streams. */
    private static final class Round {
        final List<CompletableFuture<List<TokenEvent>>> streams = new ArrayList<>();
        final AtomicInteger tokens = new AtomicInteger();
        final AtomicLong longestGapNs = new AtomicLong();
        final CountDownLatch reached = new CountDownLatch(1);
        final CountDownLatch begun;

        Round(final EngineNodes nodes, final int stopAfter) throws IOException {
            this(nodes, stopAfter, requests());
        }

        Round(final EngineNodes nodes, final int stopAfter, final List<GenerationRequest> requests) {
            begun = new CountDownLatch(requests.size());
            for (final GenerationRequest request : requests) {
                final AtomicLong lastNs = new AtomicLong(System.nanoTime());
                streams.add(nodes.generate(0, request, event -> {
                    final long nowNs = System.nanoTime();
                    longestGapNs.accumulateAndGet(nowNs - lastNs.getAndSet(nowNs), Math::max);
                    if (event instanceof TokenEvent.Token token && token.index() == 0) {
                        begun.countDown();
                    }
                    if (tokens.incrementAndGet() == stopAfter) {
                        reached.countDown();
                    }
                }));
            }
        }

        void judge(final List<List<Integer>> control) throws IOException {
            for (int i = 0; i < streams.size(); i++) {
                assertThat(EngineNodes.ids(streams.get(i))).as("stream %s", i).isEqualTo(control.get(i));
                assertThat(streams.get(i).join().getLast())
                        .isEqualTo(new TokenEvent.Finished(false, requests().get(i).promptIds().size(), TOKENS));
            }
        }
    }

    private static void awaitFreePages(final EngineNodes nodes) {
        Awaitility.await().atMost(30, TimeUnit.SECONDS).untilAsserted(() -> nodes.engines.forEach(engine -> {
            assertThat(engine.status().running()).isZero();
            assertThat(engine.status().kvPagesFree()).isEqualTo(engine.status().kvPagesTotal());
        }));
    }

    @Test
    void aHomeThatStandsStillIsTakenOverFromAndNothingOfItReachesTheClientAfterwards() throws Exception {
        try (EngineNodes nodes = new EngineNodes(MODEL, 3, WARM)) {
            nodes.place(nodes.twice());
            final List<List<Integer>> control = control(nodes);
            for (int stopAfter = 1; stopAfter < 6 * TOKENS; stopAfter += 89) {
                final long before = nodes.engines.getFirst().status().failOver().takeovers();
                final Round round = new Round(nodes, stopAfter);
                assertThat(round.reached.await(30, TimeUnit.SECONDS)).isTrue();
                // A stream that its home has not admitted yet is only offered to another one.
                assertThat(round.begun.await(30, TimeUnit.SECONDS)).isTrue();
                final CountDownLatch goOn = nodes.pause(VICTIM);
                try {
                    // It goes on while others compute its streams, or when the last of them has ended.
                    Awaitility.await()
                            .atMost(30, TimeUnit.SECONDS)
                            .until(() -> nodes.engines.getFirst().status().failOver().takeovers() > before
                                    || round.streams.stream().allMatch(CompletableFuture::isDone));
                } finally {
                    goOn.countDown();
                }
                round.judge(control);
                awaitFreePages(nodes);
                nodes.awaitPeers();
            }
            // Of a late pause, a fast machine may have computed every stream to its end.
            assertThat(nodes.engines.getFirst().status().failOver().takeovers()).isPositive();
        }
    }

    @Test
    void whatAFormerHomeGoesOnToSayIsFencedOff() throws Exception {
        try (EngineNodes nodes = new EngineNodes(MODEL, 3, WARM)) {
            nodes.place(nodes.twice());
            // One for each node, and long enough that they outlast the pause.
            final GenerationRequest request = EngineNodes.greedy(requests().getFirst().promptIds(), 10 * TOKENS);
            final Round round = new Round(nodes, 3, Collections.nCopies(nodes.engines.size(), request));
            assertThat(round.begun.await(30, TimeUnit.SECONDS)).isTrue();
            final CountDownLatch goOn = nodes.pause(VICTIM);
            try {
                Awaitility.await()
                        .atMost(30, TimeUnit.SECONDS)
                        .until(() -> nodes.engines.getFirst().status().failOver().takeovers() > 0);
            } finally {
                goOn.countDown();
            }
            Awaitility.await()
                    .atMost(30, TimeUnit.SECONDS)
                    .until(() -> nodes.engines.getFirst().status().failOver().fencedMessages() > 0);
            final List<Integer> undisturbed = EngineNodes.ids(round.streams.getFirst());
            assertThat(undisturbed).hasSize(10 * TOKENS);
            assertThat(round.streams).allSatisfy(stream -> assertThat(EngineNodes.ids(stream)).isEqualTo(undisturbed));
        }
    }

    @Test
    void aHomeThatDiesDelaysItsStreamsAndMayComeBack() throws Exception {
        try (EngineNodes nodes = new EngineNodes(MODEL, 3, WARM)) {
            final int[][][] devices = nodes.twice();
            nodes.place(devices);
            final List<List<Integer>> control = control(nodes);
            for (int round = 0; round < 3; round++) {
                final boolean told = round != 1;
                final Round streams = new Round(nodes, 40 + 90 * round);
                assertThat(streams.reached.await(30, TimeUnit.SECONDS)).isTrue();
                nodes.engines.get(VICTIM).close();
                if (told) {
                    nodes.publish(devices, List.of(nodes.endpoints.get(0), nodes.endpoints.get(2)), 0, -1, 2);
                }
                streams.judge(control);
                System.out.printf("home lost, %s: longest gap of a stream %d ms%n",
                        told ? "the cluster says so" : "nobody says so", streams.longestGapNs.get() / 1_000_000);
                final Endpoint former = nodes.endpoints.get(VICTIM);
                nodes.restart(VICTIM);
                assertThat(nodes.endpoints.get(VICTIM)).isNotEqualTo(former);
                nodes.publish(devices);
                nodes.awaitPeers();
            }
            awaitFreePages(nodes);
            assertThat(nodes.engines.getFirst().status().failOver().takeovers()).isPositive();
        }
    }

    @Test
    void aNodeThatLeavesHandsItsStreamsOver() throws Exception {
        try (EngineNodes nodes = new EngineNodes(MODEL, 3, WARM)) {
            nodes.place(nodes.twice());
            final List<List<Integer>> control = control(nodes);
            final Round round = new Round(nodes, 60);
            assertThat(round.reached.await(30, TimeUnit.SECONDS)).isTrue();
            nodes.engines.get(VICTIM).handOver();
            nodes.engines.get(VICTIM).drain().toCompletableFuture().get(30, TimeUnit.SECONDS);
            round.judge(control);
            awaitFreePages(nodes);
            assertThat(nodes.engines.getFirst().status().failOver().takeovers()).isPositive();
        }
    }

    @Test
    void aSequenceLongerThanAFrameTravelsInParts() throws Exception {
        // A frame of 2 KiB carries 480 ids.
        try (EngineNodes nodes = new EngineNodes(MODEL, 2, WARM + "\ndrover.streams.largest-frame = 2 KiB")) {
            nodes.place(nodes.contiguous());
            final List<Integer> prompt = new ArrayList<>();
            for (int i = 0; i < 700; i++) {
                prompt.add(10 + i % 90);
            }
            final List<Integer> local = EngineNodes.ids(nodes.generate(0, EngineNodes.greedy(prompt, 10)));
            // The first request is at home with the gateway, the second one at the other node.
            final var first = nodes.generate(0, EngineNodes.greedy(prompt, 10));
            final var second = nodes.generate(0, EngineNodes.greedy(prompt, 10));
            assertThat(EngineNodes.ids(first)).isEqualTo(local);
            assertThat(EngineNodes.ids(second)).isEqualTo(local);
            Awaitility.await().untilAsserted(() -> assertThat(nodes.engines.get(1).status().tokensGenerated()).isPositive());
        }
    }
}
