package io.drover.cluster;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

import io.drover.actors.EngineSettings;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.streams.FrameHeader;

/** Computes the {@link Identity} that a node brings. */
final class ModelIdentity {
    private static final List<String> TOKENIZER_FILES = List.of("tokenizer.json", "tokenizer_config.json");

    private ModelIdentity() {}

    static Identity of(final Checkpoint checkpoint, final Path directory, final EngineSettings engine) {
        return new Identity(checkpoint.configDigest(), checkpoint.trunkDigest(), checkpoint.expertsDigest(),
                tokenizerDigest(directory),
                engine.wireType().label(), engine.kvType().label(), "cpu",
                FrameHeader.FRAME_VERSION + "/" + ControlCodec.VERSION);
    }

    /** Of the files' bytes; a file that is not there counts as empty, since only a gateway needs it. */
    private static String tokenizerDigest(final Path directory) {
        try {
            final MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (final String name : TOKENIZER_FILES) {
                final Path file = directory.resolve(name);
                final byte[] bytes = Files.exists(file) ? Files.readAllBytes(file) : new byte[0];
                digest.update((name + " " + bytes.length + "\n").getBytes(java.nio.charset.StandardCharsets.UTF_8));
                digest.update(bytes);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (final IOException e) {
            throw new StartException("the tokenizer in " + directory + " cannot be read: " + e.getMessage(), e);
        } catch (final NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
