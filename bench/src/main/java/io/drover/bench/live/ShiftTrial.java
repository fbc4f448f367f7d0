package io.drover.bench.live;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/**
 * The load goes from one domain of the model's cases to another; then it is of all domains at once. The same with moves for gain on and
 * off, on nodes with room for a quarter more replicas than experts. A phase is {@code --seconds} long and shown in thirds.
 */
final class ShiftTrial implements LiveBench.Trial {
    private static final int PHASES = 5;
    private static final int PARTS = 3;
    /** Cases of a domain in the model's file; they follow one another. */
    private static final int DOMAIN = 8;

    private record Part(String phase, long fromNs, long toNs, double bytes, double imbalance, double moves) {}

    @Override
    public int run(final LiveBench bench) throws Exception {
        final double[] fixed = new double[PHASES];
        final double[] moving = new double[PHASES];
        final int bad = run(bench, "off", fixed) + run(bench, "on", moving);
        bench.ratios("tokens/s with moves against without, a round for each load", moving, fixed);
        return bad;
    }

    /** @param rates tokens per second of each phase, to be filled */
    private static int run(final LiveBench bench, final String moves, final double[] rates) throws Exception {
        final String name = "shift-" + moves;
        final List<Part> parts = new ArrayList<>();
        final AtomicReference<int[]> domain = new AtomicReference<>(domain(0));
        final AtomicInteger next = new AtomicInteger();
        try (LiveCluster cluster = bench.cluster(bench.nodes, "drover.cluster.memory-budget = " + budget(bench.nodes),
                "drover.placement.rebalance.horizon = 40 s",
                "drover.cluster.statistics-interval = 2 s", "drover.cluster.statistics-half-life = 8 s")) {
            cluster.post(1, "/admin/rebalance", "{\"action\": \"" + moves + "\"}");
            try (Load load = new Load(bench.cases(), List.of(cluster.url(1)), bench.clients,
                    () -> domain.get()[next.getAndIncrement() % domain.get().length], bench.file(name + ".jsonl"))) {
                load.run(bench.warmUp);
                phase(bench, cluster, parts, "domain 1");
                domain.set(domain(3));
                phase(bench, cluster, parts, "domain 4");
                domain.set(domain(6));
                phase(bench, cluster, parts, "domain 7");
                domain.set(IntStream.range(0, bench.cases().size()).toArray());
                phase(bench, cluster, parts, "all");
                phase(bench, cluster, parts, "all, later");
            }
        }
        final Verdict verdict = bench.verdict(name);
        for (int i = 0; i < PHASES; i++) {
            rates[i] = verdict.tokensPerSecond(parts.get(i * PARTS).fromNs, parts.get(i * PARTS + PARTS - 1).toNs);
        }
        bench.say("moves for gain %s:%n%-12s %10s %12s %10s %6s", moves, "load", "tokens/s", "bytes/token", "imbalance", "moves");
        for (final Part part : parts) {
            bench.say("%-12s %10.0f %12.0f %10.3f %6.0f", part.phase, verdict.tokensPerSecond(part.fromNs, part.toNs),
                    part.bytes / verdict.tokens(part.fromNs, part.toNs), part.imbalance, part.moves);
        }
        return bench.judge("moves for gain " + moves, verdict);
    }

    /** Bytes of each node for its part of a quarter more replicas than experts. */
    private static long budget(final int nodes) throws IOException {
        final JsonNode model = new ObjectMapper().readTree(LiveCluster.model().resolve("config.json").toFile());
        final int experts = model.get("num_hidden_layers").asInt() * model.get("num_local_experts").asInt();
        final long bytes = 3L * Short.BYTES * model.get("hidden_size").asInt() * model.get("intermediate_size").asInt();
        return bytes * Math.ceilDiv(experts * 5, 4 * nodes);
    }

    private static int[] domain(final int domain) {
        return IntStream.range(domain * DOMAIN, (domain + 1) * DOMAIN).toArray();
    }

    private static void phase(final LiveBench bench, final LiveCluster cluster, final List<Part> parts, final String name)
            throws Exception {
        for (int part = 0; part < PARTS; part++) {
            final long fromNs = System.nanoTime();
            final double bytes = cluster.total("drover_engine_sent_bytes_total");
            final int moves = cluster.get(1, "/admin/moves").get("moves").size();
            bench.pause((double) bench.seconds / PARTS);
            parts.add(new Part(name, fromNs, System.nanoTime(), cluster.total("drover_engine_sent_bytes_total") - bytes,
                    cluster.get(1, "/admin/routing").path("imbalance").asDouble(),
                    cluster.get(1, "/admin/moves").get("moves").size() - moves));
        }
    }
}
