package io.drover.server;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

import org.jspecify.annotations.Nullable;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;

/** Typed reading of a JSON object's fields: {@code null} is absent, and a fault names the field, its value and what was expected. */
final class Fields {
    private static final int SHOWN_CHARS = 80;

    private final JsonNode object;
    private final String prefix;

    Fields(final JsonNode object, final String prefix) {
        this.object = object;
        this.prefix = prefix;
    }

    /** The field's value, or null if it is absent or JSON's null. */
    @Nullable
    JsonNode get(final String name) {
        final JsonNode value = object.get(name);
        return value == null || value.isNull() ? null : value;
    }

    String name(final String field) {
        return prefix + field;
    }

    boolean bool(final String name, final boolean otherwise) {
        final JsonNode value = get(name);
        if (value == null) {
            return otherwise;
        }
        if (!value.isBoolean()) {
            throw wrong(name, value, "true or false");
        }
        return value.booleanValue();
    }

    @Nullable
    Long integer(final String name, final long min, final long max) {
        final JsonNode value = get(name);
        return value == null ? null : integer(value, name, min, max);
    }

    double number(final String name, final double otherwise, final Range range) {
        final JsonNode value = get(name);
        if (value == null) {
            return otherwise;
        }
        if (!value.isNumber() || !range.holds(value.doubleValue())) {
            throw wrong(name, value, "a number " + range.words());
        }
        return value.doubleValue();
    }

    String text(final String name) {
        final JsonNode value = get(name);
        if (value == null) {
            throw ApiException.invalid(name(name), "'" + name(name) + "' is missing.");
        }
        if (!value.isTextual()) {
            throw wrong(name, value, "a string");
        }
        return value.textValue();
    }

    Fields object(final String name) {
        final JsonNode value = get(name);
        if (value != null && !value.isObject()) {
            throw wrong(name, value, "an object");
        }
        return new Fields(value == null ? JsonNodeFactory.instance.objectNode() : value, name(name) + ".");
    }

    /** Each element of an array by {@code read}, which gets the element and its name; an absent array is empty. */
    <T> List<T> list(final String name, final Function<Element, T> read) {
        final JsonNode value = get(name);
        if (value == null) {
            return List.of();
        }
        if (!value.isArray()) {
            throw wrong(name, value, "an array");
        }
        return elements(value, name, read);
    }

    <T> List<T> elements(final JsonNode array, final String name, final Function<Element, T> read) {
        final List<T> all = new ArrayList<>(array.size());
        for (int i = 0; i < array.size(); i++) {
            all.add(read.apply(new Element(this, array.get(i), name + "[" + i + "]")));
        }
        return List.copyOf(all);
    }

    long integer(final JsonNode value, final String name, final long min, final long max) {
        if (!value.canConvertToExactIntegral() || !value.canConvertToLong() || value.longValue() < min
                || value.longValue() > max) {
            throw wrong(name, value, "an integer from " + min + " to " + max);
        }
        return value.longValue();
    }

    ApiException wrong(final String name, final JsonNode value, final String expected) {
        return ApiException.invalid(name(name), "'" + name(name) + "' is " + shown(value) + "; expected " + expected + ".");
    }

    static String shown(final JsonNode value) {
        final String json = value.toString();
        return json.length() <= SHOWN_CHARS ? json : json.substring(0, SHOWN_CHARS) + "…";
    }

    /** One element of an array field. */
    record Element(Fields fields, JsonNode value, String name) {
        ApiException wrong(final String expected) {
            return fields.wrong(name, value, expected);
        }

        String text() {
            if (!value.isTextual()) {
                throw wrong("a string");
            }
            return value.textValue();
        }

        int id() {
            return (int) fields.integer(value, name, 0, Integer.MAX_VALUE);
        }

        /** The element as an object of its own. */
        Fields object() {
            if (!value.isObject()) {
                throw wrong("an object");
            }
            return new Fields(value, fields.name(name) + ".");
        }
    }

    /** An interval of numbers, with the words for it. */
    record Range(double min, boolean minIncluded, double max) {
        boolean holds(final double value) {
            return value <= max && (minIncluded ? value >= min : value > min);
        }

        String words() {
            return minIncluded ? "from " + min + " to " + max : "above " + min + " and up to " + max;
        }
    }
}
