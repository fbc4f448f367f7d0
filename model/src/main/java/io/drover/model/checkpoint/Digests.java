package io.drover.model.checkpoint;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;

import io.drover.model.ModelConfig;

/** SHA-256 over what identifies a model, in hex. */
final class Digests {
    private static final long WHOLE_MODEL_BYTES = 256L << 20;
    private static final long WHOLE_TENSOR_BYTES = 64L << 10;
    private static final long SAMPLE_BYTES = 256;
    private static final int CHUNK_BYTES = 1 << 20;
    private static final JsonMapper CANONICAL = JsonMapper.builder().enable(MapperFeature.SORT_PROPERTIES_ALPHABETICALLY).build();

    private Digests() {}

    static String config(final ModelConfig config) {
        try {
            return hex(sha256().digest(CANONICAL.writeValueAsBytes(config)));
        } catch (final JsonProcessingException e) {
            throw new IllegalStateException("a config of numbers and names is always written", e);
        }
    }

    static String weights(final Iterable<TensorView> tensors) {
        long totalBytes = 0;
        for (final TensorView tensor : tensors) {
            totalBytes += tensor.data().byteSize();
        }
        final MessageDigest digest = sha256();
        for (final TensorView tensor : tensors) {
            final String header = tensor.name() + " " + tensor.dtype() + " " + tensor.rows() + " " + tensor.columns() + "\n";
            digest.update(header.getBytes(StandardCharsets.UTF_8));
            final MemorySegment data = tensor.data();
            final long bytes = data.byteSize();
            if (totalBytes <= WHOLE_MODEL_BYTES || bytes <= WHOLE_TENSOR_BYTES) {
                update(digest, data);
            } else {
                update(digest, data.asSlice(0, SAMPLE_BYTES));
                update(digest, data.asSlice(bytes / 2, SAMPLE_BYTES));
                update(digest, data.asSlice(bytes - SAMPLE_BYTES, SAMPLE_BYTES));
            }
        }
        return hex(digest.digest());
    }

    private static void update(final MessageDigest digest, final MemorySegment data) {
        for (long offset = 0; offset < data.byteSize(); offset += CHUNK_BYTES) {
            digest.update(data.asSlice(offset, Math.min(CHUNK_BYTES, data.byteSize() - offset)).asByteBuffer());
        }
    }

    private static String hex(final byte[] digest) {
        return HexFormat.of().formatHex(digest);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (final NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
