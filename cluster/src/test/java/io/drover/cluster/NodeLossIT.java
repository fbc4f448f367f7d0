package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;

import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Down;
import org.junit.jupiter.api.Test;

/** Nodes go and come back: a new coordinator takes over what runs, and no expert stays lost. */
class NodeLossIT {
    private static final int EXPERTS = 128;
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
            cluster.await("the engine to let go",
                    () -> second.engineStatus().peers().stream().noneMatch(peer -> peer.name().equals("node-1")));
            cluster.await("the lost experts to be restored", () -> second.status().ready() && third.status().ready());
            assertThat(replicas(second)).isGreaterThanOrEqualTo(EXPERTS);
            generates(cluster, second);

            final DroverNode again = cluster.start("node-1", FAST);
            cluster.await("the node to be back", () -> cluster.nodes().stream().allMatch(node -> node.status().ready()));
            assertThat(again.status().nodes()).extracting(NodeView::name).containsExactly("node-1", "node-2", "node-3");
            cluster.await("all to serve",
                    () -> again.status().nodes().stream().allMatch(view -> view.state() == NodeView.State.SERVING));
            generates(cluster, again);

            cluster.leave(third);
            assertThat(second.status().ready()).as(second.status().reason()).isTrue();
            cluster.await("the leaver to be out", () -> state(second, "node-3") == NodeView.State.GONE);
            assertThat(second.status().ready()).as(second.status().reason()).isTrue();
            assertThat(replicas(second)).isGreaterThanOrEqualTo(EXPERTS);
            generates(cluster, second);

            final long term = again.status().epoch().term();
            cluster.leave(second);
            cluster.await("the last node to coordinate", () -> again.status().epoch().term() > term && again.status().ready()
                    && state(again, "node-2") == NodeView.State.GONE);
            assertThat(replicas(again)).isGreaterThanOrEqualTo(EXPERTS);
            generates(cluster, again);
        }
    }

    @Test
    void aNodeThatTheClusterHasDownedTakesNothingOnAndEnds() {
        try (LocalCluster cluster = new LocalCluster(3)) {
            final DroverNode first = cluster.start("node-1", FAST);
            final DroverNode second = cluster.start("node-2", FAST);
            cluster.start("node-3", FAST);
            cluster.awaitReady();
            final Cluster others = Cluster.get(second.system());
            others.manager().tell(new Down(Cluster.get(first.system()).selfMember().address()));
            cluster.await("the node to say so", () -> !first.status().ready());
            cluster.await("the node to refuse requests",
                    () -> first.status().cutOff().equals("the cluster removed this node, or its actor system failed"));
            cluster.await("the node to end", () -> first.whenStopped().toCompletableFuture().isDone());
            cluster.await("the others to serve", () -> second.status().ready() && second.status().epoch().term() > 1);
            generates(cluster, second);
        }
    }

    /** Its process lives, and so does its place in the cluster: nobody else could coordinate. */
    @Test
    void aNodeWhoseCoordinatorHasStoppedEndsAndAnotherTakesOver() {
        final CountDownLatch stuck = new CountDownLatch(1);
        try (LocalCluster cluster = new LocalCluster(3)) {
            final Map<String, Object> soon = new HashMap<>(FAST);
            soon.put("drover.cluster.coordinator-timeout", "3 s");
            final DroverNode first = cluster.start("node-1", soon);
            final DroverNode second = cluster.start("node-2", soon);
            final DroverNode third = cluster.start("node-3", soon);
            cluster.awaitReady();
            first.system().dispatchers().lookup(DispatcherSelector.fromConfig("drover-coordinator-dispatcher")).execute(() -> {
                try {
                    stuck.await();
                } catch (final InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
            cluster.await("the node to end", () -> first.whenStopped().toCompletableFuture().isDone());
            assertThat(first.whenStopped().toCompletableFuture().join())
                    .isEqualTo("its coordinator has handled no message for 3000 ms");
            cluster.await("another coordinator", () -> second.status().epoch().term() > 1 && second.status().ready()
                    && third.status().epoch().term() > 1 && third.status().ready());
            assertThat(replicas(second)).isGreaterThanOrEqualTo(EXPERTS);
            generates(cluster, third);
        } finally {
            stuck.countDown();
        }
    }

    /** Of all nodes together, as this one was told. */
    private static int replicas(final DroverNode node) {
        return node.status().nodes().stream().mapToInt(NodeView::replicas).sum();
    }

    private static NodeView.State state(final DroverNode node, final String name) {
        return node.status().nodes().stream().filter(view -> view.name().equals(name)).findFirst().orElseThrow().state();
    }

    private static void generates(final LocalCluster cluster, final DroverNode node) {
        final LocalCluster.Case test = LocalCluster.cases(1).getFirst();
        assertThat(cluster.generate(node, test.prompt(), 16)).isEqualTo(test.expected().subList(0, 16));
    }
}
