package io.drover.bench.live;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A node that is neither the gateway nor the coordinator's answers up to 200 ms late: it stands still for so long, over and over
 * ({@code SIGSTOP}), which is too short for a receipt to be missed or for suspicion. Once with hedging and once without. The first seconds,
 * in which the node still is the home of streams that no second replica can help, are shown apart.
 */
final class SlowTrial implements LiveBench.Trial {
    private static final double STILL_S = 0.2;
    private static final double AWAKE_S = 0.05;
    private static final double LEARNING_S = 10;
    private static final double RECOVERY_S = 5;
    private static final int VICTIM = 2;
    private static final double MOST_RATIO = 1.5;
    /** Phase of a round, after the control and the first seconds of the event. */
    private static final int LATER = 2;

    @Override
    public int run(final LiveBench bench) throws Exception {
        return run(bench, "on") + run(bench, "off");
    }

    private static int run(final LiveBench bench, final String hedge) throws Exception {
        final String name = "slow-" + hedge;
        final Rounds rounds = new Rounds(3);
        try (LiveCluster cluster = bench.cluster(bench.nodes, "drover.engine.hedging.enabled = " + hedge,
                "drover.placement.rebalance.min-replicas = 2")) {
            try (Load load = bench.load(name, cluster.url(bench.nodes))) {
                load.run(bench.warmUp);
                for (int round = 0; round < bench.rounds; round++) {
                    rounds.begin(Rounds.CONTROL);
                    bench.pause(bench.seconds);
                    rounds.end(Rounds.CONTROL);
                    // No token of the control waits for the event.
                    bench.pause(1);
                    rounds.begin(Rounds.EVENT);
                    final AtomicBoolean slow = new AtomicBoolean(true);
                    final Thread stutter = Thread.ofPlatform().start(() -> stutter(bench, cluster, slow));
                    bench.pause(LEARNING_S);
                    rounds.end(Rounds.EVENT);
                    rounds.begin(LATER);
                    bench.pause(bench.seconds);
                    rounds.end(LATER);
                    slow.set(false);
                    stutter.join();
                    cluster.awaitWhole();
                    bench.pause(RECOVERY_S);
                }
                bench.say("hedging %s: hedged calls %.0f of which won %.0f", hedge,
                        cluster.total("drover_engine_hedged_calls_total"), cluster.total("drover_engine_hedges_won_total"));
            }
        }
        final Verdict verdict = bench.verdict(name);
        final String who = "hedging " + hedge + ", ";
        final Rounds.Figure p99 = Rounds.percentileMs(99);
        rounds.ratios(bench, who + "first 10 s, p99 between tokens, ms", verdict, p99);
        rounds.ratios(bench, who + "later, p99 between tokens, ms", verdict, p99, LATER, LATER);
        final double whole = rounds.ratios(bench, who + "all the time, p99 between tokens, ms", verdict, p99, Rounds.EVENT,
                LATER);
        rounds.ratios(bench, who + "later, tokens/s", verdict, Verdict::tokensPerSecond, LATER, LATER);
        return bench.judge("hedging " + hedge, verdict) + (hedge.equals("on")
                ? bench.aim(who + "all the time, p99 between tokens, ratio", whole, MOST_RATIO)
                : bites(bench, whole));
    }

    /** Without hedging the ratio is to miss the aim: else it shows nothing that hedging meets it. */
    private static int bites(final LiveBench bench, final double ratio) {
        final boolean bites = ratio > MOST_RATIO;
        bench.say("the trial %s: without hedging the ratio of p99 is %.2f, to be above %.2f", bites ? "bites" : "DOES NOT BITE",
                ratio, MOST_RATIO);
        return bites ? 0 : 1;
    }

    private static void stutter(final LiveBench bench, final LiveCluster cluster, final AtomicBoolean slow) {
        try {
            while (slow.get()) {
                cluster.signal(VICTIM, "STOP");
                bench.pause(STILL_S);
                cluster.signal(VICTIM, "CONT");
                bench.pause(AWAKE_S);
            }
        } catch (final IOException | InterruptedException e) {
            throw new IllegalStateException("the node cannot be slowed down", e);
        }
    }
}
