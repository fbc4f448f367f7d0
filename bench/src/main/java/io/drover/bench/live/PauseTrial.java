package io.drover.bench.live;

/**
 * A node that is neither the gateway nor the coordinator's stands still for 2 s ({@code SIGSTOP}) and goes on; what is measured is those
 * two seconds against two before. With {@code hedging} the same cluster is run twice, with hedging on and off.
 */
final class PauseTrial implements LiveBench.Trial {
    private static final double STILL_S = 2;
    private static final double RECOVERY_S = 2;
    private static final double MOST_RATIO = 1.5;

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
        final Rounds rounds = new Rounds(2);
        final int victim = 2;
        final int gateway = bench.nodes;
        try (LiveCluster cluster = bench.cluster(bench.nodes, "drover.engine.hedging.enabled = " + hedge,
                "drover.placement.rebalance.min-replicas = 2")) {
            try (Load load = bench.load(name, cluster.url(gateway))) {
                load.run(bench.warmUp);
                for (int round = 0; round < bench.rounds; round++) {
                    rounds.begin(Rounds.CONTROL);
                    bench.pause(STILL_S);
                    rounds.end(Rounds.CONTROL);
                    // No token of the control waits for the event.
                    bench.pause(1);
                    rounds.begin(Rounds.EVENT);
                    cluster.signal(victim, "STOP");
                    bench.pause(STILL_S);
                    rounds.end(Rounds.EVENT);
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
        final String who = "hedging " + hedge + ", ";
        final double p99 = rounds.ratios(bench, who + "p99 between tokens, ms", verdict, Rounds.percentileMs(99));
        rounds.ratios(bench, who + "p99.9 between tokens, ms", verdict, Rounds.percentileMs(99.9));
        rounds.ratios(bench, who + "longest between tokens, ms", verdict, Verdict::longestMs);
        return bench.judge("hedging " + hedge, verdict)
                + (hedge.equals("on") ? bench.aim(who + "p99 between tokens, ratio", p99, MOST_RATIO) : 0);
    }
}
