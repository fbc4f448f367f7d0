package io.drover.placement.lab;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;

/**
 * The trace that a serving cluster records: one JSON object per line, UTF-8.
 *
 * <p>The first line describes the model; its names and types are exactly
 *
 * <pre>
 * {"drover_trace":1, "model":"demo", "layers":2, "experts":4, "top_k":2}
 * </pre>
 *
 * where {@code layers} counts the layers with routed experts only, and {@code experts} is the number in each. Every other line holds one
 * or more consecutive positions of one sequence:
 *
 * <pre>
 * {"seq":17, "domain":"law", "experts":[[[3,1],[0,2]], [[3,2],[1,0]]], "weights":[[[0.7,0.3],[0.6,0.4]], [[0.9,0.1],[0.5,0.5]]]}
 * </pre>
 *
 * <ul>
 * <li>{@code seq}: a number or string that names the sequence. Lines of different sequences may interleave; those of one sequence stand in
 * the order of its positions;
 * <li>{@code domain} (optional): a label, taken from the sequence's first line;
 * <li>{@code experts}: [position][layer][rank], highest gate first, no expert twice in one row;
 * <li>{@code weights} (optional, all lines or none): gate weights in the same shape, finite and at least 0. Without it all ranks weigh
 * the same.
 * </ul>
 */
final class JsonLinesTrace {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final int VERSION = 1;

    private final Path file;
    private int line;
    private String model = "";
    private int layers;
    private int experts;
    private int topK;
    private final Map<String, Recorded> sequences = new LinkedHashMap<>();

    /** One sequence while it grows. */
    private static final class Recorded {
        private final String domain;
        private short[] ids = new short[0];
        private float[] weights = new float[0];
        private int length;

        private Recorded(final String domain) {
            this.domain = domain;
        }

        private void ensure(final int more) {
            if (length + more > ids.length) {
                final int capacity = Math.max(Math.addExact(length, more), ids.length * 2);
                ids = Arrays.copyOf(ids, capacity);
                weights = Arrays.copyOf(weights, capacity);
            }
        }
    }

    private JsonLinesTrace(final Path file) {
        this.file = file;
    }

    /**
     * @throws TraceFormatException if a line cannot be used; the message names it
     * @throws IOException          if the file cannot be read
     */
    static Trace read(final Path file) throws IOException {
        return new JsonLinesTrace(file).readAll();
    }

    private Trace readAll() throws IOException {
        try (BufferedReader reader = Files.newBufferedReader(file)) {
            for (String text = reader.readLine(); text != null; text = reader.readLine()) {
                line++;
                if (line == 1) {
                    header(parse(text));
                } else if (!text.isBlank()) {
                    positions(parse(text));
                }
            }
        }
        if (sequences.isEmpty()) {
            throw new TraceFormatException(file + " has " + line + " lines and no position");
        }
        return assemble();
    }

    private JsonNode parse(final String text) {
        try {
            final JsonNode node = JSON.readTree(text);
            if (!node.isObject()) {
                throw refused("is not a JSON object");
            }
            return node;
        } catch (final JsonProcessingException e) {
            throw new TraceFormatException(file + " line " + line + " is not JSON: " + e.getOriginalMessage(), e);
        }
    }

    private void header(final JsonNode header) {
        if (header.path("drover_trace").asInt(0) != VERSION) {
            throw refused("begins with drover_trace " + header.path("drover_trace") + "; expected a header with " + VERSION);
        }
        model = header.path("model").asText("");
        layers = side(header, "layers");
        experts = side(header, "experts");
        topK = side(header, "top_k");
        if (topK > experts) {
            throw refused("states top_k " + topK + " of " + experts + " experts");
        }
    }

    private int side(final JsonNode header, final String name) {
        final JsonNode value = header.path(name);
        if (!value.isInt() || value.intValue() < 1 || value.intValue() > Short.MAX_VALUE) {
            throw refused("states " + name + " " + value + "; expected a whole number from 1 to " + Short.MAX_VALUE);
        }
        return value.intValue();
    }

