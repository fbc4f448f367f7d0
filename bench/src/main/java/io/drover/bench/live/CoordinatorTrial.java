package io.drover.bench.live;

import java.util.Random;

/** The coordinator's node is stopped ({@code SIGSTOP}) until another has taken over; tokens flow, an alert rises, the ledger stays. */
final class CoordinatorTrial implements LiveBench.Trial {
    private static final int LEDGER = 5;

    @Override
    public int run(final LiveBench bench) throws Exception {
        final int gateway = bench.nodes;
        final long stoppedNs;
        final long alertNs;
        final long answersNs;
        final int before;
        final int after;
        try (LiveCluster cluster = bench.cluster(bench.nodes)) {
            try (Load load = bench.load("coordinator", cluster.url(gateway))) {
                load.run(bench.warmUp);
                MigrateTrial.moves(cluster, bench.nodes, LEDGER, new Random(bench.seed));
                // The ledger is handed to all nodes now and then.
                bench.pause(3);
                before = cluster.get(gateway, "/admin/moves").get("moves").size();
                stoppedNs = System.nanoTime();
                cluster.signal(1, "STOP");
                LiveCluster.until("the alert", () -> cluster.metric(gateway, "drover_coordinator_silent") > 0);
                alertNs = System.nanoTime();
                LiveCluster.until("another coordinator", () -> cluster.metric(gateway, "drover_coordinator_silent") == 0
                        && cluster.get(gateway, "/admin/moves").has("moves"));
                answersNs = System.nanoTime();
                after = cluster.get(gateway, "/admin/moves").get("moves").size();
                bench.pause(bench.seconds);
                cluster.kill(1);
            }
        }
        final Verdict verdict = bench.verdict("coordinator");
        bench.say("alert after %.1f s; another coordinator answers after %.1f s", (alertNs - stoppedNs) / 1e9,
                (answersNs - stoppedNs) / 1e9);
        bench.say("ledger: %d moves before, %d after", before, after);
        bench.say("tokens/s while no coordinator answered: %.0f; longest gap %.0f ms",
                verdict.tokensPerSecond(stoppedNs, answersNs),
                verdict.longestMs(stoppedNs, answersNs));
        return bench.judge("all", verdict) + (after < before ? 1 : 0);
    }
}
