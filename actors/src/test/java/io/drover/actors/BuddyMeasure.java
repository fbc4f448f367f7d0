package io.drover.actors;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What buddies cost and what they save; run by name ({@code -Dtest=BuddyMeasure}), for it takes minutes and judges only that tokens
 * are exact. Rounds with and without buddies alternate, each on three engines of its own.
 */
class BuddyMeasure {
    private static final Path MODEL = Path.of(System.getProperty("drover.root"), "model", "demo");
    private static final String WARM = "drover.engine.warm-up = 2 s\ndrover.engine.kv-cache = 64 MiB\ndrover.engine.buddy = ";
    private static final int ROUNDS = Integer.getInteger("drover.buddy.rounds", 7);
    private static final int STREAMS = 24;
    private static final int TOKENS = 160;
    private static final int LONG_PROMPT = 1_400;
    private static final int LONG_TOKENS = 260;

    @TempDir
    Path directory;

    private static List<Integer> prompt(final int length, final int salt) {
        return IntStream.range(0, length).mapToObj(i -> 10 + (i * 37 + salt * 101) % 900).toList();
    }

    private static int[][][] everywhere(final EngineNodes nodes) {
        final int[][][] devices = nodes.contiguous();
        for (final int[][] layer : devices) {
            Arrays.setAll(layer, expert -> new int[]{0, 1, 2});
        }
        return devices;
    }

    private static double tokensPerSecond(final EngineNodes nodes, final int salt) {
        final List<CompletableFuture<List<TokenEvent>>> streams = new ArrayList<>();
        final long startNs = System.nanoTime();
        for (int i = 0; i < STREAMS; i++) {
            streams.add(nodes.generate(0, EngineNodes.greedy(prompt(40 + 3 * i, salt + i), TOKENS)));
        }
        streams.forEach(EngineNodes::ids);
        return STREAMS * TOKENS / ((System.nanoTime() - startNs) * 1e-9);
    }

    @Test
    void steadyThroughput() {
        try (EngineNodes with = new EngineNodes(MODEL, 3, WARM + "on");
                EngineNodes without = new EngineNodes(MODEL, 3, WARM + "off")) {
            with.place(with.contiguous());
            without.place(without.contiguous());
            tokensPerSecond(with, 0);
            tokensPerSecond(without, 0);
            final double[] ratios = new double[ROUNDS];
            for (int round = 0; round < ROUNDS; round++) {
                final boolean withFirst = round % 2 == 0;
                final double first = tokensPerSecond(withFirst ? with : without, round);
                final double second = tokensPerSecond(withFirst ? without : with, round);
                final double on = withFirst ? first : second;
                final double off = withFirst ? second : first;
                ratios[round] = on / off;
                System.out.printf("round %d: %.0f tokens/s with buddies, %.0f without%n", round, on, off);
            }
            Arrays.sort(ratios);
            final long bytes = with.engines.stream().mapToLong(engine -> engine.status().buddy().bytesCopied()).sum();
            System.out.printf("tokens/s with buddies over without: median %.3f, from %.3f to %.3f; %d MiB copied%n",
                    ratios[ROUNDS / 2], ratios[0], ratios[ROUNDS - 1], bytes >> 20);
            assertThat(bytes).isPositive();
        }
    }

    /** The demo model, said to take longer contexts. */
    private Path longModel() throws IOException {
        try (var files = Files.list(MODEL)) {
            for (final Path file : (Iterable<Path>) files::iterator) {
                if (!file.endsWith("config.json")) {
                    Files.createSymbolicLink(directory.resolve(file.getFileName()), file.toAbsolutePath());
                }
            }
        }
        Files.writeString(directory.resolve("config.json"), Files.readString(MODEL.resolve("config.json"))
                .replaceAll("\"max_position_embeddings\": \\d+", "\"max_position_embeddings\": 4096"));
        return directory;
    }

    @Test
    void lossOfTheHomeOfALongContext() throws IOException {
        final Path model = longModel();
        final List<Long> on = new ArrayList<>();
        final List<Long> off = new ArrayList<>();
        for (int round = 0; round < ROUNDS; round++) {
            on.add(gapMs(model, "on"));
            off.add(gapMs(model, "off"));
        }
        System.out.printf("longest gap over the loss of the home, ms: with buddies %s, without %s%n",
                on.stream().sorted().toList(),
                off.stream().sorted().toList());
    }

    private static long gapMs(final Path model, final String buddies) {
        try (EngineNodes nodes = new EngineNodes(model, 3, WARM + buddies)) {
            final int[][][] devices = everywhere(nodes);
            nodes.place(devices);
            final GenerationRequest request = EngineNodes.greedy(prompt(LONG_PROMPT, 1), LONG_TOKENS);
            final List<Integer> control = EngineNodes.ids(nodes.generate(0, request));
            final var first = nodes.generate(0, EngineNodes.greedy(prompt(40, 1), 1));
            final AtomicLong lastNs = new AtomicLong();
            final AtomicLong gapNs = new AtomicLong();
            final CompletableFuture<List<TokenEvent>> stream = nodes.generate(0, request, event -> {
                final long nowNs = System.nanoTime();
                final long beforeNs = lastNs.getAndSet(nowNs);
                gapNs.accumulateAndGet(beforeNs == 0 ? 0 : nowNs - beforeNs, Math::max);
            });
            EngineNodes.ids(first);
            Awaitility.await()
                    .pollInterval(5, TimeUnit.MILLISECONDS)
                    .until(() -> nodes.engines.get(1).status().tokensGenerated() >= 100);
            nodes.engines.get(1).close();
            nodes.publish(devices, List.of(nodes.endpoints.get(0), nodes.endpoints.get(2)), 0, -1, 2);
            assertThat(EngineNodes.ids(stream)).isEqualTo(control);
            Awaitility.await()
                    .until(() -> nodes.engines.get(2).status().failOver().takenOver() > 0
                            || nodes.engines.get(0).status().failOver().takenOver() > 0);
            for (final int survivor : new int[]{0, 2}) {
                final EngineStatus status = nodes.engines.get(survivor).status();
                System.out.printf("buddies %s, node %d: %d positions taken over, %d computed again%n", buddies, survivor,
                        status.buddy().positionsAdopted(), status.routing().recomputedPositions());
            }
            return gapNs.get() / 1_000_000;
        }
    }
}
