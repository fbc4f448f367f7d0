package io.drover.server;

import java.util.List;
import java.util.function.Predicate;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * Fields that would change the output and that this server cannot honour. Their neutral values are accepted, because many
 * clients send them; any other value is refused rather than ignored.
 */
final class UnsupportedFields {
    private static final Predicate<JsonNode> EMPTY = value -> value.isContainerNode() && value.isEmpty();
    private static final Predicate<JsonNode> BLANK = value -> value.isTextual() && value.textValue().isEmpty();
    private static final Predicate<JsonNode> NEVER = value -> false;

    private static final List<Rule> RULES = List.of(
            new Rule("logprobs", is(false), "false or null"), new Rule("top_logprobs", is(0), "0 or null"),
            new Rule("prompt_logprobs", NEVER, "null"), new Rule("presence_penalty", is(0), "0"),
            new Rule("frequency_penalty", is(0), "0"), new Rule("repetition_penalty", is(1), "1"),
            new Rule("length_penalty", is(1), "1"), new Rule("min_p", is(0), "0"), new Rule("typical_p", is(1), "1"),
            new Rule("logit_bias", EMPTY, "null or empty"), new Rule("bad_words", EMPTY, "null or empty"),
            new Rule("allowed_token_ids", EMPTY, "null or empty"), new Rule("tools", EMPTY, "null or empty"),
            new Rule("functions", EMPTY, "null or empty"),
            new Rule("tool_choice", is("none").or(is("auto")), "\"none\" or \"auto\""),
            new Rule("function_call", is("none").or(is("auto")), "\"none\" or \"auto\""),
            new Rule("response_format", value -> value.isObject() && value.path("type").asText().equals("text"),
                    "{\"type\":\"text\"}"),
            new Rule("guided_json", NEVER, "null"), new Rule("guided_regex", NEVER, "null"),
            new Rule("guided_choice", NEVER, "null"), new Rule("guided_grammar", NEVER, "null"),
            new Rule("structured_outputs", NEVER, "null"), new Rule("best_of", is(1), "1"),
            new Rule("suffix", BLANK, "null or empty"),
            new Rule("use_beam_search", is(false), "false"),
            new Rule("modalities", value -> value.toString().equals("[\"text\"]"),
                    "[\"text\"]"),
            new Rule("audio", NEVER, "null"), new Rule("skip_special_tokens", is(true), "true"),
            new Rule("include_stop_str_in_output", is(false), "false"), new Rule("truncate_prompt_tokens", NEVER, "null"),
            new Rule("continue_final_message", is(false), "false"), new Rule("chat_template", NEVER, "null"),
            new Rule("chat_template_kwargs", EMPTY, "null or empty"), new Rule("documents", EMPTY, "null or empty"));

    private UnsupportedFields() {}

    /** @throws ApiException naming the first field whose value cannot be honoured */
    static void refuse(final Fields fields) {
        for (final Rule rule : RULES) {
            final JsonNode value = fields.get(rule.name);
            if (value != null && !rule.neutral.test(value)) {
                throw ApiException.unsupported(fields.name(rule.name), "'" + rule.name + "' is " + Fields.shown(value)
                        + "; this server does not support it and accepts only " + rule.accepted + ".");
            }
        }
    }

    private static Predicate<JsonNode> is(final boolean wanted) {
        return value -> value.isBoolean() && value.booleanValue() == wanted;
    }

    private static Predicate<JsonNode> is(final int wanted) {
        return value -> value.isNumber() && value.doubleValue() == wanted;
    }

    private static Predicate<JsonNode> is(final String wanted) {
        return value -> value.isTextual() && value.textValue().equals(wanted);
    }

    private record Rule(String name, Predicate<JsonNode> neutral, String accepted) {}
}
