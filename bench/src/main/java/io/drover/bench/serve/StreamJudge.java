package io.drover.bench.serve;

import java.util.ArrayList;
import java.util.List;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/**
 * Reads one event stream with one choice, line by line, and says what came and whether it ended properly. Pure: lines and times in,
 * verdict out.
 */
final class StreamJudge {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String DATA = "data: ";

    private final long startNs;
    private final List<Long> tokenNs = new ArrayList<>();
    private String fault = "";
    private boolean error;
    private boolean finished;
    private boolean done;
    private long usageTokens = -1;

    /** @param startNs when the request was sent */
    StreamJudge(final long startNs) {
        this.startNs = startNs;
    }

    /** @param nowNs when the line had been read */
    void on(final String line, final long nowNs) {
        if (line.isEmpty() || line.startsWith(":")) {
            return;
        }
        if (done) {
            fail("a line after [DONE]: " + line);
        } else if (line.startsWith("event: error")) {
            error = true;
        } else if (!line.startsWith(DATA)) {
            fail("a line that is no event: " + line);
        } else if (line.equals("data: [DONE]")) {
            done = true;
        } else {
            chunk(line.substring(DATA.length()), nowNs);
        }
    }

    private void chunk(final String json, final long nowNs) {
        final JsonNode chunk;
        try {
            chunk = JSON.readTree(json);
        } catch (final JsonProcessingException e) {
            fail("an event that is no JSON: " + json);
            return;
        }
        if (error || chunk.has("error")) {
            fail("an error event: " + chunk.at("/error/code").asText() + ", " + chunk.at("/error/message").asText());
            return;
        }
        if (chunk.path("usage").isObject()) {
            usageTokens = chunk.at("/usage/completion_tokens").asLong();
        }
        for (final JsonNode choice : chunk.path("choices")) {
            if (choice.path("finish_reason").isTextual()) {
                finished = true;
            } else {
                tokenNs.add(nowNs);
            }
        }
    }

    private void fail(final String why) {
        if (fault.isEmpty()) {
            fault = why;
        }
    }

    /** The body could not be read to its end. */
    void broken(final String why) {
        fail("the stream broke: " + why);
    }

    /** Why the stream did not end properly; empty if it did. To be asked when no more lines come. */
    String fault() {
        if (!fault.isEmpty()) {
            return fault;
        }
        if (!done) {
            return "no [DONE]";
        }
        if (!finished) {
            return "no finish_reason";
        }
        return usageTokens == tokenNs.size() ? "" : tokenNs.size() + " tokens came and the usage says " + usageTokens;
    }

    int tokens() {
        return tokenNs.size();
    }

    /** From the request to the first token; -1 if there was none. */
    long firstTokenNs() {
        return tokenNs.isEmpty() ? -1 : tokenNs.getFirst() - startNs;
    }

    /** Between each two tokens. */
    List<Long> gapsNs() {
        final List<Long> gaps = new ArrayList<>();
        for (int i = 1; i < tokenNs.size(); i++) {
            gaps.add(tokenNs.get(i) - tokenNs.get(i - 1));
        }
        return gaps;
    }
}
