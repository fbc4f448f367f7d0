package io.drover.server;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Collectors;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;

import io.drover.server.CompletionCall.Delivery;
import io.drover.server.CompletionCall.Drawing;
import io.drover.server.CompletionCall.Kind;
import io.drover.server.CompletionCall.Message;
import io.drover.server.CompletionCall.Prompt;
import io.drover.server.CompletionCall.Stopping;

/**
 * Reads the bodies of the API's requests. Unknown fields are ignored, as clients send many; known ones are checked for type and
 * range, and a fault is an {@link ApiException} that names the field, its value and what was expected.
 */
final class RequestReader {
    static final ObjectMapper JSON = JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

    private static final Set<String> ROLES = Set.of("system", "developer", "user", "assistant", "tool");
    private static final Fields.Range TEMPERATURE = new Fields.Range(0, true, 2);
    private static final Fields.Range TOP_P = new Fields.Range(0, false, 1);
    private static final int MAX_STOPS = 64;
    private static final int MAX_STOP_CHARS = 1024;

    private final int maxSequences;

    RequestReader(final int maxSequences) {
        this.maxSequences = maxSequences;
    }

    /** The body as a JSON object. */
    static Fields body(final byte[] bytes) {
        final JsonNode node;
        try {
            node = JSON.readTree(bytes);
        } catch (final JsonProcessingException e) {
            throw ApiException.client(400, "invalid_json", "The body is not valid JSON: " + e.getOriginalMessage() + position(e));
        } catch (final IOException e) {
            throw ApiException.client(400, "invalid_json", "The body is not valid JSON: " + e.getMessage() + ".");
        }
        if (node == null || !node.isObject()) {
            throw ApiException.client(400, "invalid_json",
                    "The body is " + (node == null || node.isMissingNode() ? "empty" : Fields.shown(node))
                            + "; expected a JSON object.");
        }
        return new Fields(node, "");
    }

    /** @param served the one model that is served here */
    CompletionCall completion(final Kind kind, final Fields body, final String served) {
        checkModel(body, served);
        UnsupportedFields.refuse(body);
        final List<Prompt> prompts = kind == Kind.CHAT ? List.of(chat(body)) : prompts(body);
        final Long choices = body.integer("n", 1, maxSequences);
        final CompletionCall call = new CompletionCall(kind, prompts, choices == null ? 1 : choices.intValue(), stopping(body),
                drawing(body), delivery(kind, body));
        if (call.sequences() > maxSequences) {
            throw ApiException.invalid("prompt",
                    "The request asks for " + call.prompts().size() + " prompts times n = " + call.choices()
                            + "; expected at most " + maxSequences + " sequences.");
        }
        return call;
    }

    private static Stopping stopping(final Fields body) {
        final Long newer = body.integer("max_completion_tokens", 1, Integer.MAX_VALUE);
        final Long older = body.integer("max_tokens", 1, Integer.MAX_VALUE);
        final Long maxTokens = newer == null ? older : newer;
        final Long minTokens = body.integer("min_tokens", 0, maxTokens == null ? Integer.MAX_VALUE : maxTokens);
        return new Stopping(maxTokens == null ? OptionalInt.empty() : OptionalInt.of(maxTokens.intValue()),
                minTokens == null ? 0 : minTokens.intValue(), body.bool("ignore_eos", false),
                body.list("stop_token_ids", Fields.Element::id), stops(body));
    }

    private static List<String> stops(final Fields body) {
        final JsonNode value = body.get("stop");
        if (value == null) {
            return List.of();
        }
        final List<String> stops = value.isTextual() ? List.of(value.textValue()) : body.list("stop", Fields.Element::text);
        if (stops.size() > MAX_STOPS) {
            throw ApiException.invalid("stop", "'stop' has " + stops.size() + " strings; expected at most " + MAX_STOPS + ".");
        }
        for (final String stop : stops) {
            if (stop.isEmpty() || stop.length() > MAX_STOP_CHARS) {
                throw ApiException.invalid("stop",
                        "'stop' holds a string of " + stop.length() + " characters; expected 1 to " + MAX_STOP_CHARS + ".");
            }
        }
        return stops;
    }

    private static Drawing drawing(final Fields body) {
        final double temperature = body.number("temperature", 1, TEMPERATURE);
        final double topP = body.number("top_p", 1, TOP_P);
        final Long topK = body.integer("top_k", -1, Integer.MAX_VALUE);
        final Long seed = body.integer("seed", Long.MIN_VALUE, Long.MAX_VALUE);
        return new Drawing((float) temperature, Math.max((float) topP, Float.MIN_VALUE),
                topK == null ? 0 : Math.max(0, topK.intValue()),
                seed == null ? OptionalLong.empty() : OptionalLong.of(seed));
    }

