package io.drover.bench.live;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * Weights from a peer whose files were damaged after it had started. Of five nodes the first has files of its own, every expert of which is
 * changed while it serves, and room for none, so that it gives experts away and runs none; the last has no expert's files. A node is
 * killed, which alone had its experts, and the others have hardly any room: the last has to fetch them from those with files, of which the
 * first is one.
 */
final class CorruptPeer {
    private static final String WEIGHTS = "model.safetensors";
    private static final String EXPERT = "experts.";
    private static final int NODES = 5;
    private static final int CORRUPT = 1;
    private static final int GATEWAY = 2;
    private static final int VICTIM = 4;
    private static final int BARE = 5;
    private static final double PROMISED_S = 5;
    private static final int BEFORE_S = 5;
    private static final int AFTER_S = 5;

    private final LiveBench bench;

    CorruptPeer(final LiveBench bench) {
        this.bench = bench;
    }

    /** @return broken promises */
    int run() throws Exception {
        final Path corrupt = copy(bench.file("corrupt"));
        final Path bare = copy(bench.file("trunk-only"));
        strip(bare.resolve(WEIGHTS));
        final Experts experts = Experts.read();
        // One more than its part each, which a move needs.
        final long room = experts.bytes() * (Math.ceilDiv(experts.count(), NODES - 1) + 1);
        final LiveSite site = new LiveSite() {
            @Override
            public List<String> keys(final int node) {
                return switch (node) {
                    case CORRUPT -> List.of(directory(corrupt), Experts.budget(1));
                    case BARE -> List.of(directory(bare));
                    default -> List.of(Experts.budget(room));
                };
            }
        };
        try (LiveCluster cluster = bench.cluster(NODES, site, "drover.cluster.weights = peers")) {
            return run(cluster, corrupt.resolve(WEIGHTS));
        } finally {
            delete(corrupt);
            delete(bare);
        }
    }

    private int run(final LiveCluster cluster, final Path file) throws Exception {
        try (Load load = bench.load("corrupt-warm-up", cluster.url(GATEWAY))) {
            load.run(bench.warmUp);
        }
        final double truthS;
        final double fetched;
        try (Watch watch = new Watch(cluster, List.of(GATEWAY)); Load load = bench.load("corrupt", cluster.url(GATEWAY))) {
            load.run(BEFORE_S);
            final int damaged = damage(file);
            fetched = cluster.metric(BARE, "drover_weights_fetched_experts_total");
            final long fromNs = System.nanoTime();
            cluster.kill(VICTIM);
            cluster.awaitWhole();
            bench.say("corrupt weights: %d tensors damaged; the others are a whole cluster %.1f s after the kill", damaged,
                    (System.nanoTime() - fromNs) / 1e9);
            load.run(AFTER_S);
            truthS = watch.afterS(GATEWAY, fromNs, sight -> sight.readiness().status() > 0 && !sight.sees(VICTIM, "SERVING"));
        }
        final double refused = cluster.metric(BARE, "drover_weights_refused_total");
        final double used = cluster.metric(BARE, "drover_weights_fetched_experts_total") - fetched;
        bench.say(
                "corrupt weights: node-%d refused the weights of %.0f experts because of their digest and took those of %.0f into use",
                BARE, refused, used);
        final Verdict verdict = bench.verdict("corrupt");
        final int bad = bench.judge("corrupt weights from a peer", verdict);
        bench.say("corrupt weights from a peer | %d | %d | %d | %.1f", verdict.streams(), verdict.failed().size(),
                verdict.wrong().size(), truthS);
        return bad + (refused < 1 || used < 1 ? 1 : 0) + (truthS > PROMISED_S ? 1 : 0);
    }

    private static String directory(final Path model) {
        return "drover.cluster.model-directory = \"" + model.toAbsolutePath() + "\"";
    }

    /** A copy of the embedded model below a directory, under the same name, by which clients ask for it. */
    private static Path copy(final Path into) throws IOException {
        final Path copy = Files.createDirectories(into.resolve(LiveCluster.model().getFileName()));
        try (Stream<Path> files = Files.list(LiveCluster.model())) {
            for (final Path file : files.toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
        }
        return copy;
    }

    private static void delete(final Path copy) throws IOException {
        try (Stream<Path> files = Files.list(copy)) {
            for (final Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(copy);
    }

    /** Takes the experts out of a checkpoint's header, so that nothing names their bytes. */
    private static void strip(final Path file) throws IOException {
        final byte[] whole = Files.readAllBytes(file);
        final int length = headerLength(whole);
        final ObjectNode header = header(whole, length);
        header.properties()
                .stream()
                .map(Map.Entry::getKey)
                .filter(name -> name.contains(EXPERT))
                .toList()
                .forEach(header::remove);
        final byte[] left = new ObjectMapper().writeValueAsBytes(header);
        final ByteBuffer stripped = ByteBuffer.allocate(whole.length - length + left.length).order(ByteOrder.LITTLE_ENDIAN);
        stripped.putLong(left.length).put(left).put(whole, Long.BYTES + length, whole.length - Long.BYTES - length);
        Files.write(file, stripped.array());
    }

    /** Changes a byte of each tensor of an expert, in place: whoever has mapped the file sees it. @return how many */
    private static int damage(final Path file) throws IOException {
        final byte[] whole = Files.readAllBytes(file);
        final int length = headerLength(whole);
        int damaged = 0;
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.WRITE)) {
            for (final Map.Entry<String, JsonNode> tensor : header(whole, length).properties()) {
                if (tensor.getKey().contains(EXPERT)) {
                    final int at = Long.BYTES + length + tensor.getValue().at("/data_offsets/0").asInt();
                    out.write(ByteBuffer.wrap(new byte[]{(byte) (whole[at] ^ 1)}), at);
                    damaged++;
                }
            }
        }
        return damaged;
    }

    private static int headerLength(final byte[] safetensors) {
        return (int) ByteBuffer.wrap(safetensors).order(ByteOrder.LITTLE_ENDIAN).getLong();
    }

    private static ObjectNode header(final byte[] safetensors, final int length) throws IOException {
        return (ObjectNode) new ObjectMapper().readTree(safetensors, Long.BYTES, length);
    }
}
