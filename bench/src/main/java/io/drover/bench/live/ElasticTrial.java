package io.drover.bench.live;

import java.util.ArrayList;
import java.util.List;

/** 1, 2, 3, 5, 4 and 2 nodes under load; the joiners' doors take part of it while they are there. */
final class ElasticTrial implements LiveBench.Trial {
    private record Join(int node, String url, long startedNs, long servesNs) {}

    @Override
    public int run(final LiveBench bench) throws Exception {
        final List<Join> joins = new ArrayList<>();
        final List<String> leaves = new ArrayList<>();
        int bad = 0;
        try (LiveCluster cluster = bench.cluster(1)) {
            try (Load load = bench.load("elastic", cluster.url(1))) {
                load.run(bench.warmUp);
                join(bench, cluster, joins, 2);
                join(bench, cluster, joins, 3);
                join(bench, cluster, joins, 4, 5);
                leave(bench, cluster, leaves, 5);
                leave(bench, cluster, leaves, 4, 3);
                bench.pause(bench.seconds);
            }
        }
        for (final Join join : joins) {
            final double firstTokenS = bench.verdict("joiner-" + join.node).firstTokenNs(join.url, join.startedNs) / 1e9;
            bench.say("node-%d: serves %.1f s after the start of its process; first token through its door %.1f s after it",
                    join.node,
                    (join.servesNs - join.startedNs) / 1e9, firstTokenS - join.startedNs / 1e9);
            bad += bench.judge("door of node-" + join.node, bench.verdict("joiner-" + join.node));
        }
        leaves.forEach(line -> bench.say("%s", line));
        return bad + bench.judge("door of node-1", bench.verdict("elastic"));
    }

    private static void join(final LiveBench bench, final LiveCluster cluster, final List<Join> joins, final int... nodes)
            throws Exception {
        final long startedNs = System.nanoTime();
        for (final int node : nodes) {
            cluster.start(node);
        }
        cluster.awaitWhole();
        final long servesNs = System.nanoTime();
        for (final int node : nodes) {
            joins.add(new Join(node, cluster.url(node), startedNs, servesNs));
            final Load door = new Load(bench.cases(), List.of(cluster.url(node)), 2, () -> node,
                    bench.file("joiner-" + node + ".jsonl"));
            bench.pause(bench.seconds);
            door.close();
            bench.say("node-%d has computed %.0f tokens and answered %.0f expert calls of others", node,
                    cluster.metric(node, "drover_engine_tokens_total"), cluster.metric(node, "drover_engine_served_calls_total"));
        }
    }

    private static void leave(final LiveBench bench, final LiveCluster cluster, final List<String> leaves, final int... nodes)
            throws Exception {
        for (final int node : nodes) {
            final long fromNs = System.nanoTime();
            final String operation = cluster.post(1, "/admin/drain", "{\"node\": \"node-" + node + "\"}")
                    .path("operation")
                    .asText();
            final List<String> progress = new ArrayList<>();
            String state = "running";
            while (state.equals("running") || state.equals("waiting")) {
                final var now = cluster.get(1, "/admin/operations/" + operation);
                state = now.path("state").asText("gone");
                final String step = now.path("done").asInt() + " of " + now.path("total").asInt();
                if (progress.isEmpty() || !progress.getLast().equals(step)) {
                    progress.add(step);
                }
                bench.pause(0.01);
            }
            final double drainedS = (System.nanoTime() - fromNs) / 1e9;
            cluster.stop(node);
            leaves.add("node-%d: drain %s after %.2f s (progress seen: %s); its process ended after %.1f s".formatted(node, state,
                    drainedS,
                    String.join(", ", progress), (System.nanoTime() - fromNs) / 1e9));
            bench.pause(bench.seconds);
        }
        cluster.awaitWhole();
    }
}
