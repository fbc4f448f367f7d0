package io.drover.model.text;

import java.io.IOException;

import org.jspecify.annotations.Nullable;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.MinimalPrettyPrinter;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.Filter;

/** The filter {@code tojson} with the spaces of Python's {@code json.dumps}, which models were trained on. */
final class PythonJson implements Filter {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private static final class Spaced extends MinimalPrettyPrinter {
        private static final long serialVersionUID = 1L;

        @Override
        public void writeObjectFieldValueSeparator(final JsonGenerator generator) throws IOException {
            generator.writeRaw(": ");
        }

        @Override
        public void writeObjectEntrySeparator(final JsonGenerator generator) throws IOException {
            generator.writeRaw(", ");
        }

        @Override
        public void writeArrayValueSeparator(final JsonGenerator generator) throws IOException {
            generator.writeRaw(", ");
        }
    }

    @Override
    public String getName() {
        return "tojson";
    }

    @Override
    public Object filter(final @Nullable Object value, final JinjavaInterpreter interpreter, final String... arguments) {
        if (arguments.length > 0) {
            throw new IllegalArgumentException("tojson with arguments is not supported");
        }
        try {
            return MAPPER.writer(new Spaced()).writeValueAsString(value);
        } catch (final JsonProcessingException e) {
            throw new IllegalArgumentException("tojson: " + e.getOriginalMessage(), e);
        }
    }
}
