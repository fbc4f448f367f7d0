package io.drover.model.checkpoint;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Predicate;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** A copy of a fixture that a test changes before it is written. */
final class ModelDirectory {
    private static final ObjectMapper JSON = new ObjectMapper();

    final Path path;
    final ObjectNode config;
    final Map<String, Tensor> tensors = new LinkedHashMap<>();

    record Tensor(String dtype, long[] shape, byte[] data) {
        Tensor withShape(final long... other) {
            return new Tensor(dtype, other, data);
        }

        Tensor withDtype(final String other) {
            return new Tensor(other, shape, data);
        }
    }

    ModelDirectory(final Path path, final String family) throws IOException {
        this.path = path;
        final Path fixture = CheckpointTest.FIXTURES.resolve(family);
        config = (ObjectNode) JSON.readTree(fixture.resolve("config.json").toFile());
        final ByteBuffer file = ByteBuffer.wrap(Files.readAllBytes(fixture.resolve("model.safetensors")))
                .order(ByteOrder.LITTLE_ENDIAN);
        final byte[] header = new byte[Math.toIntExact(file.getLong())];
        file.get(header);
        final ByteBuffer data = file.slice();
        JSON.readTree(header).properties().forEach(entry -> {
            if (!entry.getKey().equals("__metadata__")) {
                final int[] offsets = JSON.convertValue(entry.getValue().get("data_offsets"), int[].class);
                final byte[] bytes = new byte[offsets[1] - offsets[0]];
                data.get(offsets[0], bytes);
                tensors.put(entry.getKey(), new Tensor(entry.getValue().get("dtype").textValue(),
                        JSON.convertValue(entry.getValue().get("shape"), long[].class), bytes));
            }
        });
    }

    ModelDirectory write() throws IOException {
        writeConfig();
        write("model.safetensors", name -> true);
        return this;
    }

    void writeConfig() throws IOException {
        JSON.writeValue(path.resolve("config.json").toFile(), config);
    }

    /** A safetensors file with those tensors. */
    void write(final String file, final Predicate<String> chosen) throws IOException {
        final ObjectNode header = JSON.createObjectNode();
        header.putObject("__metadata__").put("format", "pt");
        final ByteArrayOutputStream data = new ByteArrayOutputStream();
        tensors.forEach((name, tensor) -> {
            if (chosen.test(name)) {
                final ObjectNode entry = header.putObject(name).put("dtype", tensor.dtype);
                entry.set("shape", JSON.valueToTree(tensor.shape));
                entry.putArray("data_offsets").add(data.size()).add(data.size() + tensor.data.length);
                data.writeBytes(tensor.data);
            }
        });
        write(file, JSON.writeValueAsBytes(header), data.toByteArray());
    }

    void write(final String file, final String header, final int dataBytes) throws IOException {
        write(file, header.getBytes(StandardCharsets.UTF_8), new byte[dataBytes]);
    }

    private void write(final String file, final byte[] header, final byte[] data) throws IOException {
        Files.write(path.resolve(file),
                ByteBuffer.allocate(Long.BYTES + header.length + data.length)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(header.length)
                        .put(header)
                        .put(data)
                        .array());
    }

    void writeIndex(final Map<String, String> fileOfTensor) throws IOException {
        JSON.writeValue(path.resolve("model.safetensors.index.json").toFile(), Map.of("weight_map", fileOfTensor));
    }
}
