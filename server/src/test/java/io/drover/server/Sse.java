package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;

/** Reads a body of server-sent events, strictly. */
final class Sse {
    private static final String DATA = "data: ";

    private Sse() {}

    /** The chunks before {@code [DONE]}, which must be there. */
    static List<JsonNode> chunks(final String body) throws JsonProcessingException {
        final List<JsonNode> chunks = new ArrayList<>();
        assertThat(body).endsWith("data: [DONE]\n\n");
        for (final String event : body.split("\n\n")) {
            assertThat(event).startsWith(DATA).doesNotContain("\n").doesNotContain("\r");
            if (!event.equals("data: [DONE]")) {
                chunks.add(RequestReader.JSON.readTree(event.substring(DATA.length())));
            }
        }
        return chunks;
    }
}
