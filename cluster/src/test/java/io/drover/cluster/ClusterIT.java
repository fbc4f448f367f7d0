package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.cluster.sharding.ShardRegion.CurrentShardRegionState;
import org.apache.pekko.cluster.sharding.typed.ClusterShardingQuery;
import org.apache.pekko.cluster.sharding.typed.GetShardRegionState;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Real nodes in one process answer as the reference does, whatever their number. */
class ClusterIT {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void answersLikeTheReference(final int nodes) {
        final long startNs = System.nanoTime();
        try (LocalCluster cluster = LocalCluster.of(nodes)) {
            final long readyMs = (System.nanoTime() - startNs) / 1_000_000;
            System.out.println(nodes + " nodes were ready after " + readyMs + " ms");
            for (final DroverNode node : cluster.nodes()) {
                assertThat(node.status().ready()).as(node.status().reason()).isTrue();
                // The engine's snapshot is a little older than what sharding knows.
                Awaitility.await()
                        .untilAsserted(() -> assertThat(replicasByShard(node))
                                .isEqualTo(Map.of("device-" + id(node), node.engineStatus().experts())));
                assertThat(node.status().nodes()).hasSize(nodes).allMatch(view -> view.state() == NodeView.State.SERVING);
                for (final LocalCluster.Case test : LocalCluster.cases(2)) {
                    assertThat(cluster.generate(node, test.prompt(), test.expected().size())).isEqualTo(test.expected());
                }
            }
        }
    }

    /** Threads of Pekko's own dispatchers yield to tokens; a busy node whose heartbeats did so was taken for dead. */
    @Test
    void heartbeatsRunThroughNoThreadThatYields() {
        try (LocalCluster cluster = LocalCluster.of(2)) {
            assertThat(cluster.nodes()).allMatch(node -> node.system()
                    .settings()
                    .config()
                    .getString("pekko.cluster.use-dispatcher")
                    .equals("drover-membership-dispatcher"));
            assertThat(Thread.getAllStackTraces().keySet()).extracting(Thread::getName)
                    .anyMatch(name -> name.startsWith("drover-drover-membership-dispatcher-"))
                    .anyMatch(name -> name.startsWith("drover-drover-selector-dispatcher-"))
                    .noneMatch(name -> name.startsWith("drover-pekko.remote.") || name.startsWith("drover-pekko.io."));
        }
    }

    private static int id(final DroverNode node) {
        return node.status()
                .nodes()
                .stream()
                .filter(view -> view.name().equals(node.settings().nodeName()))
                .findFirst()
                .orElseThrow()
                .nodeId();
    }

    /** What sharding holds in this node's region. */
    private static Map<String, Integer> replicasByShard(final DroverNode node) {
        final Map<String, Integer> replicas = new HashMap<>();
        final CurrentShardRegionState region = LocalCluster.get(AskPattern.<ClusterShardingQuery, CurrentShardRegionState>ask(
                ClusterSharding.get(node.system()).shardState(), replyTo -> new GetShardRegionState(ExpertShards.TYPE, replyTo),
                Duration.ofSeconds(60), node.system().scheduler()).toCompletableFuture());
        region.getShards().forEach(shard -> replicas.put(shard.shardId(), shard.getEntityIds().size()));
        return replicas;
    }
}
