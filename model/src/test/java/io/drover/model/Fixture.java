package io.drover.model;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/**
 * What Hugging Face transformers computed for a tiny random model of a family, in float64.
 *
 * @param directory the model
 * @param inputIds  a prompt
 * @param logits    after each of its positions
 * @param greedyIds the continuation
 */
public record Fixture(String family, Path directory, int[] inputIds, float[][] logits, int[] greedyIds) {
    public static final List<String> FAMILIES = List.of("mixtral", "olmoe", "qwen2_moe", "qwen3_moe", "granitemoe");
    public static final Path ROOT = Path.of(System.getProperty("drover.root"));
    public static final Path DEMO = ROOT.resolve("model/demo");

    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * One greedy continuation of the embedded model.
     *
     * @param prompt   empty if there are messages
     * @param messages of a conversation, each with its {@code role} and {@code content}; empty if there is a prompt
     */
    public record DemoCase(String domain, String prompt, List<Map<String, String>> messages, int[] promptIds, int[] greedyIds,
            String text) {}

    public static Fixture of(final String family) {
        try {
            final Path directory = ROOT.resolve("model/src/test/resources/fixtures").resolve(family);
            final ByteBuffer file = ByteBuffer.wrap(Files.readAllBytes(directory.resolve("expected.safetensors")))
                    .order(ByteOrder.LITTLE_ENDIAN);
            final byte[] header = new byte[Math.toIntExact(file.getLong())];
            file.get(header);
            final JsonNode tensors = JSON.readTree(header);
            final ByteBuffer data = file.slice().order(ByteOrder.LITTLE_ENDIAN);
            final int[] inputIds = ids(data, tensors.get("input_ids"));
            final int vocab = tensors.get("logits").get("shape").get(1).intValue();
            final float[][] logits = new float[inputIds.length][vocab];
            for (int position = 0; position < logits.length; position++) {
                data.slice(begin(tensors.get("logits")) + position * vocab * Float.BYTES, vocab * Float.BYTES)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .asFloatBuffer()
                        .get(logits[position]);
            }
            return new Fixture(family, directory, inputIds, logits, ids(data, tensors.get("greedy_ids")));
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static List<DemoCase> demoCases() {
        try {
            final List<DemoCase> cases = new ArrayList<>();
            for (final JsonNode node : JSON.readTree(DEMO.resolve("expected.json").toFile()).get("cases")) {
                cases.add(new DemoCase(node.get("domain").textValue(), node.path("prompt").asText(),
                        messages(node.path("messages")),
                        JSON.convertValue(node.get("prompt_ids"), int[].class),
                        JSON.convertValue(node.get("greedy_ids"), int[].class), node.get("text").textValue()));
            }
            return cases;
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Map<String, String>> messages(final JsonNode array) {
        final List<Map<String, String>> messages = new ArrayList<>();
        array.forEach(message -> messages
                .add(Map.of("role", message.get("role").textValue(), "content", message.get("content").textValue())));
        return messages;
    }

    private static int[] ids(final ByteBuffer data, final JsonNode tensor) {
        final long[] ids = new long[tensor.get("shape").get(0).intValue()];
        data.slice(begin(tensor), ids.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().get(ids);
        return Arrays.stream(ids).mapToInt(Math::toIntExact).toArray();
    }

    private static int begin(final JsonNode tensor) {
        return tensor.get("data_offsets").get(0).intValue();
    }
}
