package io.drover.model.text;

import java.nio.file.Path;
import java.util.List;

import org.jspecify.annotations.Nullable;

import io.drover.model.checkpoint.CheckpointException;

/** A model's tokenizer and chat template: prompts as token ids, by the two ways in which they are asked for. */
public final class ModelText implements AutoCloseable {
    private final Tokenizer tokenizer;
    private final @Nullable ChatTemplate chatTemplate;

    private ModelText(final Tokenizer tokenizer, final @Nullable ChatTemplate chatTemplate) {
        this.tokenizer = tokenizer;
        this.chatTemplate = chatTemplate;
    }

    /**
     * Reads {@code tokenizer.json}, and the chat template where there is one.
     *
     * @param modelVocabSize rows of the model's embedding; the tokenizer may have fewer ids, not more
     * @throws CheckpointException in one line, if a file is missing, malformed, or of another model
     */
    public static ModelText load(final Path directory, final int modelVocabSize) {
        final ChatTemplate chatTemplate = ChatTemplate.load(directory);
        final Tokenizer tokenizer = Tokenizer.load(directory);
        if (tokenizer.vocabSize() > modelVocabSize) {
            tokenizer.close();
            throw new CheckpointException(directory.resolve("tokenizer.json") + " has ids up to " + (tokenizer.vocabSize() - 1)
                    + "; expected at most " + (modelVocabSize - 1) + ", the model's last");
        }
        return new ModelText(tokenizer, chatTemplate);
    }

    public Tokenizer tokenizer() {
        return tokenizer;
    }

    /** Whether {@link #chatPrompt} can be asked for. */
    public boolean hasChatTemplate() {
        return chatTemplate != null;
    }

    /** A plain text, in the tokenizer's frame of special tokens. */
    public int[] prompt(final String text) {
        return tokenizer.encode(text, true);
    }

    /**
     * A conversation, ending where the assistant is to answer. The template brings the special tokens.
     *
     * @throws ChatTemplateException if there is no template, or it refuses the conversation or cannot be rendered
     */
    public int[] chatPrompt(final List<ChatMessage> messages) {
        if (chatTemplate == null) {
            throw new ChatTemplateException("the model has no chat template (chat_template in tokenizer_config.json, or"
                    + " chat_template.jinja); expected a plain prompt", true);
        }
        return tokenizer.encode(chatTemplate.render(messages, true), false);
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