    private void positions(final JsonNode node) {
        final JsonNode seq = node.path("seq");
        if (!seq.isTextual() && !seq.isIntegralNumber()) {
            throw refused("has seq " + seq + "; expected a number or a string");
        }
        final Recorded sequence = sequences.computeIfAbsent(seq.asText(),
                name -> new Recorded(node.path("domain").asText("")));
        final JsonNode ids = node.path("experts");
        final JsonNode weights = node.path("weights");
        requireArray(ids, ids.size(), "experts");
        if (!weights.isMissingNode()) {
            requireArray(weights, ids.size(), "weights");
        }
        sequence.ensure(Math.multiplyExact(ids.size(), layers * topK));
        for (int position = 0; position < ids.size(); position++) {
            requireArray(ids.get(position), layers, "experts[" + position + "]");
            for (int layer = 0; layer < layers; layer++) {
                row(sequence, ids.get(position).get(layer), weights.path(position).path(layer), position, layer);
            }
        }
    }

    private void row(final Recorded sequence, final JsonNode ids, final JsonNode weights, final int position, final int layer) {
        final String at = "[" + position + "][" + layer + "]";
        requireArray(ids, topK, "experts" + at);
        if (!weights.isMissingNode()) {
            requireArray(weights, topK, "weights" + at);
        }
        for (int rank = 0; rank < topK; rank++) {
            final JsonNode id = ids.get(rank);
            if (!id.isInt() || id.intValue() < 0 || id.intValue() >= experts) {
                throw refused("has experts" + at + "[" + rank + "] = " + id + "; expected 0 to " + (experts - 1));
            }
            for (int earlier = 0; earlier < rank; earlier++) {
                if (ids.get(earlier).intValue() == id.intValue()) {
                    throw refused("has experts" + at + " = " + ids + ", which names " + id + " twice");
                }
            }
            final JsonNode weight = weights.path(rank);
            final float value = weight.isMissingNode() ? 1f / topK : weight.floatValue();
            if (!weight.isMissingNode() && !weight.isNumber() || !(value >= 0) || value == Float.POSITIVE_INFINITY) {
                throw refused("has weights" + at + "[" + rank + "] = " + weight + "; expected a finite number of at least 0");
            }
            sequence.ids[sequence.length] = (short) id.intValue();
            sequence.weights[sequence.length] = value;
            sequence.length++;
        }
    }

    private void requireArray(final JsonNode node, final int size, final String what) {
        if (!node.isArray() || node.size() != size) {
            throw refused("has " + what + " of " + (node.isArray() ? node.size() + " elements" : node.getNodeType())
                    + "; expected an array of " + size);
        }
    }

    private TraceFormatException refused(final String why) {
        return new TraceFormatException(file + " line " + line + " " + why);
    }

    private Trace assemble() {
        int total = 0;
        for (final Recorded sequence : sequences.values()) {
            total = Math.addExact(total, sequence.length);
        }
        final short[] ids = new short[total];
        final float[] weights = new float[total];
        final List<Trace.Sequence> list = new ArrayList<>();
        int at = 0;
        for (final Map.Entry<String, Recorded> entry : sequences.entrySet()) {
            final Recorded sequence = entry.getValue();
            System.arraycopy(sequence.ids, 0, ids, at, sequence.length);
            System.arraycopy(sequence.weights, 0, weights, at, sequence.length);
            final int stride = layers * topK;
            if (sequence.length > 0) {
                list.add(new Trace.Sequence(entry.getKey(), sequence.domain, at / stride, sequence.length / stride));
            }
            at += sequence.length;
        }
        if (list.isEmpty()) {
            throw new TraceFormatException(file + " has " + line + " lines and no position");
        }
        return new Trace(model, layers, experts, topK, ids, weights, List.copyOf(list));
    }
}
