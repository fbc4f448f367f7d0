package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Nodes that must not join are told why in one sentence, and the cluster goes on. */
class JoinIT {
    private static LocalCluster cluster;

    @BeforeAll
    static void start() {
        cluster = LocalCluster.of(1);
    }

    @AfterAll
    static void stop() {
        cluster.close();
    }

    @AfterEach
    void theClusterGoesOn() {
        final LocalCluster.Case test = LocalCluster.cases(1).getFirst();
        assertThat(cluster.nodes()).hasSize(1);
        assertThat(cluster.nodes().getFirst().status().ready()).isTrue();
        assertThat(cluster.nodes().getFirst().status().nodes()).filteredOn(node -> node.state() == NodeView.State.SERVING)
                .hasSize(1);
        assertThat(cluster.generate(cluster.nodes().getFirst(), test.prompt(), 4)).isEqualTo(test.expected().subList(0, 4));
    }

    @Test
    void namesBothTypes() {
        assertThat(cluster.refused("node-2", Map.of("drover.engine.kv", "bfloat16", "drover.engine.wire", "bfloat16")))
                .startsWith("node 'node-2' may not join the cluster at 127.0.0.1:")
                .contains("wire type is bfloat16 here and float32 in the cluster", "KV type is bfloat16 here and float32");
    }

    @Test
    void namesBothModels(@TempDir final Path directory) throws IOException {
        for (final String file : List.of("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")) {
            Files.copy(LocalCluster.MODEL.resolve(file), directory.resolve(file));
        }
        final Path config = directory.resolve("config.json");
        Files.writeString(config, Files.readString(config).replace("1e-05", "1e-06"));
        assertThat(cluster.refused("node-2", Map.of("drover.cluster.model-directory", directory.toString())))
                .matches("node 'node-2' may not join the cluster at .*: model config is [0-9a-f]{12} here and [0-9a-f]{12} in the"
                        + " cluster");
    }

    @Test
    void namesTheFileOfABrokenModel(@TempDir final Path directory) {
        assertThat(cluster.refused("node-2", Map.of("drover.cluster.model-directory", directory.toString())))
                .contains("config.json")
                .doesNotContain("\n");
    }

    @Test
    void namesTheSeedsThatDoNotAnswer() throws IOException {
        final int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        assertThat(cluster.refused("node-2", Map.of("drover.cluster.seeds", List.of("127.0.0.1:" + port),
                "drover.cluster.join-timeout", "2 s")))
                .isEqualTo("node 'node-2' found no cluster within 2.0 s: no node answers at 127.0.0.1:" + port);
    }

    @Test
    void theFirstSeedFoundsNoClusterBesideOneThatIsTooBusyToAnswer() throws IOException {
        final int own;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            own = free.getLocalPort();
        }
        try (ServerSocket busy = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"))) {
            final String other = "127.0.0.1:" + busy.getLocalPort();
            assertThat(cluster.refused("node-2", Map.of("drover.cluster.seeds", List.of("127.0.0.1:" + own, other),
                    "drover.cluster.port", own, "drover.cluster.join-timeout", "5 s")))
                    .isEqualTo("node 'node-2' found no cluster within 5.0 s: connections to " + other
                            + " are taken, but no node answers there");
        }
    }

    @Test
    void aFounderWhoseClusterHasNotFormedGivesWayToAnother() throws Exception {
        final int own;
        final int other;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                ServerSocket alsoFree = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            own = free.getLocalPort();
            other = alsoFree.getLocalPort();
        }
        final DroverNode founder = DroverNode.start(cluster.settings("founder", Map.of("drover.cluster.port", own,
                "drover.cluster.seeds", List.of("127.0.0.1:" + own, "127.0.0.1:" + other), "drover.cluster.expected-nodes", 2)),
                progress -> {}).toCompletableFuture().get(60, TimeUnit.SECONDS);
        final DroverNode lone = DroverNode.start(cluster.settings("lone", Map.of("drover.cluster.port", other,
                "drover.cluster.seeds", List.of())), progress -> {}).toCompletableFuture().get(60, TimeUnit.SECONDS);
        assertThat(founder.whenStopped().toCompletableFuture().get(60, TimeUnit.SECONDS))
                .isEqualTo("node 'founder' has founded a cluster that has not formed, and at 127.0.0.1:" + other
                        + " there is another; it must be started anew, to join that one");
        lone.stop(Duration.ZERO).toCompletableFuture().get(60, TimeUnit.SECONDS);
    }

    @Test
    void namesTheControlPortInUse() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            assertThat(cluster.refused("node-2", Map.of("drover.cluster.port", taken.getLocalPort())))
                    .startsWith("node 'node-2' cannot listen on 127.0.0.1:" + taken.getLocalPort());
        }
    }

    @Test
    void namesTheDataPortInUse() throws IOException {
        try (DatagramSocket taken = new DatagramSocket(new InetSocketAddress("127.0.0.1", 0))) {
            assertThat(cluster.refused("node-2", Map.of("drover.cluster.data-port", taken.getLocalPort())))
                    .startsWith("node 'node-2'")
                    .contains("127.0.0.1:" + taken.getLocalPort());
        }
        cluster.await("the node to be gone",
                () -> cluster.nodes().getFirst().status().nodes().getLast().state() == NodeView.State.GONE);
    }

    @Test
    void namesTheNodeThatHasTheName() {
        assertThat(cluster.refused("node-1", Map.of()))
                .isEqualTo("node name 'node-1' is in use by the running node at " + cluster.nodes().getFirst().address());
    }
}
