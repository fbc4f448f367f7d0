package io.drover.bench.live;

import java.io.IOException;
import java.util.Random;
import java.util.stream.LongStream;

import com.fasterxml.jackson.databind.JsonNode;

/** Moves of random experts to random nodes, one after the other without a pause, against the same load without them. */
final class MigrateTrial implements LiveBench.Trial {
    private static final int POLL_MS = 50;
    private static final int WARM_UP_ROUNDS = 15;

    @Override
    public int run(final LiveBench bench) throws Exception {
        final Random random = new Random(bench.seed);
        final double[][] p99 = new double[2][bench.rounds];
        final double[][] longest = new double[2][bench.rounds];
        final double[][] rate = new double[2][bench.rounds];
        int moved = 0;
        final long[][] from = new long[2][bench.rounds];
        final long[][] to = new long[2][bench.rounds];
        try (LiveCluster cluster = bench.cluster(bench.nodes)) {
            cluster.post(1, "/admin/rebalance", "{\"action\": \"off\"}");
            try (Load load = bench.load("migrate", cluster.url(1))) {
                load.run(bench.warmUp);
                // What moves experts is to be compiled, too.
                moves(cluster, bench.nodes, WARM_UP_ROUNDS * bench.count, random);
                for (int round = 0; round < bench.rounds; round++) {
                    // Which comes first alternates, so that a drift of the machine meets both alike.
                    for (int half = 0; half < 2; half++) {
                        final int event = (round + half) % 2;
                        from[event][round] = System.nanoTime();
                        if (event == 1) {
                            moved += moves(cluster, bench.nodes, bench.count, random);
                        } else {
                            bench.pause(bench.seconds);
                        }
                        to[event][round] = System.nanoTime();
                    }
                }
            }
        }
        final Verdict verdict = bench.verdict("migrate");
        for (int round = 0; round < bench.rounds; round++) {
            for (int event = 0; event < 2; event++) {
                final double[] gaps = verdict.gapsMs(from[event][round], to[event][round]);
                p99[event][round] = Verdict.percentile(gaps, 99);
                longest[event][round] = verdict.longestMs(from[event][round], to[event][round]);
                rate[event][round] = verdict.tokensPerSecond(from[event][round], to[event][round]);
            }
        }
        bench.say("%d moves done in %d rounds, %.0f ms each", moved, bench.rounds,
                (LongStream.of(to[1]).sum() - LongStream.of(from[1]).sum()) / 1e6 / moved);
        bench.ratios("p99 between tokens, ms", p99[1], p99[0]);
        bench.ratios("longest between tokens, ms", longest[1], longest[0]);
        bench.ratios("tokens/s", rate[1], rate[0]);
        return bench.judge("all", verdict) + (moved < bench.rounds * bench.count ? 1 : 0);
    }

    /** @return moves that ended as done */
    static int moves(final LiveCluster cluster, final int nodes, final int count, final Random random)
            throws IOException, InterruptedException {
        final JsonNode layers = cluster.get(1, "/admin/routing").get("layers");
        int done = 0;
        for (int tries = 0; done < count && tries < 4 * count; tries++) {
            final JsonNode layer = layers.get(random.nextInt(layers.size()));
            final JsonNode begun = cluster.post(1, "/admin/moves",
                    "{\"layer\": %d, \"expert\": %d, \"to\": \"node-%d\"}".formatted(layer.get("layer").asInt(),
                            random.nextInt(layer.get("calls").size()), 1 + random.nextInt(nodes)));
            if (begun.has("operation")) {
                done += await(cluster, begun.get("operation").asText()) ? 1 : 0;
            }
        }
        return done;
    }

    static boolean await(final LiveCluster cluster, final String operation) throws IOException, InterruptedException {
        while (true) {
            final JsonNode now = cluster.get(1, "/admin/operations/" + operation);
            final String state = now.path("state").asText("gone");
            if (!state.equals("running") && !state.equals("waiting")) {
                return state.equals("done");
            }
            Thread.sleep(POLL_MS);
        }
    }
}
