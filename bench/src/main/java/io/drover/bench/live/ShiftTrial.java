package io.drover.bench.live;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;

/**
 * The load goes from one domain of the model's cases to another; then it is of all domains at once. The same three times, on nodes with
 * room for a quarter more replicas than experts: with the placement that a cluster begins with, with one that was planned for all domains
 * at once, and with moves for gain. A phase is {@code --seconds} long and shown in thirds.
 */
final class ShiftTrial implements LiveBench.Trial {
    private static final int PHASES = 5;
    private static final int PARTS = 3;
    /** Cases of a domain in the model's file; they follow one another. */
    private static final int DOMAIN = 8;
    /** Part of the best static placement's tokens/s. */
    private static final double LEAST = 0.97;
    private static final int QUIET_S = 8;
    private static final int PLANNED_S = 40;

    private record Part(String phase, long fromNs, long toNs, double bytes, double imbalance, long moves) {}

    /** What may move, and when. */
    private enum Arm {
        FIRST("first placement", "off", false), PLANNED("planned for all domains", "on", true), MOVING("moves for gain", "on",
                false);

        private final String what;
        private final String warmUp;
        private final boolean planned;

        Arm(final String what, final String warmUp, final boolean planned) {
            this.what = what;
            this.warmUp = warmUp;
            this.planned = planned;
        }
    }

    /**
     * @param rates     tokens per second of each phase
     * @param lastMoves for gain in the last phase
     */
    private record Result(double[] rates, long lastMoves, int bad) {}

    @Override
    public int run(final LiveBench bench) throws Exception {
        final Result first = run(bench, Arm.FIRST);
        final Result planned = run(bench, Arm.PLANNED);
        final Result moving = run(bench, Arm.MOVING);
        bench.ratios("tokens/s with moves against the first placement, a round for each load", moving.rates, first.rates);
        bench.ratios("tokens/s with moves against the placement planned for all domains", moving.rates, planned.rates);
        final double[] best = IntStream.range(0, PHASES).mapToDouble(i -> Math.max(first.rates[i], planned.rates[i])).toArray();
        final double ratio = bench.ratios("tokens/s with moves against the better of the two, load by load", moving.rates, best);
        return first.bad + planned.bad + moving.bad
                + bench.aim("tokens/s of the best static placement over those with moves, median of the loads", 1 / ratio,
                        1 / LEAST)
                + bench.aim("moves for gain under the load that stays", moving.lastMoves, 0);
    }

    private static Result run(final LiveBench bench, final Arm arm) throws Exception {
        final String name = "shift-" + arm.name().toLowerCase(Locale.ROOT);
        final List<Part> parts = new ArrayList<>();
        final int[] all = IntStream.range(0, bench.cases().size()).toArray();
        final AtomicReference<int[]> domain = new AtomicReference<>(arm.planned ? all : domain(0));
        final AtomicInteger next = new AtomicInteger();
        try (LiveCluster cluster = bench.cluster(bench.nodes, budget(bench.nodes), "drover.placement.rebalance.horizon = 40 s",
                "drover.cluster.statistics-interval = 2 s", "drover.cluster.statistics-half-life = 8 s")) {
            rebalance(cluster, arm.warmUp);
            try (Load load = new Load(bench.cases(), List.of(cluster.url(1)), bench.clients,
                    () -> domain.get()[next.getAndIncrement() % domain.get().length], bench.file(name + ".jsonl"))) {
                load.run(bench.warmUp);
                if (arm.planned) {
                    awaitPlanned(bench, cluster);
                    rebalance(cluster, "off");
                    domain.set(domain(0));
                }
                phase(bench, cluster, parts, "domain 1");
                domain.set(domain(3));
                phase(bench, cluster, parts, "domain 4");
                domain.set(domain(6));
                phase(bench, cluster, parts, "domain 7");
                domain.set(all);
                phase(bench, cluster, parts, "all");
                phase(bench, cluster, parts, "all, later");
            }
        }
        return result(bench, arm, parts, bench.verdict(name));
    }

    private static Result result(final LiveBench bench, final Arm arm, final List<Part> parts, final Verdict verdict) {
        final double[] rates = new double[PHASES];
        Arrays.setAll(rates,
                i -> verdict.tokensPerSecond(parts.get(i * PARTS).fromNs, parts.get(i * PARTS + PARTS - 1).toNs));
        bench.say("%s:%n%-12s %10s %12s %10s %6s", arm.what, "load", "tokens/s", "bytes/token", "imbalance", "moves");
        for (final Part part : parts) {
            bench.say("%-12s %10.0f %12.0f %10.3f %6d", part.phase, verdict.tokensPerSecond(part.fromNs, part.toNs),
                    part.bytes / verdict.tokens(part.fromNs, part.toNs), part.imbalance, part.moves);
        }
        final long lastMoves = parts.subList(parts.size() - PARTS, parts.size()).stream().mapToLong(Part::moves).sum();
        return new Result(rates, lastMoves, bench.judge(arm.what, verdict));
    }

    /** Room on each node for its part of a quarter more replicas than experts. */
    private static String budget(final int nodes) throws IOException {
        final Experts experts = Experts.read();
        return Experts.budget(experts.bytes() * Math.ceilDiv(experts.count() * 5, 4 * nodes));
    }

    private static void rebalance(final LiveCluster cluster, final String action) throws IOException {
        cluster.post(1, "/admin/rebalance", "{\"action\": \"" + action + "\"}");
    }

    private static int[] domain(final int domain) {
        return IntStream.range(domain * DOMAIN, (domain + 1) * DOMAIN).toArray();
    }

    /** Until nothing was moved for a while; where moves do not stop, the placement of then is as good as a later one. */
    private static void awaitPlanned(final LiveBench bench, final LiveCluster cluster) throws Exception {
        long moves = moves(cluster);
        int quiet = 0;
        int waited = 0;
        for (; quiet < QUIET_S && waited < PLANNED_S; waited++) {
            bench.pause(1);
            final long now = moves(cluster);
            quiet = now == moves ? quiet + 1 : 0;
            moves = now;
        }
        bench.say("planned by %d moves; %s", moves,
                quiet < QUIET_S ? "they had not stopped " + waited + " s after the warm-up" : "none in the last " + quiet + " s");
    }

    /** Moves for gain in the ledger. */
    private static long moves(final LiveCluster cluster) throws IOException {
        return StreamSupport.stream(cluster.get(1, "/admin/moves").path("moves").spliterator(), false)
                .filter(move -> move.path("why").asText().equals("gain"))
                .count();
    }

    private static void phase(final LiveBench bench, final LiveCluster cluster, final List<Part> parts, final String name)
            throws Exception {
        for (int part = 0; part < PARTS; part++) {
            final long fromNs = System.nanoTime();
            final double bytes = cluster.total("drover_engine_sent_bytes_total");
            final long moves = moves(cluster);
            bench.pause((double) bench.seconds / PARTS);
            parts.add(new Part(name, fromNs, System.nanoTime(), cluster.total("drover_engine_sent_bytes_total") - bytes,
                    cluster.get(1, "/admin/routing").path("imbalance").asDouble(), moves(cluster) - moves));
        }
    }
}
