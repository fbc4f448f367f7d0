package io.drover.bench.live;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

import com.typesafe.config.ConfigFactory;

/**
 * {@code kill -9} of a random node that is not the gateway, again and again; each victim is started anew before the next. All nodes are
 * homes and hold experts. Every third victim or more is the coordinator's node; where the gateway is to be killed, the load goes through
 * another before.
 */
final class KillTrial implements LiveBench.Trial {
    private static final double WATCHED_S = 6;
    private static final int COORDINATOR_EVERY = 3;
    private static final double KEPT_HOME_MS = 500;
    private static final double LONGEST_MS = 2000;

    /** @param moved completions that had to go on elsewhere */
    private record Kill(boolean coordinator, long quietNs, long killedNs, long overNs, Set<String> moved) {
        /** Before it. */
        double calmMs(final Verdict verdict) {
            return Verdict.percentile(verdict.gapsMs(quietNs, killedNs), 100);
        }

        double longestMs(final Verdict verdict) {
            return verdict.longestMs(killedNs, overNs);
        }

        double keptHomeMs(final Verdict verdict) {
            return longestMs(verdict.only(stream -> !moved.contains(stream.id())));
        }
    }

    @Override
    public int run(final LiveBench bench) throws Exception {
        final Random random = new Random(bench.seed);
        final List<Kill> kills = new ArrayList<>();
        try (LiveCluster cluster = bench.cluster(bench.nodes, LiveCluster.COORDINATOR_LOGGED)) {
            int gateway = bench.nodes;
            try (Load load = bench.load("kill", cluster.url(gateway))) {
                load.run(bench.warmUp);
                while (kills.size() < bench.count) {
                    final int coordinator = cluster.coordinator();
                    final int victim = random.nextInt(COORDINATOR_EVERY) == 0 ? coordinator : 1 + random.nextInt(bench.nodes);
                    if (victim == gateway) {
                        gateway = 1 + (victim + random.nextInt(bench.nodes - 1)) % bench.nodes;
                        load.moveTo(cluster.url(gateway));
                    }
                    kills.add(kill(bench, cluster, victim, gateway, victim == coordinator));
                }
            }
        }
        final Verdict verdict = bench.verdict("kill");
        for (int i = 0; i < kills.size(); i++) {
            final Kill kill = kills.get(i);
            bench.say("kill %d%s: longest gap %.0f ms, of streams but the %d that lost their home %.0f ms, before it %.0f ms",
                    i + 1,
                    kill.coordinator ? " (coordinator's node)" : "", kill.longestMs(verdict), kill.moved.size(),
                    kill.keptHomeMs(verdict), kill.calmMs(verdict));
        }
        final double longest = say(bench, "longest gap of a kill", kills, all -> true, kill -> kill.longestMs(verdict));
        final double kept = say(bench, "of streams that kept their home", kills, all -> true, kill -> kill.keptHomeMs(verdict));
        say(bench, "longest gap of a kill of the coordinator's node", kills, Kill::coordinator, kill -> kill.longestMs(verdict));
        say(bench, "of other nodes", kills, kill -> !kill.coordinator, kill -> kill.longestMs(verdict));
        say(bench, "of 3 s without a kill", kills, all -> true, kill -> kill.calmMs(verdict));
        return bench.judge("all", verdict) + bench.aim("longest gap of a kill, p95, ms", longest, LONGEST_MS)
                + (replicas(bench) < 2 ? 0 : bench.aim("of streams that kept their home, p95, ms", kept, KEPT_HOME_MS));
    }

    private static Kill kill(final LiveBench bench, final LiveCluster cluster, final int victim, final int gateway,
            final boolean coordinator) throws Exception {
        final long quietNs = System.nanoTime();
        bench.pause(WATCHED_S / 2);
        final int before = cluster.takeovers(gateway).size();
        final long killedNs = System.nanoTime();
        cluster.kill(victim);
        bench.pause(WATCHED_S);
        final long overNs = System.nanoTime();
        final Set<String> moved = cluster.takeovers(gateway)
                .stream()
                .skip(before)
                .map(LiveCluster.Takeover::completion)
                .collect(Collectors.toSet());
        cluster.start(victim);
        cluster.awaitWhole();
        bench.pause(1);
        return new Kill(coordinator, quietNs, killedNs, overNs, moved);
    }

    /** Of each expert, as the nodes were told. */
    private static int replicas(final LiveBench bench) {
        return ConfigFactory.parseFile(bench.file("node-1.conf").toFile())
                .withFallback(ConfigFactory.load())
                .getInt("drover.placement.rebalance.min-replicas");
    }

    /** @return the 95th percentile */
    private static double say(final LiveBench bench, final String what, final List<Kill> kills, final Predicate<Kill> which,
            final ToDoubleFunction<Kill> gapMs) {
        final double[] gaps = kills.stream().filter(which).mapToDouble(gapMs).toArray();
        Arrays.sort(gaps);
        final double p95 = Verdict.percentile(gaps, 95);
        bench.say("%s, ms, of %d: p50 %.0f, p95 %.0f, max %.0f", what, gaps.length, Verdict.percentile(gaps, 50), p95,
                Verdict.percentile(gaps, 100));
        return p95;
    }
}
