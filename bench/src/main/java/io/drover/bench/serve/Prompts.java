package io.drover.bench.serve;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** The requests of a run: a seeded choice from a file of prompts by topic. */
final class Prompts {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final List<JsonNode> prompts = new ArrayList<>();

    private Prompts() {}

    /**
     * @param file {@code {"topic": [{"prompt": "…"} or {"messages": […]}, …], …}}
     * @throws IOException in one sentence, if it cannot be used
     */
    static Prompts read(final Path file) throws IOException {
        final Prompts all = new Prompts();
        final JsonNode root;
        try {
            root = JSON.readTree(file.toFile());
        } catch (final IOException e) {
            throw new IOException("cannot read prompts from " + file + ": " + e.getMessage(), e);
        }
        root.forEach(topic -> topic.forEach(all.prompts::add));
        if (all.prompts.isEmpty() || all.prompts.stream().anyMatch(prompt -> prompt.has("prompt") == prompt.has("messages"))) {
            throw new IOException(file + " holds no prompts by topic, each with either 'prompt' or 'messages'");
        }
        return all;
    }

    /** The request number {@code index} of a run; the same for the same seed. */
    Request pick(final long seed, final int index, final int maxTokens) {
        final JsonNode prompt = prompts.get(new Random(seed * 31 + index).nextInt(prompts.size()));
        final ObjectNode body = JSON.createObjectNode();
        body.setAll((ObjectNode) prompt);
        body.put("stream", true)
                .put("max_tokens", maxTokens)
                .put("ignore_eos", true)
                .put("temperature", 0)
                .putObject("stream_options")
                .put("include_usage", true);
        return new Request(prompt.has("messages") ? "/v1/chat/completions" : "/v1/completions", body.toString());
    }

    /** What is posted where. */
    record Request(String path, String body) {}
}
