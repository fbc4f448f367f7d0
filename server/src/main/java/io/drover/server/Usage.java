package io.drover.server;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * What a request has used. A prompt counts once, however many choices continue it.
 *
 * @param promptTokens     of all prompts
 * @param completionTokens of all choices, tokens that ended one included
 */
record Usage(int promptTokens, int completionTokens) {
    ObjectNode json() {
        final ObjectNode usage = JsonNodeFactory.instance.objectNode();
        usage.put("prompt_tokens", promptTokens)
                .put("completion_tokens", completionTokens)
                .put("total_tokens", promptTokens + completionTokens)
                .putObject("prompt_tokens_details")
                .put("cached_tokens", 0);
        return usage;
    }
}
