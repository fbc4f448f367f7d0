package io.drover.server;

import java.util.List;

/** Text to token ids and back, as the door needs it. Thread-safe. */
interface TextCodec {

    /** @param special whether the tokenizer's own special tokens are added */
    int[] encode(String text, boolean special);

    /** Characters of the longest token. */
    int longestToken();

    /** @param skipSpecial whether special tokens have no text */
    String decode(int[] ids, boolean skipSpecial);

    /** A sequence's text as it grows, special tokens without text. */
    Growing grow();

    /**
     * A conversation as the text that the model was trained on.
     *
     * @param opened whether the assistant's turn is opened
     * @throws ApiException if the model has no chat template, or it refuses the conversation
     */
    String render(List<CompletionCall.Message> messages, boolean opened);

    /** One sequence's text. Not thread-safe. */
    interface Growing {

        /** The text that is certain with this token; whole characters only. */
        String push(int id);

        /** What is left when no token follows. */
        String flush();
    }
}
