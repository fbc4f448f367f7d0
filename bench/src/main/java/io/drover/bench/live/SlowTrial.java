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

    @Override
    public int run(final LiveBench bench) throws Exception {
        return run(bench, "on") + run(bench, "off");
    }

    private static int run(final LiveBench bench, final String hedge) throws Exception {
        final String name = "slow-" + hedge;
        final long[][] from = new long[3][bench.rounds];
        final long[][] to = new long[3][bench.rounds];
        try (LiveCluster cluster = bench.cluster(bench.nodes, "drover.engine.hedging.enabled = " + hedge,
                "drover.placement.rebalance.min-replicas = 2")) {
            try (Load load = bench.load(name, cluster.url(bench.nodes))) {
                load.run(bench.warmUp);
                for (int round = 0; round < bench.rounds; round++) {
                    from[0][round] = System.nanoTime();
                    bench.pause(bench.seconds);
                    to[0][round] = System.nanoTime();
                    // No token of the control waits for the event.
                    bench.pause(1);
                    from[1][round] = System.nanoTime();
                    final AtomicBoolean slow = new AtomicBoolean(true);
                    final Thread stutter = Thread.ofPlatform().start(() -> stutter(bench, cluster, slow));
                    bench.pause(LEARNING_S);
                    to[1][round] = System.nanoTime();
                    from[2][round] = to[1][round];
                    bench.pause(bench.seconds);
                    to[2][round] = System.nanoTime();
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
        final double[][] p99 = new double[3][bench.rounds];
        final double[][] rate = new double[3][bench.rounds];
        for (int phase = 0; phase < 3; phase++) {
            for (int round = 0; round < bench.rounds; round++) {
                p99[phase][round] = Verdict.percentile(verdict.gapsMs(from[phase][round], to[phase][round]), 99);
                rate[phase][round] = verdict.tokensPerSecond(from[phase][round], to[phase][round]);
            }
        }
        bench.ratios("hedging " + hedge + ", first 10 s, p99 between tokens, ms", p99[1], p99[0]);
        bench.ratios("hedging " + hedge + ", later, p99 between tokens, ms", p99[2], p99[0]);
        bench.ratios("hedging " + hedge + ", later, tokens/s", rate[2], rate[0]);
        return bench.judge("hedging " + hedge, verdict);
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
