package io.drover.model.forward;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.UnaryOperator;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

import io.drover.model.StorageType;

/** A copy of a fixture with other values in its config, other tensor names, and its bfloat16 numbers in another format. */
final class RewrittenModel {
    private static final ObjectMapper JSON = new ObjectMapper();

    private RewrittenModel() {}

    static Path write(final Path from, final Path to, final String configChanges, final UnaryOperator<String> rename,
            final String dtype) throws IOException {
        final ObjectNode config = (ObjectNode) JSON.readTree(from.resolve("config.json").toFile());
        config.setAll((ObjectNode) JSON.readTree(configChanges));
        JSON.writeValue(to.resolve("config.json").toFile(), config);
        final ByteBuffer file = ByteBuffer.wrap(Files.readAllBytes(from.resolve("model.safetensors")))
                .order(ByteOrder.LITTLE_ENDIAN);
        final byte[] headerBytes = new byte[Math.toIntExact(file.getLong())];
        file.get(headerBytes);
        final ByteBuffer data = file.slice().order(ByteOrder.LITTLE_ENDIAN);
        final int bytes = dtype.equals("F32") ? 4 : 2;
        final ByteBuffer rewritten = ByteBuffer.allocate(data.remaining() / 2 * bytes).order(ByteOrder.LITTLE_ENDIAN);
        while (data.hasRemaining()) {
            final float value = StorageType.fromBfloat16(data.getShort());
            switch (dtype) {
                case "F32" -> rewritten.putFloat(value);
                case "F16" -> rewritten.putShort(Float.floatToFloat16(value));
                default -> rewritten.putShort(StorageType.toBfloat16(value));
            }
        }
        final ObjectNode header = JSON.createObjectNode();
        ((ObjectNode) JSON.readTree(headerBytes)).properties().forEach(entry -> {
            if (!entry.getKey().equals("__metadata__")) {
                final ObjectNode tensor = (ObjectNode) entry.getValue();
                final int begin = tensor.get("data_offsets").get(0).intValue() / 2 * bytes;
                final int end = tensor.get("data_offsets").get(1).intValue() / 2 * bytes;
                tensor.put("dtype", dtype);
                tensor.putArray("data_offsets").add(begin).add(end);
                header.set(rename.apply(entry.getKey()), tensor);
            }
        });
        final byte[] headerText = JSON.writeValueAsString(header).getBytes(StandardCharsets.UTF_8);
        final ByteBuffer out = ByteBuffer.allocate(Long.BYTES + headerText.length + rewritten.capacity())
                .order(ByteOrder.LITTLE_ENDIAN);
        out.putLong(headerText.length).put(headerText).put(rewritten.flip());
        Files.write(to.resolve("model.safetensors"), out.array());
        return to;
    }
}
