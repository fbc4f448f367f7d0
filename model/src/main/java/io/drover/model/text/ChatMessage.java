package io.drover.model.text;

/**
 * One turn of a conversation.
 *
 * @param role    {@code system}, {@code user}, {@code assistant}, or whatever else the model's template knows
 * @param content plain text
 */
public record ChatMessage(String role, String content) {}
