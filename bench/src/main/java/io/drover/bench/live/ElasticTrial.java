package io.drover.bench.live;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * 1, 2, 3, 5, 4 and 2 nodes under load; the joiners' doors take part of it while they are there. Node 2 has room for a third of the
 * experts, node 3 for half of them, the others for all.
 */
final class ElasticTrial implements LiveBench.Trial {
    private static final int GATEWAY = 1;
    private static final long POLL_MS = 10;

    private record Join(int node, String url, long startedNs, long servesNs) {}

    /** Memory for experts, by node. */
    private record Budgets(Experts experts) implements LiveSite {
        long bytes(final int node) {
            return experts.bytes() * switch (node) {
                case 2 -> experts.count() / 3;
                case 3 -> experts.count() / 2;
                default -> experts.count();
            };
        }

        @Override
        public List<String> keys(final int node) {
            return List.of(Experts.budget(bytes(node)));
        }
    }

    @Override
    public int run(final LiveBench bench) throws Exception {
        final Run run;
        try (LiveCluster cluster = bench.cluster(1, new Budgets(Experts.read()))) {
            run = new Run(bench, cluster, new Budgets(Experts.read()));
            try (Load load = bench.load("elastic", cluster.url(GATEWAY))) {
                load.run(bench.warmUp);
                run.join(2);
                run.join(3);
                run.join(4, 5);
                run.leave(5);
                run.leave(4, 3);
                run.stay();
            }
        }
        return run.judge() + bench.judge("door of node-1", bench.verdict("elastic"));
    }

    /** Joins and leaves in one cluster, and what must not be. */
    private static final class Run {
        private final LiveBench bench;
        private final LiveCluster cluster;
        private final Budgets budgets;
        private final List<Join> joins = new ArrayList<>();
        private final List<String> leaves = new ArrayList<>();
        private final Map<Integer, Double> mostBytes = new TreeMap<>();
        private int bad;

        Run(final LiveBench bench, final LiveCluster cluster, final Budgets budgets) {
            this.bench = bench;
            this.cluster = cluster;
            this.budgets = budgets;
        }

        void join(final int... nodes) throws Exception {
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
                stay();
                door.close();
                bench.say("node-%d has computed %.0f tokens and answered %.0f expert calls of others", node,
                        cluster.metric(node, "drover_engine_tokens_total"),
                        cluster.metric(node, "drover_engine_served_calls_total"));
            }
        }

        void leave(final int... nodes) throws Exception {
            for (final int node : nodes) {
                final long fromNs = System.nanoTime();
                drain(node, fromNs);
                look();
                cluster.stop(node);
                leaves.add("node-%d: its process ended %.1f s after the drain was asked for".formatted(node,
                        (System.nanoTime() - fromNs) / 1e9));
                stay();
            }
            cluster.awaitWhole();
        }

        private void drain(final int node, final long fromNs) throws Exception {
            final String operation = cluster.post(GATEWAY, "/admin/drain", "{\"node\": \"node-" + node + "\"}")
                    .path("operation")
                    .asText();
            final List<String> progress = new ArrayList<>();
            JsonNode now = cluster.get(GATEWAY, "/admin/operations/" + operation);
            while (List.of("running", "waiting").contains(now.path("state").asText())) {
                see(progress, now);
                Thread.sleep(POLL_MS);
                now = cluster.get(GATEWAY, "/admin/operations/" + operation);
            }
            see(progress, now);
            final String state = now.path("state").asText("gone");
            leaves.add("node-%d: drain %s after %.2f s (progress seen: %s)".formatted(node, state,
                    (System.nanoTime() - fromNs) / 1e9, String.join(", ", progress)));
            // A single expert may move between two looks.
            final boolean moved = now.path("total").asInt() > 1;
            bad += state.equals("done") && (!moved || progress.size() > 1) ? 0 : 1;
        }

        private static void see(final List<String> progress, final JsonNode operation) {
            final String step = operation.path("done").asInt() + " of " + operation.path("total").asInt();
            if (operation.has("total") && (progress.isEmpty() || !progress.getLast().equals(step))) {
                progress.add(step);
            }
        }

        /** Lets a phase pass, and looks at each second of it. */
        void stay() throws IOException, InterruptedException {
            for (int second = 0; second < bench.seconds; second++) {
                bench.pause(1);
                look();
            }
        }

        private void look() throws IOException {
            for (final int node : cluster.running()) {
                mostBytes.merge(node, cluster.metric(node, "drover_engine_expert_bytes"), Math::max);
            }
        }

        int judge() throws IOException {
            for (final Join join : joins) {
                final Verdict verdict = bench.verdict("joiner-" + join.node);
                final long firstNs = verdict.firstTokenNs(join.url, join.startedNs);
                bench.say("node-%d: serves %.1f s after the start of its process; %s", join.node,
                        (join.servesNs - join.startedNs) / 1e9,
                        firstNs == Long.MAX_VALUE
                                ? "no token came through its door"
                                : "first token through its door %.1f s after it".formatted((firstNs - join.startedNs) / 1e9));
                bad += bench.judge("door of node-" + join.node, verdict) + (firstNs == Long.MAX_VALUE ? 1 : 0);
            }
            leaves.forEach(line -> bench.say("%s", line));
            mostBytes.forEach((node, bytes) -> {
                final double of = budgets.bytes(node);
                bench.say("node-%d held at most %.0f of %.0f bytes of experts", node, bytes, of);
                bad += bytes > of ? 1 : 0;
            });
            return bad;
        }
    }
}
