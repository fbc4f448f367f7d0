package io.drover.bench.live;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * {@code kill -9} of a random node that is not the gateway, again and again; each victim is started anew before the next. All nodes are
 * homes and hold experts, and the oldest is the coordinator's: the gateway is the last one, so that the coordinator's is among the victims.
 */
final class KillTrial implements LiveBench.Trial {
    private static final double WATCHED_S = 6;

    @Override
    public int run(final LiveBench bench) throws Exception {
        final Random random = new Random(bench.seed);
        final List<long[]> kills = new ArrayList<>();
        final List<Boolean> oldest = new ArrayList<>();
        final List<Long> quietNs = new ArrayList<>();
        final List<Integer> homeless = new ArrayList<>();
        try (LiveCluster cluster = bench.cluster(bench.nodes)) {
            final int gateway = bench.nodes;
            final List<Integer> age = new ArrayList<>();
            for (int node = 1; node <= bench.nodes; node++) {
                age.add(node);
            }
            try (Load load = bench.load("kill", cluster.url(gateway))) {
                load.run(bench.warmUp);
                for (int kill = 0; kill < bench.count; kill++) {
                    final int victim = 1 + random.nextInt(bench.nodes - 1);
                    quietNs.add(System.nanoTime());
                    bench.pause(WATCHED_S / 2);
                    final int before = cluster.takeovers(gateway).size();
                    final long killedNs = System.nanoTime();
                    cluster.kill(victim);
                    oldest.add(age.getFirst() == victim);
                    bench.pause(WATCHED_S);
                    kills.add(new long[]{killedNs, System.nanoTime()});
                    homeless.add((int) cluster.takeovers(gateway).stream().skip(before).filter(tokens -> tokens > 0).count());
                    cluster.start(victim);
                    cluster.awaitWhole();
                    age.remove((Integer) victim);
                    age.add(victim);
                    bench.pause(1);
                }
            }
        }
        final Verdict verdict = bench.verdict("kill");
        final double[] gaps = new double[kills.size()];
        final double[] others = new double[kills.size()];
        final double[] control = new double[kills.size()];
        for (int i = 0; i < gaps.length; i++) {
            final double[] longest = verdict.longestOfEachMs(kills.get(i)[0], kills.get(i)[1]);
            gaps[i] = longest[longest.length - 1];
            // Streams that lost their home are taken to be those with the longest gaps.
            others[i] = longest[longest.length - 1 - homeless.get(i)];
            control[i] = Verdict.percentile(verdict.gapsMs(quietNs.get(i), kills.get(i)[0]), 100);
            bench.say("kill %d%s: longest gap %.0f ms, of streams but the %d that lost their home %.0f ms, before it %.0f ms",
                    i + 1,
                    oldest.get(i) ? " (coordinator's node)" : "", gaps[i], homeless.get(i), others[i], control[i]);
        }
        say(bench, "longest gap of a kill", gaps);
        say(bench, "of streams that kept their home", others);
        say(bench, "of 3 s without a kill", control);
        bench.say("kills of the coordinator's node: %d of %d", oldest.stream().filter(is -> is).count(), oldest.size());
        return bench.judge("all", verdict);
    }

    private static void say(final LiveBench bench, final String what, final double[] gaps) {
        Arrays.sort(gaps);
        bench.say("%s, ms: p50 %.0f, p95 %.0f, max %.0f", what, Verdict.percentile(gaps, 50), Verdict.percentile(gaps, 95),
                Verdict.percentile(gaps, 100));
    }
}
