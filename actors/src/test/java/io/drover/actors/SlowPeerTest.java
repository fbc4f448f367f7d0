package io.drover.actors;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

import org.junit.jupiter.api.Test;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/** A node that needs 100 ms for each turn of its engine, among three that do not; every expert is on two nodes. */
class SlowPeerTest {
    private static final Path MODEL = Path.of(System.getProperty("drover.root"), "model", "demo");
    private static final String WARM = "drover.engine.warm-up = 500 ms";
    private static final int SLOW = 1;
    private static final int[] GATEWAYS = {0, 2, 3};
    private static final int TOKENS = 12;

    private record Case(List<Integer> prompt, List<Integer> expected) {}

    private static List<Case> cases() throws IOException {
        final JsonNode all = new ObjectMapper().readTree(MODEL.resolve("expected.json").toFile()).get("cases");
        final List<Case> cases = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            cases.add(new Case(ids(all.get(i * 7).get("prompt_ids")), ids(all.get(i * 7).get("greedy_ids")).subList(0, TOKENS)));
        }
        return cases;
    }

    private static List<Integer> ids(final JsonNode array) {
        final List<Integer> ids = new ArrayList<>();
        array.forEach(id -> ids.add(id.asInt()));
        return ids;
    }

    /** From now on each turn of the engine takes 100 ms, which is too short to be suspected. */
    private static Thread slowDown(final NodeEngine engine) {
        return Thread.ofPlatform().daemon().start(() -> {
            while (!Thread.interrupted()) {
                final CompletableFuture<Void> turn = new CompletableFuture<>();
                engine.deviceExecutor().execute(() -> {
                    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
                    turn.complete(null);
                });
                turn.join();
                LockSupport.parkNanos(1_000_000);
            }
        });
    }

    /** Runs every case once; returns the sorted times between tokens. */
    private static List<Long> round(final EngineNodes nodes, final List<Case> cases) {
        final ConcurrentLinkedQueue<Long> gapsNs = new ConcurrentLinkedQueue<>();
        final List<CompletableFuture<List<TokenEvent>>> streams = new ArrayList<>();
        for (int i = 0; i < cases.size(); i++) {
            final AtomicLong lastNs = new AtomicLong();
            streams.add(nodes.generate(GATEWAYS[i % 3], EngineNodes.greedy(cases.get(i).prompt(), TOKENS), event -> {
                final long nowNs = System.nanoTime();
                final long beforeNs = lastNs.getAndSet(nowNs);
                if (beforeNs != 0) {
                    gapsNs.add(nowNs - beforeNs);
                }
            }));
        }
        for (int i = 0; i < cases.size(); i++) {
            assertThat(EngineNodes.ids(streams.get(i))).as("case %s", i).isEqualTo(cases.get(i).expected());
        }
        return gapsNs.stream().sorted().toList();
    }

    private static void print(final String what, final List<Long> gapsNs) {
        System.out.printf("%s: time between tokens, median %.1f ms, p99 %.1f ms, longest %.1f ms%n", what,
                gapsNs.get(gapsNs.size() / 2) / 1e6, gapsNs.get(gapsNs.size() * 99 / 100) / 1e6, gapsNs.getLast() / 1e6);
    }

    @Test
    void isCalledBesideAndLosesItsWork() throws Exception {
        // The ceiling makes calls late in time, and the factor the peer slow, on a machine that is slow itself.
        try (EngineNodes nodes = new EngineNodes(MODEL, 4, WARM + """

                drover.engine.hedging { ceiling = 30 ms, slow-factor = 1.5 }""")) {
            nodes.place(nodes.twice());
            final List<Case> cases = cases();
            round(nodes, cases);
            print("no node slow", round(nodes, cases));
            final Thread slowing = slowDown(nodes.engines.get(SLOW));
            final long giveUpNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            boolean avoided = false;
            while (!(avoided && hedges(nodes) > 0) && System.nanoTime() < giveUpNs) {
                print("one node slow", round(nodes, cases));
                avoided |= nodes.engines.stream().anyMatch(SlowPeerTest::avoids);
            }
            assertThat(hedges(nodes)).isPositive();
            assertThat(avoided).as("a node avoids the slow one").isTrue();
            print("the slow node avoided", round(nodes, cases));
            slowing.interrupt();
            slowing.join();
        }
    }

    private static long hedges(final EngineNodes nodes) {
        return nodes.engines.stream().mapToLong(engine -> engine.status().hedging().calls()).sum();
    }

    private static boolean avoids(final NodeEngine engine) {
        return engine.status().peers().stream().anyMatch(peer -> peer.nodeId() == SLOW && peer.slow());
    }

    @Test
    void withoutHedgingItIsWaitedForAndNothingElseChanges() throws Exception {
        try (EngineNodes nodes = new EngineNodes(MODEL, 4, WARM + "\ndrover.engine.hedging.enabled = off")) {
            nodes.place(nodes.twice());
            final List<Case> cases = cases();
            final Thread slowing = slowDown(nodes.engines.get(SLOW));
            print("one node slow, no hedging", round(nodes, cases));
            slowing.interrupt();
            slowing.join();
            assertThat(hedges(nodes)).isZero();
            assertThat(nodes.engines).noneMatch(SlowPeerTest::avoids);
        }
    }
}
