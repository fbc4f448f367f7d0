package io.drover.actors;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

import io.drover.streams.Endpoint;

/** The home of a long sequence dies; its buddy goes on with the pages that it has, and every token is that of a quiet run. */
class BuddyFailOverTest {
    private static final Path MODEL = Path.of(System.getProperty("drover.root"), "model", "demo");
    /** Plain kernels give the same bits, slowly enough for the stream still to run when its home is lost. */
    private static final String WARM = "drover.engine.warm-up = 500 ms\ndrover.engine.kernels = plain\n";
    private static final int PROMPT = 420;
    private static final int TOKENS = 250;
    private static final int PROMPT_PAGES = PROMPT / 32;
    private static final int HOME = 1;
    private static final int BUDDY = 2;

    private static GenerationRequest request(final int maxTokens) {
        final List<Integer> prompt = new ArrayList<>();
        for (int i = 0; i < PROMPT; i++) {
            prompt.add(10 + i * 37 % 900);
        }
        return EngineNodes.greedy(prompt, maxTokens);
    }

    /** Each expert on each node. */
    private static int[][][] everywhere(final EngineNodes nodes) {
        final int[][][] devices = nodes.contiguous();
        for (final int[][] layer : devices) {
            Arrays.setAll(layer, expert -> IntStream.range(0, nodes.engines.size()).toArray());
        }
        return devices;
    }

    /** One long stream whose home is not its gateway, and what its client sees. */
    private static final class Round {
        final EngineNodes nodes;
        final int[][][] devices;
        final CompletableFuture<List<TokenEvent>> stream;
        final List<Integer> control;
        final AtomicLong longestGapNs = new AtomicLong();

        Round(final EngineNodes nodes) {
            this.nodes = nodes;
            devices = everywhere(nodes);
            nodes.place(devices);
            control = EngineNodes.ids(nodes.generate(0, request(TOKENS)));
            // The gateway is home to the first of two, and another node to the second.
            final var first = nodes.generate(0, request(1));
            final AtomicLong lastNs = new AtomicLong();
            stream = nodes.generate(0, request(TOKENS), event -> {
                final long nowNs = System.nanoTime();
                final long beforeNs = lastNs.getAndSet(nowNs);
                longestGapNs.accumulateAndGet(beforeNs == 0 ? 0 : nowNs - beforeNs, Math::max);
            });
            EngineNodes.ids(first);
            await(() -> tokensOf(HOME) > 20);
        }

        /** The stream goes on meanwhile, so this looks often. */
        void await(final Callable<Boolean> condition) {
            Awaitility.await().atMost(30, TimeUnit.SECONDS).pollInterval(5, TimeUnit.MILLISECONDS).until(condition);
        }

        /** A buddy has all but the last pages of the stream. */
        void awaitCopy(final int buddy) {
            await(() -> buddy(buddy).pagesKept() * 32L >= PROMPT + tokensOf(HOME) - 96);
        }

        EngineStatus.Buddy buddy(final int node) {
            return nodes.engines.get(node).status().buddy();
        }

        long tokensOf(final int node) {
            return nodes.engines.get(node).status().tokensGenerated();
        }

        /** The nodes die, and the cluster says so. */
        void lose(final int... dead) {
            assertThat(stream).isNotDone();
            final Integer[] nodeOfDevice = IntStream.range(0, nodes.engines.size()).boxed().toArray(Integer[]::new);
            for (final int node : dead) {
                nodes.engines.get(node).close();
                nodeOfDevice[node] = -1;
            }
            final List<Endpoint> members = nodes.endpoints.stream()
                    .filter(node -> Arrays.stream(dead).noneMatch(id -> id == node.nodeId()))
                    .toList();
            nodes.publish(devices, members, nodeOfDevice);
        }

        /** Positions that were taken over, and those that were computed again, at the gateway's node and another one. */
        long[] adoptedAndRecomputed(final int other) {
            final List<EngineStatus> statuses = IntStream.of(0, other)
                    .distinct()
                    .mapToObj(node -> nodes.engines.get(node).status())
                    .toList();
            return new long[]{statuses.stream().mapToLong(status -> status.buddy().positionsAdopted()).sum(),
                statuses.stream().mapToLong(status -> status.routing().recomputedPositions()).sum()};
        }

        void judge(final String what, final int other, final int leastAdopted) {
            assertThat(EngineNodes.ids(stream)).isEqualTo(control);
            final boolean adopts = leastAdopted > 0;
            Awaitility.await().atMost(30, TimeUnit.SECONDS).untilAsserted(() -> {
                final long[] positions = adoptedAndRecomputed(other);
                assertThat(positions[0] > 0).as("positions were taken over").isEqualTo(adopts);
                assertThat(positions[0]).isGreaterThanOrEqualTo(leastAdopted);
                assertThat(positions[0] + positions[1]).as("every earlier position either way").isGreaterThanOrEqualTo(PROMPT);
                if (adopts) {
                    assertThat(positions[1]).as("positions that were computed again").isLessThan(PROMPT / 2);
                }
            });
            final long[] positions = adoptedAndRecomputed(other);
            System.out.printf("%s: %d positions taken over, %d computed again, longest gap %d ms%n", what, positions[0],
                    positions[1], longestGapNs.get() / 1_000_000);
        }
    }

    @Test
    void theBuddyOfALostHomeComputesTheTailOnly() {
        try (EngineNodes nodes = new EngineNodes(MODEL, 3, WARM)) {
            final Round round = new Round(nodes);
            round.awaitCopy(BUDDY);
            round.lose(HOME);
            round.judge("home lost", BUDDY, (PROMPT_PAGES - 1) * 32);
            Awaitility.await().atMost(30, TimeUnit.SECONDS).untilAsserted(() -> {
                assertThat(round.buddy(0).pagesKept()).as("released by the homes").isZero();
                assertThat(round.buddy(BUDDY).pagesKept()).isZero();
                final EngineStatus status = nodes.engines.get(BUDDY).status();
                assertThat(status.kvPagesFree()).isEqualTo(status.kvPagesTotal());
            });
        }
    }

    @Test
    void aLostBuddyIsReplacedAndOneThatIsLostWithTheHomeIsDoneWithout() {
        try (EngineNodes nodes = new EngineNodes(MODEL, 3, WARM)) {
            final Round round = new Round(nodes);
            round.lose(BUDDY);
            final long before = round.buddy(HOME).pagesCopied();
            Awaitility.await()
                    .until(() -> round.buddy(0).pagesKept() >= PROMPT_PAGES && round.buddy(HOME).pagesCopied() > before);
            round.lose(BUDDY, HOME);
            round.judge("buddy lost, then home", 0, (PROMPT_PAGES - 1) * 32);
        }
        try (EngineNodes nodes = new EngineNodes(MODEL, 3, WARM)) {
            final Round round = new Round(nodes);
            round.lose(HOME, BUDDY);
            round.judge("home and buddy lost", 0, 0);
        }
    }

    @Test
    void withoutBuddiesTheSequenceIsRebuiltFromItsTokens() {
        try (EngineNodes nodes = new EngineNodes(MODEL, 3, WARM + "drover.engine.buddy = off")) {
            final Round round = new Round(nodes);
            assertThat(round.buddy(HOME).bytesCopied()).isZero();
            round.lose(HOME);
            round.judge("home lost, buddies off", BUDDY, 0);
            assertThat(round.buddy(0).pagesKept() + round.buddy(BUDDY).pagesKept()).isZero();
        }
    }
}
