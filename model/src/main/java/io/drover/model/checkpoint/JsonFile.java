package io.drover.model.checkpoint;

import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;

/**
 * A JSON object read from a file or from a header inside one. A key that is absent and a key that is null are the same. A value of
 * the wrong type is refused with the file, the key, the value and what was expected.
 */
final class JsonFile {
    private static final long MAX_FILE_BYTES = 64L << 20;
    private static final int MAX_QUOTED_CHARS = 80;
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private final String source;
    private final JsonNode root;

    private JsonFile(final String source, final JsonNode root) {
        this.source = source;
        this.root = root;
    }

    static JsonFile read(final Path file) {
        if (!Files.isRegularFile(file)) {
            throw new CheckpointException(file + " is missing");
        }
        try {
            final long size = Files.size(file);
            if (size > MAX_FILE_BYTES) {
                throw new CheckpointException(file + " has " + size + " bytes; expected at most " + MAX_FILE_BYTES);
            }
            return parse(file.toString(), Files.readAllBytes(file));
        } catch (final IOException e) {
            throw new CheckpointException(file + " cannot be read: " + e.getMessage(), e);
        }
    }

    static JsonFile parse(final String source, final byte[] json) {
        final JsonNode root;
        try {
            root = MAPPER.readTree(json);
        } catch (final JsonProcessingException e) {
            final var at = e.getLocation();
            final String where = at == null ? "" : " at line " + at.getLineNr() + ", column " + at.getColumnNr();
            throw new CheckpointException(source + " is not valid JSON" + where + ": " + e.getOriginalMessage(), e);
        } catch (final IOException e) {
            throw new CheckpointException(source + " cannot be read: " + e.getMessage(), e);
        }
        if (!root.isObject()) {
            throw new CheckpointException(source + " holds " + quote(root) + "; expected a JSON object");
        }
        return new JsonFile(source, root);
    }

    /** File name, and the path inside the file for a nested object. */
    String source() {
        return source;
    }

    boolean has(final String key) {
        return root.hasNonNull(key);
    }

    List<String> keys() {
        return root.properties().stream().map(Map.Entry::getKey).toList();
    }

    int positiveInt(final String key) {
        final JsonNode node = present(key, "a positive integer");
        if (!node.canConvertToInt() || !node.isIntegralNumber() || node.intValue() < 1) {
            throw wrong(key, node, "a positive integer");
        }
        return node.intValue();
    }

    int positiveInt(final String key, final int absent) {
        return has(key) ? positiveInt(key) : absent;
    }

    /** The value of whichever of several spellings is present; those present must agree. */
    int positiveInt(final List<String> spellings) {
        String found = null;
        for (final String key : spellings) {
            if (!has(key)) {
                continue;
            }
            if (found != null && positiveInt(key) != positiveInt(found)) {
                throw new CheckpointException(source + ": " + found + " is " + positiveInt(found) + " and " + key + " is "
                        + positiveInt(key) + "; expected one value");
            }
            found = key;
        }
        if (found == null) {
            throw new CheckpointException(
                    source + ": none of " + String.join(", ", spellings) + " is present; expected a positive integer");
        }
        return positiveInt(found);
    }

    int anyInt(final String key) {
        final JsonNode node = present(key, "an integer");
        if (!node.isIntegralNumber() || !node.canConvertToInt()) {
            throw wrong(key, node, "an integer");
        }
        return node.intValue();
    }

    /** A non-negative size or offset of up to 63 bits each, from an array. */
    long[] longs(final String key) {
        final JsonNode node = present(key, "an array of non-negative integers");
        if (!node.isArray()) {
            throw wrong(key, node, "an array of non-negative integers");
        }
        final long[] values = new long[node.size()];
        for (int i = 0; i < values.length; i++) {
            final JsonNode item = node.get(i);
            if (!item.isIntegralNumber() || !item.canConvertToLong() || item.longValue() < 0) {
                throw wrong(key, node, "an array of non-negative integers");
            }
            values[i] = item.longValue();
        }
        return values;
    }

    /** An integer or an array of them; empty if the key is absent. */
    List<Integer> intOrInts(final String key) {
        final List<Integer> values = new ArrayList<>();
        if (!has(key)) {
            return values;
        }
        final JsonNode node = root.get(key);
        for (final JsonNode item : node.isArray() ? node : List.of(node)) {
            if (!item.isIntegralNumber() || !item.canConvertToInt()) {
                throw wrong(key, node, "an integer or an array of integers");
            }
            values.add(item.intValue());
        }
        return values;
    }

    /** A finite number. */
    double number(final String key, final double absent) {
        if (!has(key)) {
            return absent;
        }
        final JsonNode node = root.get(key);
        if (!node.isNumber() || !Double.isFinite(node.doubleValue())) {
            throw wrong(key, node, "a number");
        }
        return node.doubleValue();
    }

    double positiveNumber(final String key, final double absent) {
        final double value = number(key, absent);
        if (value <= 0) {
            throw new CheckpointException(
                    source + ": " + key + " is " + BigDecimal.valueOf(value) + "; expected a number above 0");
        }
        return value;
    }

    boolean flag(final String key, final boolean absent) {
        if (!has(key)) {
            return absent;
        }
        final JsonNode node = root.get(key);
        if (!node.isBoolean()) {
            throw wrong(key, node, "true or false");
        }
        return node.booleanValue();
    }

    String text(final String key) {
        final JsonNode node = present(key, "a string");
        if (!node.isTextual()) {
            throw wrong(key, node, "a string");
        }
        return node.textValue();
    }

    String text(final String key, final String absent) {
        return has(key) ? text(key) : absent;
    }

    /** The strings of an array; empty if the key is absent. */
    List<String> texts(final String key) {
        final List<String> values = new ArrayList<>();
        if (!has(key)) {
            return values;
        }
        final JsonNode node = root.get(key);
        for (final JsonNode item : node) {
            if (!item.isTextual()) {
                throw wrong(key, node, "an array of strings");
            }
            values.add(item.textValue());
        }
        if (!node.isArray()) {
            throw wrong(key, node, "an array of strings");
        }
        return values;
    }

    JsonFile object(final String key) {
        final JsonNode node = present(key, "an object");
        if (!node.isObject()) {
            throw wrong(key, node, "an object");
        }
        return new JsonFile(source + ": " + key, node);
    }

    CheckpointException wrong(final String key, final String expected) {
        return wrong(key, root.path(key), expected);
    }

    private JsonNode present(final String key, final String expected) {
        if (!has(key)) {
            throw new CheckpointException(source + ": " + key + " is missing; expected " + expected);
        }
        return root.get(key);
    }

    private CheckpointException wrong(final String key, final JsonNode node, final String expected) {
        return new CheckpointException(source + ": " + key + " is " + quote(node) + "; expected " + expected);
    }

    private static String quote(final JsonNode node) {
        final String text = node.isMissingNode() ? "nothing" : node.toString();
        return text.length() <= MAX_QUOTED_CHARS ? text : text.substring(0, MAX_QUOTED_CHARS) + "…";
    }
}
