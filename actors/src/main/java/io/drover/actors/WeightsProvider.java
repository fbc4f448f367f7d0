package io.drover.actors;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;

import io.drover.model.forward.ExpertImage;
import io.drover.model.forward.ExpertWeights;
import io.drover.streams.BulkContent;
import io.drover.streams.BulkProvider;

/**
 * Gives a node's expert weights, and what it knows of their digests, to its peers. Thread-safe.
 *
 * <pre>
 * expert/LAYER/EXPERT   the packed weights: of the live replica, else packed anew from this node's files
 * digest/LAYER/EXPERT   their SHA-256 in hex: as remembered, else computed from this node's files
 * known/LAYER/EXPERT    the same, but only as remembered
 * </pre>
 *
 * A node remembers the digest of every expert that it ever loaded, from files or, checked, from a peer. It never tells the digest of bytes
 * as they lie in its memory now: that would vouch for whatever became of them.
 */
final class WeightsProvider implements BulkProvider {
    /** What a peer asks for. */
    enum Kind {
        EXPERT, DIGEST, KNOWN
    }

    /** Loads an expert from this node's files, on a loader thread. */
    interface Files {
        boolean has(int layer, int expert);

        /** @throws RuntimeException if they do not have it */
        ExpertWeights load(int layer, int expert);
    }

    private record Key(int layer, int expert) {}

    private record Digest(byte[] hex) implements BulkContent {
        @Override
        public long length() {
            return hex.length;
        }

        @Override
        public void read(final long position, final byte[] into, final int length) {
            System.arraycopy(hex, (int) position, into, 0, length);
        }
    }

    private record Image(ExpertImage image, Runnable closed) implements BulkContent {
        @Override
        public long length() {
            return image.length();
        }

        @Override
        public void read(final long position, final byte[] into, final int length) {
            image.read(position, into, length);
        }

        @Override
        public void close() {
            closed.run();
        }
    }

    private final int[] expertsPerLayer;
    private final Files files;
    private final Executor loader;
    private final Map<Key, ExpertWeights> live = new ConcurrentHashMap<>();
    private final Map<Key, String> digests = new ConcurrentHashMap<>();

    WeightsProvider(final int[] expertsPerLayer, final Files files, final Executor loader) {
        this.expertsPerLayer = expertsPerLayer;
        this.files = files;
        this.loader = loader;
    }

    static String name(final Kind kind, final int layer, final int expert) {
        return kind.name().toLowerCase(Locale.ROOT) + "/" + layer + "/" + expert;
    }

    /** A replica is live, and its weights were checked. */
    void loaded(final int layer, final int expert, final ExpertWeights weights) {
        live.put(new Key(layer, expert), weights);
        digests.put(new Key(layer, expert), weights.digest());
    }

    /** Its memory will be freed; transfers that still read it fail and go on elsewhere. */
    void freed(final int layer, final int expert, final ExpertWeights weights) {
        live.remove(new Key(layer, expert), weights);
    }

    /** Null where this node has never loaded it. */
    @Nullable
    String remembered(final int layer, final int expert) {
        return digests.get(new Key(layer, expert));
    }

    @Override
    public CompletionStage<BulkContent> open(final int peer, final String name) {
        final String[] parts = name.split("/", -1);
        try {
            final Kind kind = Kind.valueOf(parts[0].toUpperCase(Locale.ROOT));
            final Key key = new Key(Integer.parseInt(parts[1]), Integer.parseInt(parts[2]));
            if (parts.length == 3 && key.layer >= 0 && key.layer < expertsPerLayer.length && key.expert >= 0
                    && key.expert < expertsPerLayer[key.layer]) {
                return open(kind, key);
            }
        } catch (final IllegalArgumentException | ArrayIndexOutOfBoundsException e) {
            // No such name: refused below.
        }
        return CompletableFuture.failedFuture(new IllegalArgumentException("no name of weights"));
    }

    private CompletionStage<BulkContent> open(final Kind kind, final Key key) {
        final ExpertWeights replica = live.get(key);
        final String digest = digests.get(key);
        return switch (kind) {
            case EXPERT -> replica != null
                    ? CompletableFuture.completedFuture(new Image(replica.image(), () -> {}))
                    : fromFiles(key, () -> {
                        final ExpertWeights packed = load(key);
                        return new Image(packed.image(), packed::close);
                    });
            case DIGEST -> digest != null ? told(digest) : fromFiles(key, () -> {
                try (ExpertWeights packed = load(key)) {
                    return digestOf(packed.digest());
                }
            });
            case KNOWN -> digest != null ? told(digest) : absent(key);
        };
    }

    private CompletionStage<BulkContent> fromFiles(final Key key, final Supplier<BulkContent> content) {
        return files.has(key.layer, key.expert) ? CompletableFuture.supplyAsync(content, loader) : absent(key);
    }

    private ExpertWeights load(final Key key) {
        final ExpertWeights packed = files.load(key.layer, key.expert);
        digests.putIfAbsent(key, packed.digest());
        return packed;
    }

    private static CompletionStage<BulkContent> told(final String digest) {
        return CompletableFuture.completedFuture(digestOf(digest));
    }

    private static BulkContent digestOf(final String digest) {
        return new Digest(digest.getBytes(StandardCharsets.US_ASCII));
    }

    private static CompletionStage<BulkContent> absent(final Key key) {
        return CompletableFuture
                .failedFuture(new IllegalStateException("layer " + key.layer + ", expert " + key.expert + " is not here"));
    }
}
