package io.drover.actors;

import java.util.List;

import io.drover.model.Sampling;

/**
 * One sequence to generate, as token ids. Text (stop strings, chat templates, UTF-8) stays with the gateway.
 *
 * @param requestId    unique within the gateway
 * @param promptIds    at least one token id
 * @param sampling     how the next token is drawn
 * @param maxTokens    at least 1; prompt and completion together fit the model's context
 * @param minTokens    stop tokens are not drawn before this many tokens
 * @param ignoreEos    whether the model's end-of-sequence ids do not end the generation
 * @param stopTokenIds further ids that end the generation
 */
public record GenerationRequest(String requestId, List<Integer> promptIds, Sampling sampling, int maxTokens, int minTokens,
        boolean ignoreEos, List<Integer> stopTokenIds) {

    public GenerationRequest {
        promptIds = List.copyOf(promptIds);
        stopTokenIds = List.copyOf(stopTokenIds);
    }
}
