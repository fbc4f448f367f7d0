package io.drover.bench.live;

import java.io.IOException;
import java.util.Random;

import com.fasterxml.jackson.databind.JsonNode;

/** Moves of random experts to random nodes, one after the other without a pause, against the same load without them. */
final class MigrateTrial implements LiveBench.Trial {
    private static final int POLL_MS = 50;
    private static final int WARM_UP_ROUNDS = 15;
    private static final double MOST_RATIO = 1.1;
    /** A gap may be so long, or so many times the longest of the control. */
    private static final double LONGEST_MS = 250;
    private static final double LONGEST_RATIO = 2;

    @Override
    public int run(final LiveBench bench) throws Exception {
        final Random random = new Random(bench.seed);
        final Rounds rounds = new Rounds(2);
        int moved = 0;
        try (LiveCluster cluster = bench.cluster(bench.nodes)) {
            cluster.post(1, "/admin/rebalance", "{\"action\": \"off\"}");
            try (Load load = bench.load("migrate", cluster.url(1))) {
                load.run(bench.warmUp);
                // What moves experts is to be compiled, too.
                moves(cluster, bench.nodes, WARM_UP_ROUNDS * bench.count, random);
                for (int round = 0; round < bench.rounds; round++) {
                    // Which comes first alternates, so that a drift of the machine meets both alike.
                    for (int half = 0; half < 2; half++) {
                        final int phase = (round + half) % 2;
                        rounds.begin(phase);
                        if (phase == Rounds.EVENT) {
                            moved += moves(cluster, bench.nodes, bench.count, random);
                        } else {
                            bench.pause(bench.seconds);
                        }
                        rounds.end(phase);
                    }
                }
            }
        }
        final Verdict verdict = bench.verdict("migrate");
        bench.say("%d moves done in %d rounds, %.0f ms each", moved, bench.rounds, rounds.seconds(Rounds.EVENT) * 1000 / moved);
        final double p99 = rounds.ratios(bench, "p99 between tokens, ms", verdict, Rounds.percentileMs(99));
        rounds.ratios(bench, "longest between tokens, ms", verdict, Verdict::longestMs);
        rounds.ratios(bench, "tokens/s", verdict, Verdict::tokensPerSecond);
        final double calm = rounds.most(verdict, Verdict::longestMs, Rounds.CONTROL);
        return bench.judge("all", verdict) + (moved < bench.rounds * bench.count ? 1 : 0)
                + bench.aim("p99 between tokens, ratio", p99, MOST_RATIO)
                + bench.aim("longest between tokens, ms", rounds.most(verdict, Verdict::longestMs, Rounds.EVENT),
                        Math.max(LONGEST_MS, LONGEST_RATIO * calm));
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
