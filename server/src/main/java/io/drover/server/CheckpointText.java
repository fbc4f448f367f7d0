package io.drover.server;

import java.nio.file.Path;
import java.util.List;

import org.jspecify.annotations.Nullable;

import io.drover.model.text.ChatMessage;
import io.drover.model.text.ChatTemplate;
import io.drover.model.text.ChatTemplateException;
import io.drover.model.text.TokenTextStream;
import io.drover.model.text.Tokenizer;
import io.drover.server.CompletionCall.Message;

/** A checkpoint's own tokenizer and chat template. */
final class CheckpointText implements TextCodec, AutoCloseable {
    private final Tokenizer tokenizer;
    private final @Nullable ChatTemplate template;

    private CheckpointText(final Tokenizer tokenizer, final @Nullable ChatTemplate template) {
        this.tokenizer = tokenizer;
        this.template = template;
    }

    /** @throws io.drover.model.checkpoint.CheckpointException in one line, if a file is missing or malformed */
    static CheckpointText load(final Path directory) {
        final ChatTemplate template = ChatTemplate.load(directory);
        return new CheckpointText(Tokenizer.load(directory), template);
    }

    @Override
    public int[] encode(final String text, final boolean special) {
        return tokenizer.encode(text, special);
    }

    @Override
    public int longestToken() {
        return tokenizer.longestToken();
    }

    @Override
    public String decode(final int[] ids, final boolean skipSpecial) {
        return tokenizer.decode(ids, skipSpecial);
    }

    @Override
    public Growing grow() {
        final TokenTextStream stream = tokenizer.newStream();
        return new Growing() {
            @Override
            public String push(final int id) {
                return stream.push(id);
            }

            @Override
            public String flush() {
                return stream.flush();
            }
        };
    }

    @Override
    public String render(final List<Message> messages, final boolean opened) {
        if (template == null) {
            throw ApiException.client(400, "no_chat_template", "The model has no chat template; use /v1/completions instead.");
        }
        try {
            return template.render(messages.stream().map(message -> new ChatMessage(message.role(), message.content())).toList(),
                    opened);
        } catch (final ChatTemplateException e) {
            throw e.isRequestAtFault()
                    ? ApiException.invalid("messages", "The conversation was refused: " + e.getMessage() + ".")
                    : ApiException.server(500, "chat_template_failed", e.getMessage());
        }
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
