package io.drover.bench.live;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

import io.drover.placement.Epoch;

/**
 * Cuts between network namespaces: the minority of five nodes, one direction between two nodes, the minority with the coordinator, and
 * one half of two nodes. Clients reach all nodes all the time. Streams through the side that stays must be exact; through the other one
 * they must end properly or with an error event. After each cut the network is healed, and nodes that ended are started anew.
 */
final class PartitionTrial implements LiveBench.Trial {
    private static final int NODES = 5;
    private static final double PROMISED_S = 5;
    /** A request may be on its way when its gateway says that it takes no more. */
    private static final double MARGIN_S = 1;
    private static final double DECIDED_S = 90;
    private static final double BEFORE_S = 8;
    private static final double AFTER_S = 5;

    /**
     * @param exact  gateways whose streams must not notice
     * @param others gateways whose streams may fail
     * @param downed whether the others are a minority, so that they must say so and end
     */
    private record Case(String name, List<Integer> exact, List<Integer> others, boolean downed) {
        List<Integer> all() {
            return Stream.concat(exact.stream(), others.stream()).toList();
        }
    }

    /** What cuts. */
    private interface Cut {
        void make() throws IOException, InterruptedException;
    }

    @Override
    public int run(final LiveBench bench) throws Exception {
        int bad = 0;
        try (Namespaces net = Namespaces.create(NODES)) {
            try (LiveCluster cluster = bench.cluster(NODES, net)) {
                final Cutter cutter = new Cutter(bench, net, cluster);
                try (Load load = bench.load("warm-up", cluster.url(1), cluster.url(NODES))) {
                    load.run(bench.warmUp);
                }
                bad += cutter.run(new Case("minority", List.of(1, 2, 3), List.of(4, 5), true),
                        () -> net.cut(List.of(1, 2, 3), List.of(4, 5)));
                bad += cutter.run(new Case("one-way", List.of(1, 2, 3), List.of(4, 5), false), () -> net.cut(5, 4));
                // The oldest node has the coordinator.
                bad += cutter.run(new Case("coordinator", List.of(3, 4, 5), List.of(1, 2), true),
                        () -> net.cut(List.of(3, 4, 5), List.of(1, 2)));
            }
            try (LiveCluster cluster = bench.cluster(2, net)) {
                final Cutter cutter = new Cutter(bench, net, cluster);
                bad += cutter.run(new Case("two, cut", List.of(1), List.of(2), true), () -> net.cut(List.of(1), List.of(2)));
                bad += cutter.run(new Case("two, the lower address killed", List.of(), List.of(2), true), () -> cluster.kill(1));
            }
        }
        return bad;
    }

    /** Makes cuts in one cluster and judges them. */
    private record Cutter(LiveBench bench, Namespaces net, LiveCluster cluster) {
        int run(final Case each, final Cut cut) throws Exception {
            final String file = each.name.replaceAll("\\W+", "-");
            final Map<Integer, Double> endedS = new TreeMap<>();
            int bad = 0;
            try (Watch watch = new Watch(cluster, each.all())) {
                final List<Load> loads = new ArrayList<>();
                final long cutNs;
                final long healedNs;
                try {
                    loads.add(load(file + "-exact", each.exact, bench.clients));
                    loads.add(load(file + "-others", each.others, Math.max(2, bench.clients / 4)));
                    bench.pause(BEFORE_S);
                    cutNs = System.nanoTime();
                    cut.make();
                    awaitEnds(each, cutNs, endedS);
                    bench.pause(AFTER_S);
                    net.heal();
                    healedNs = System.nanoTime();
                    bench.pause(AFTER_S);
                } finally {
                    for (final Load load : loads) {
                        load.close();
                    }
                }
                bad += judge(each, watch, cutNs, endedS);
                final Verdict exact = bench.verdict(file + "-exact");
                bad += bench.judge(each.name + ", the side that stays", exact);
                gaps(each, exact, cutNs, healedNs);
                bad += bench.judgeEnds(each.name + ", the others", bench.verdict(file + "-others"));
                bad += admitted(each, watch, cutNs, bench.verdict(file + "-others"));
            }
            again(each);
            return bad;
        }

        private void gaps(final Case each, final Verdict exact, final long cutNs, final long healedNs) {
            if (!each.exact.isEmpty()) {
                bench.say(
                        "%s: longest between tokens on the side that stays, ms: %.0f before the cut, %.0f during it, %.0f after it",
                        each.name, exact.longestMs(Long.MIN_VALUE, cutNs), exact.longestMs(cutNs, healedNs),
                        exact.longestMs(healedNs, Long.MAX_VALUE));
            }
        }

