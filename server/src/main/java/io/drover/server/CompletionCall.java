package io.drover.server;

import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * A completion request as it was read: every value in range, every unsupported one refused. Nothing here depends on the model.
 *
 * @param kind     which endpoint
 * @param prompts  at least one
 * @param choices  sequences per prompt ({@code n})
 * @param stopping when to end
 * @param drawing  how to draw
 * @param delivery how to answer
 */
record CompletionCall(Kind kind, List<Prompt> prompts, int choices, Stopping stopping, Drawing drawing, Delivery delivery) {

    /** The two endpoints. */
    enum Kind {
        CHAT, TEXT
    }

    /** What to continue. */
    sealed interface Prompt {
        /** @param special whether the tokenizer adds its special tokens */
        record Text(String text, boolean special) implements Prompt {}

        record Ids(List<Integer> ids) implements Prompt {}

        /** @param opened whether the template opens the assistant's turn */
        record Chat(List<Message> messages, boolean opened) implements Prompt {}
    }

    /** One message of a conversation. */
    record Message(String role, String content) {}

    /**
     * @param maxTokens    empty for the endpoint's default
     * @param minTokens    neither stop tokens nor stop strings end the sequence before this many
     * @param ignoreEos    whether the model's own end is ignored
     * @param stopTokenIds further ids that end it
     * @param stops        strings that end it
     */
    record Stopping(OptionalInt maxTokens, int minTokens, boolean ignoreEos, List<Integer> stopTokenIds, List<String> stops) {}

    /**
     * @param topK 0 keeps all
     * @param seed empty for one of the server's choosing; choice i is drawn with seed + i
     */
    record Drawing(float temperature, float topP, int topK, OptionalLong seed) {}

    /**
     * @param stream          as server-sent events
     * @param usage           a last chunk with the usage
     * @param continuousUsage the usage so far in each chunk
     * @param tokenIds        {@code token_ids} and {@code prompt_token_ids} beside the text
     * @param echo            the prompt's text before the completion's
     */
    record Delivery(boolean stream, boolean usage, boolean continuousUsage, boolean tokenIds, boolean echo) {}

    int sequences() {
        return prompts.size() * choices;
    }
}
