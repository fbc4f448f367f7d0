package io.drover.bench.live;

import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * The coordinator's node is lost twice: stopped ({@code SIGSTOP}) until another coordinator has taken over and then continued, and, when
 * it has come back, the next coordinator's is killed. Tokens flow, an alert rises, the ledger stays; a node that is continued after it was
 * downed serves nothing and ends.
 *
 * <p>The alert is to rise within two intervals. An interval is that at which a node asks the coordinator for an answer: a second, which no
 * key changes ({@code drover.cluster.statistics-interval} is how often it tells what its gates chose, and no answer is due to that).
 */
final class CoordinatorTrial implements LiveBench.Trial {
    private static final String ALERT = "drover_coordinator_silent";
    private static final double INTERVAL_S = 1;
    /** What passes until an alert that has risen is seen: between two looks, and for an answer on busy cores. */
    private static final double LOOK_S = 0.2;
    private static final int LEDGER = 5;
    /** A move that began so long before the loss has been handed to all nodes. */
    private static final double HANDED_S = 3;
    private static final int DOOR_CLIENTS = 2;
    private static final double TRUTH_S = 5;
    private static final double END_S = 30;

    private record Loss(String what, long lostNs, long alertNs, long answersNs, int known, int missing) {
        int judge(final LiveBench bench, final Verdict verdict) {
            bench.say("%s: another coordinator answers after %.1f s, with all but %d of the %d moves of the ledger", what,
                    seconds(answersNs), missing, known);
            bench.say("%s: tokens/s while no coordinator answered: %.0f; longest gap %.0f ms", what,
                    verdict.tokensPerSecond(lostNs, answersNs), verdict.longestMs(lostNs, answersNs));
            return bench.aim(what + ", alert after s", seconds(alertNs), 2 * INTERVAL_S + LOOK_S)
                    + bench.aim(what + ", moves missing in the ledger", missing, 0)
                    + (verdict.tokens(lostNs, answersNs) == 0 ? 1 : 0);
        }

        private double seconds(final long untilNs) {
            return (untilNs - lostNs) / 1e9;
        }
    }

    @Override
    public int run(final LiveBench bench) throws Exception {
        final Random random = new Random(bench.seed);
        int bad = 0;
        final Loss stopped;
        final Loss killed;
        try (LiveCluster cluster = bench.cluster(bench.nodes, LiveCluster.COORDINATOR_LOGGED)) {
            int gateway = bench.nodes;
            try (Load load = bench.load("coordinator", cluster.url(gateway))) {
                load.run(bench.warmUp);
                MigrateTrial.moves(cluster, bench.nodes, LEDGER, random);
                final int first = cluster.coordinator();
                gateway = other(load, cluster, gateway, first, bench.nodes);
                stopped = lose(bench, cluster, first, "STOP", gateway);
                bad += goOn(bench, cluster, first);
                cluster.start(first);
                cluster.awaitWhole();
                MigrateTrial.moves(cluster, bench.nodes, LEDGER, random);
                final int second = cluster.coordinator();
                gateway = other(load, cluster, gateway, second, bench.nodes);
                killed = lose(bench, cluster, second, "KILL", gateway);
                bench.pause(bench.seconds);
                bench.say("coordinator on node-%d, then on node-%d, then on node-%d", first, second, cluster.coordinator());
            }
        }
        final Verdict verdict = bench.verdict("coordinator");
        return bad + stopped.judge(bench, verdict) + killed.judge(bench, verdict) + bench.judge("all", verdict);
    }

    /** @return a gateway that is not the victim; the load goes through it */
    private static int other(final Load load, final LiveCluster cluster, final int gateway, final int victim, final int nodes)
            throws InterruptedException {
        final int chosen = gateway == victim ? 1 + victim % nodes : gateway;
        load.moveTo(cluster.url(chosen));
        return chosen;
    }

    /** Returns once another coordinator answers. */
    private static Loss lose(final LiveBench bench, final LiveCluster cluster, final int victim, final String signal,
            final int gateway) throws IOException, InterruptedException {
        final Set<String> known = moves(cluster, gateway);
        bench.pause(HANDED_S);
        final long lostNs = System.nanoTime();
        cluster.signal(victim, signal);
        LiveCluster.until("the alert", () -> cluster.metric(gateway, ALERT) > 0);
        final long alertNs = System.nanoTime();
        LiveCluster.until("another coordinator", () -> cluster.metric(gateway, ALERT) == 0
                && cluster.get(gateway, "/admin/moves").has("moves"));
        final long answersNs = System.nanoTime();
        final Set<String> missing = new HashSet<>(known);
        missing.removeAll(moves(cluster, gateway));
        return new Loss("SIG" + signal, lostNs, alertNs, answersNs, known.size(), missing.size());
    }

    private static Set<String> moves(final LiveCluster cluster, final int gateway) throws IOException {
        final Set<String> ids = new HashSet<>();
        cluster.get(gateway, "/admin/moves").path("moves").forEach(move -> ids.add(move.get("id").asText()));
        return ids;
    }

    /** Continues a stopped node, and asks at its door until its process has ended. */
    private static int goOn(final LiveBench bench, final LiveCluster cluster, final int victim) throws Exception {
        final long fromNs = System.nanoTime();
        final double endS;
        final double readyS;
        final Load door = new Load(bench.cases(), List.of(cluster.url(victim)), DOOR_CLIENTS, () -> 0,
                bench.file("coordinator-door.jsonl"));
        try (door; Watch watch = new Watch(cluster, List.of(victim))) {
            cluster.signal(victim, "CONT");
            final boolean ended = cluster.process(victim).waitFor((long) END_S, TimeUnit.SECONDS);
            endS = ended ? (System.nanoTime() - fromNs) / 1e9 : Double.POSITIVE_INFINITY;
            readyS = watch.of(victim, fromNs)
                    .stream()
                    .filter(sight -> sight.readiness().ready())
                    .mapToDouble(sight -> (sight.ns() - fromNs) / 1e9)
                    .max()
                    .orElse(0);
            if (!ended) {
                cluster.kill(victim);
            }
        }
        final Verdict doors = bench.verdict("coordinator-door");
        return bench.judgeEnds("through the door of the node that was continued", doors)
                + bench.aim("streams that it gave tokens to", doors.admitted(cluster.url(victim), fromNs).size(), 0)
                + bench.aim("its door says ready for s", readyS, TRUTH_S)
                + bench.aim("its process ends after s", endS, END_S);
    }
}