        private Load load(final String name, final List<Integer> gateways, final int clients) throws IOException {
            final int[] next = {0};
            return new Load(bench.cases(), gateways.stream().map(cluster::url).toList(), gateways.isEmpty() ? 0 : clients, () -> {
                synchronized (next) {
                    return next[0]++;
                }
            }, bench.file(name + ".jsonl"));
        }

        /** Until all that are to end have, or a while where nobody need. */
        private void awaitEnds(final Case each, final long cutNs, final Map<Integer, Double> endedS) throws InterruptedException {
            final BooleanSupplier done = () -> endedS.keySet().containsAll(each.others);
            while (!done.getAsBoolean() && System.nanoTime() - cutNs < DECIDED_S * 1e9) {
                for (final int node : each.all()) {
                    if (!cluster.process(node).isAlive()) {
                        endedS.putIfAbsent(node, (System.nanoTime() - cutNs) / 1e9);
                    }
                }
                bench.pause(0.1);
            }
        }

        private int judge(final Case each, final Watch watch, final long cutNs, final Map<Integer, Double> endedS) {
            int bad = 0;
            for (final int node : each.others) {
                final double saidS = watch.afterS(node, cutNs, sight -> sight.readiness().status() == 503
                        && sight.readiness().body().contains("cut off"));
                bench.say("%s: node-%d says that it is cut off after %.1f s; its process ended after %.1f s", each.name, node,
                        saidS,
                        endedS.getOrDefault(node, Double.POSITIVE_INFINITY));
                bad += each.downed && (saidS > PROMISED_S || !endedS.containsKey(node)) ? 1 : 0;
            }
            for (final int node : each.exact) {
                final List<Epoch> epochs = watch.of(node, 0).stream().map(Watch.Sight::epoch).filter(e -> e.term() > 0).toList();
                int back = 0;
                for (int i = 1; i < epochs.size(); i++) {
                    back += epochs.get(i).compareTo(epochs.get(i - 1)) < 0 ? 1 : 0;
                }
                bench.say("%s: node-%d went from epoch %s to %s, %d times back; not ready for %.1f s; process %s", each.name,
                        node,
                        epochs.getFirst(), epochs.getLast(), back, notReadyS(watch, node, cutNs),
                        endedS.containsKey(node) ? "ended" : "lives");
                bad += back + (endedS.containsKey(node) ? 1 : 0);
            }
            for (final int node : each.others) {
                watch.of(node, 0)
                        .stream()
                        .map(Watch.Sight::epoch)
                        .filter(e -> e.term() > 0)
                        .reduce((a, b) -> b)
                        .ifPresent(last -> bench.say("%s: the last epoch of node-%d was %s", each.name, node, last));
            }
            return bad;
        }

        private static double notReadyS(final Watch watch, final int node, final long fromNs) {
            double s = 0;
            final List<Watch.Sight> sights = watch.of(node, fromNs);
            for (int i = 0; i + 1 < sights.size(); i++) {
                s += sights.get(i).readiness().ready() ? 0 : (sights.get(i + 1).ns() - sights.get(i).ns()) / 1e9;
            }
            return s;
        }

        /** A node that has said that it is cut off gives no token to a new request. */
        private int admitted(final Case each, final Watch watch, final long cutNs, final Verdict verdict) {
            int bad = 0;
            for (final int node : each.downed ? each.others : List.<Integer>of()) {
                final double saidS = watch.afterS(node, cutNs, sight -> !sight.readiness().ready());
                final int admitted = verdict.admitted(cluster.url(node), cutNs + (long) ((saidS + MARGIN_S) * 1e9)).size();
                bench.say("%s: node-%d took on %d requests after it", each.name, node, admitted);
                bad += admitted;
            }
            return bad;
        }

        /** Starts what has ended; the network is whole. */
        private void again(final Case each) throws IOException, InterruptedException {
            final long fromNs = System.nanoTime();
            final List<Integer> ended = each.all().stream().filter(node -> !cluster.process(node).isAlive()).toList();
            if (each.exact.isEmpty()) {
                // Nobody is left to join.
                return;
            }
            for (final int node : ended) {
                cluster.start(node);
            }
            cluster.awaitWhole();
            bench.say("%s: %s started anew; all serve %.0f s later", each.name, ended, (System.nanoTime() - fromNs) / 1e9);
        }
    }
}