    private static Delivery delivery(final Kind kind, final Fields body) {
        final boolean stream = body.bool("stream", false);
        final Fields options = body.object("stream_options");
        return new Delivery(stream, options.bool("include_usage", false), options.bool("continuous_usage_stats", false),
                body.bool("return_token_ids", false), kind == Kind.TEXT && body.bool("echo", false));
    }

    private static Prompt chat(final Fields body) {
        final List<Message> messages = body.list("messages", RequestReader::message);
        if (messages.isEmpty()) {
            throw ApiException.invalid("messages", "'messages' is missing or empty; expected at least one message.");
        }
        return new Prompt.Chat(messages, body.bool("add_generation_prompt", true));
    }

    private static Message message(final Fields.Element element) {
        final Fields message = element.object();
        final String role = message.text("role");
        if (!ROLES.contains(role)) {
            throw ApiException.invalid(message.name("role"), "'" + message.name("role") + "' is '" + role + "'; expected one of "
                    + ROLES.stream().sorted().collect(Collectors.joining(", ")) + ".");
        }
        final JsonNode calls = message.get("tool_calls");
        if (calls != null && !calls.isEmpty()) {
            throw ApiException.unsupported(message.name("tool_calls"),
                    "'" + message.name("tool_calls") + "' is not empty; this server does not support tools.");
        }
        // The newer name for the same role; chat templates know the older one.
        return new Message(role.equals("developer") ? "system" : role, content(message));
    }

    private static String content(final Fields message) {
        final JsonNode content = message.get("content");
        if (content == null) {
            return "";
        }
        if (content.isTextual()) {
            return content.textValue();
        }
        if (!content.isArray()) {
            throw message.wrong("content", content, "a string, null or an array of text parts");
        }
        return String.join("", message.elements(content, "content", RequestReader::textPart));
    }

    private static String textPart(final Fields.Element element) {
        final Fields part = element.object();
        final String type = part.text("type");
        if (!type.equals("text")) {
            throw ApiException.unsupported(part.name("type"),
                    "'" + part.name("type") + "' is '" + type + "'; this server accepts only parts of type 'text'.");
        }
        return part.text("text");
    }

    private static List<Prompt> prompts(final Fields body) {
        final JsonNode prompt = body.get("prompt");
        final boolean special = body.bool("add_special_tokens", true);
        if (prompt == null) {
            throw ApiException.invalid("prompt", "'prompt' is missing.");
        }
        if (prompt.isTextual()) {
            return List.of(new Prompt.Text(prompt.textValue(), special));
        }
        if (!prompt.isArray() || prompt.isEmpty()) {
            throw body.wrong("prompt", prompt, "a string, an array of strings, an array of token ids or an array of such arrays");
        }
        if (prompt.get(0).isNumber()) {
            return List.of(new Prompt.Ids(body.elements(prompt, "prompt", Fields.Element::id)));
        }
        return body.elements(prompt, "prompt", element -> prompt(element, special));
    }

    private static Prompt prompt(final Fields.Element element, final boolean special) {
        if (element.value().isTextual()) {
            return new Prompt.Text(element.value().textValue(), special);
        }
        if (!element.value().isArray()) {
            throw element.wrong("a string or an array of token ids");
        }
        return new Prompt.Ids(element.fields().elements(element.value(), element.name(), Fields.Element::id));
    }

    private static String position(final JsonProcessingException e) {
        return e.getLocation() == null
                ? "."
                : " (line " + e.getLocation().getLineNr() + ", column " + e.getLocation().getColumnNr() + ").";
    }

    /** The ids of {@code POST /detokenize}. */
    static List<Integer> tokens(final Fields body) {
        if (body.get("tokens") == null) {
            throw ApiException.invalid("tokens", "'tokens' is missing.");
        }
        return new ArrayList<>(body.list("tokens", Fields.Element::id));
    }

    /** The prompt of {@code POST /tokenize}: a text or a conversation. */
    static Prompt tokenized(final Fields body) {
        return body.get("messages") == null
                ? new Prompt.Text(body.text("prompt"), body.bool("add_special_tokens", true))
                : chat(body);
    }

    /** A request that names no model means the one there is. */
    static void checkModel(final Fields body, final String served) {
        if (body.get("model") != null && !body.text("model").equals(served)) {
            throw ApiException.modelNotFound(body.text("model"), served);
        }
    }
}
