package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;

import org.junit.jupiter.api.Test;

/** Nodes go and come back; ids and experts stay with their names, and a new coordinator takes over what runs. */
class NodeLossIT {
    private static final Map<String, Object> FAST = Map.of(
            "pekko.cluster.failure-detector.acceptable-heartbeat-pause", "3 s",
            "pekko.cluster.split-brain-resolver.stable-after", "2 s",
            "pekko.coordinated-shutdown.run-by-actor-system-terminate", "off");

    @Test
    void survivesTheCoordinatorAndTakesNodesBack() {
        try (LocalCluster cluster = new LocalCluster(3)) {
            final DroverNode first = cluster.start("node-1", FAST);
            final DroverNode second = cluster.start("node-2", FAST);
            final DroverNode third = cluster.start("node-3", FAST);
            cluster.awaitReady();
            assertThat(second.status().epoch().term()).isEqualTo(1);

            cluster.crash(first);
            cluster.await("a new term", () -> second.status().epoch().term() > 1 && third.status().epoch().term() > 1);
            cluster.await("the loss to be told", () -> second.status().reason().contains("node-1 is gone"));
            assertThat(second.status().ready()).isFalse();
            assertThat(second.status().reason()).contains("48 of 128 experts have no replica");
            cluster.await("the engine to let go",
                    () -> second.engineStatus().peers().stream().noneMatch(peer -> peer.name().equals("node-1")));

            final DroverNode again = cluster.start("node-1", FAST);
            cluster.await("the node to be back", () -> cluster.nodes().stream().allMatch(node -> node.status().ready()));
            assertThat(again.status().nodes()).extracting(NodeView::name).containsExactly("node-1", "node-2", "node-3");
            assertThat(again.status().nodes()).allMatch(view -> view.state() == NodeView.State.SERVING);
            generates(cluster, again);
            generates(cluster, second);

            cluster.leave(third);
            cluster.await("the leaver to be out", () -> second.status().reason().contains("node-3 is gone"));
            assertThat(again.status().epoch()).isEqualTo(second.status().epoch());

            final long term = again.status().epoch().term();
            cluster.leave(second);
            cluster.await("the last node to coordinate", () -> again.status().epoch().term() > term
                    && again.status().reason().contains("node-2 is gone"));
        }
    }

    private static void generates(final LocalCluster cluster, final DroverNode node) {
        final LocalCluster.Case test = LocalCluster.cases(1).getFirst();
        assertThat(cluster.generate(node, test.prompt(), 16)).isEqualTo(test.expected().subList(0, 16));
    }
}
