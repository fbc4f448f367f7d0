package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

import io.drover.streams.BulkContent;
import io.drover.streams.BulkProvider;

/** A node whose files have no experts gets them from its peers, over Aeron, and every token is that of the oracle. */
@Timeout(600)
class PeerWeightsIT {
    private static final int TOKENS = 24;
    private static final Map<String, String> FROM_PEERS = Map.of("drover.cluster.weights", "peers");

    @TempDir
    private static Path trunkOnly;

    /** The embedded model without its experts. */
    @BeforeAll
    static void strip() throws IOException {
        for (final String name : List.of("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")) {
            Files.copy(LocalCluster.MODEL.resolve(name), trunkOnly.resolve(name));
        }
        final byte[] whole = Files.readAllBytes(LocalCluster.MODEL.resolve("model.safetensors"));
        final int headerLength = (int) ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getLong();
        final ObjectMapper json = new ObjectMapper();
        final ObjectNode header = (ObjectNode) json.readTree(whole, Long.BYTES, headerLength);
        final List<String> names = header.properties().stream().map(Map.Entry::getKey).toList();
        names.stream().filter(name -> name.contains("experts.")).forEach(header::remove);
        assertThat(header.size()).isBetween(1, names.size() - 128);
        final byte[] left = json.writeValueAsBytes(header);
        final ByteBuffer file = ByteBuffer.allocate(Long.BYTES + left.length + whole.length - Long.BYTES - headerLength)
                .order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(left.length).put(left).put(whole, Long.BYTES + headerLength, whole.length - Long.BYTES - headerLength);
        Files.write(trunkOnly.resolve("model.safetensors"), file.array());
    }

    private static Map<String, String> withoutExperts() {
        return Map.of("drover.cluster.weights", "peers", "drover.cluster.model-directory", trunkOnly.toString());
    }

    private static void assertOracle(final LocalCluster cluster) {
        for (final LocalCluster.Case test : LocalCluster.cases(3)) {
            for (final DroverNode node : cluster.nodes()) {
                assertThat(cluster.generate(node, test.prompt(), Math.min(TOKENS, test.expected().size())))
                        .isEqualTo(test.expected().subList(0, Math.min(TOKENS, test.expected().size())));
            }
        }
    }

    @Test
    void aNodeWithoutExpertFilesServesAndRestoresWhatOthersLose() {
        try (LocalCluster cluster = new LocalCluster(3)) {
            final DroverNode first = cluster.start("node-1", FROM_PEERS);
            final DroverNode second = cluster.start("node-2", FROM_PEERS);
            final DroverNode bare = cluster.start("node-3", withoutExperts());
            cluster.awaitReady();
            assertOracle(cluster);
            // Load may move experts meanwhile, so that more may have been fetched than are held.
            final long fetched = bare.fetchedWeights().experts();
            assertThat(fetched).isGreaterThanOrEqualTo(bare.engineStatus().experts()).isPositive();
            assertThat(bare.fetchedWeights().bytes()).isGreaterThan(bare.engineStatus().expertBytes());
            assertThat(bare.fetchedWeights().refused()).isZero();
            assertThat(first.fetchedWeights().experts() + second.fetchedWeights().experts()).isZero();

            cluster.crash(second);
            cluster.await("the lost experts to be restored",
                    () -> first.status().ready() && replicas(first, "node-1") + replicas(first, "node-3") >= 128);
            assertOracle(cluster);
            assertThat(bare.fetchedWeights().experts()).isGreaterThan(fetched);
        }
    }

    /** Node 1 gives away bytes with one bit changed: they are refused, and node 2 gives the right ones from its files. */
    @Test
    void aPeerThatGivesWrongBytesIsRefused() {
        try (LocalCluster cluster = new LocalCluster(3)) {
            cluster.start("node-1", FROM_PEERS, PeerWeightsIT::corrupting);
            cluster.start("node-2", FROM_PEERS);
            final DroverNode bare = cluster.start("node-3", withoutExperts());
            cluster.awaitReady();
            assertOracle(cluster);
            assertThat(bare.fetchedWeights().refused()).isPositive();
            assertThat(bare.fetchedWeights().experts()).isGreaterThanOrEqualTo(bare.engineStatus().experts()).isPositive();
        }
    }

    @Test
    void withoutPeersMissingExpertsAreRefusedAsEver() {
        try (LocalCluster cluster = new LocalCluster(1)) {
            assertThat(cluster.refused("node-1", Map.of("drover.cluster.model-directory", trunkOnly.toString())))
                    .contains("model.safetensors: tensor model.layers.0.", "is missing; expected it with shape")
                    .doesNotContain("\n");
        }
    }

    private static long replicas(final DroverNode asked, final String name) {
        return asked.status()
                .nodes()
                .stream()
                .filter(node -> node.name().equals(name) && node.state() == NodeView.State.SERVING)
                .mapToInt(NodeView::replicas)
                .sum();
    }

    private static BulkProvider corrupting(final BulkProvider honest) {
        return (peer, name) -> honest.open(peer, name)
                .thenApply(content -> name.startsWith("expert/") ? new Flipped(content) : content);
    }

    private record Flipped(BulkContent content) implements BulkContent {
        @Override
        public long length() {
            return content.length();
        }

        @Override
        public void read(final long position, final byte[] into, final int length) {
            content.read(position, into, length);
            final long middle = length() / 2;
            if (position <= middle && middle < position + length) {
                into[(int) (middle - position)] ^= 1;
            }
        }

        @Override
        public void close() {
            content.close();
        }
    }
}
