package io.drover.bench.live;

/**
 * A node that is neither the gateway nor the coordinator's stands still for 2 s ({@code SIGSTOP}) and goes on; what is measured is those
 * two seconds against two before. With {@code hedging} the same cluster is run twice, with hedging on and off.
 */
final class PauseTrial implements LiveBench.Trial {
    private static final double STILL_S = 2;
    private static final double RECOVERY_S = 2;

    private final boolean hedging;

    PauseTrial(final boolean hedging) {
        this.hedging = hedging;
    }

    @Override
    public int run(final LiveBench bench) throws Exception {
        int bad = run(bench, "on");
        if (hedging) {
            bad += run(bench, "off");
        }
        return bad;
    }

    private int run(final LiveBench bench, final String hedge) throws Exception {
        final String name = "pause-" + hedge;
        final long[][] from = new long[2][bench.rounds];
        final long[][] to = new long[2][bench.rounds];
        final int victim = 2;
        final int gateway = bench.nodes;
        try (LiveCluster cluster = bench.cluster(bench.nodes, "drover.engine.hedging.enabled = " + hedge,
                "drover.placement.rebalance.min-replicas = 2")) {
            try (Load load = bench.load(name, cluster.url(gateway))) {
                load.run(bench.warmUp);
                for (int round = 0; round < bench.rounds; round++) {
                    from[0][round] = System.nanoTime();
                    bench.pause(STILL_S);
                    to[0][round] = System.nanoTime();
                    // No token of the control waits for the event.
                    bench.pause(1);
                    from[1][round] = System.nanoTime();
                    cluster.signal(victim, "STOP");
                    bench.pause(STILL_S);
                    to[1][round] = System.nanoTime();
                    cluster.signal(victim, "CONT");
                    cluster.awaitWhole();
                    bench.pause(RECOVERY_S);
                }
                bench.say("hedging %s: streams taken over %.0f, messages fenced off %.0f, hedged calls %.0f of which won %.0f",
                        hedge,
                        cluster.total("drover_engine_takeovers_total"), cluster.total("drover_engine_fenced_messages_total"),
                        cluster.total("drover_engine_hedged_calls_total"), cluster.total("drover_engine_hedges_won_total"));
            }
        }
        final Verdict verdict = bench.verdict(name);
        final double[][] p99 = new double[2][bench.rounds];
        final double[][] p999 = new double[2][bench.rounds];
        final double[][] longest = new double[2][bench.rounds];
        for (int event = 0; event < 2; event++) {
            for (int round = 0; round < bench.rounds; round++) {
                final double[] gaps = verdict.gapsMs(from[event][round], to[event][round]);
                p99[event][round] = Verdict.percentile(gaps, 99);
                p999[event][round] = Verdict.percentile(gaps, 99.9);
                longest[event][round] = verdict.longestMs(from[event][round], to[event][round]);
            }
        }
        bench.ratios("hedging " + hedge + ", p99 between tokens, ms", p99[1], p99[0]);
        bench.ratios("hedging " + hedge + ", p99.9 between tokens, ms", p999[1], p999[0]);
        bench.ratios("hedging " + hedge + ", longest between tokens, ms", longest[1], longest[0]);
        return bench.judge("hedging " + hedge, verdict);
    }
}
