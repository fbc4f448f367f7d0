package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.errors.RateLimitException;
import com.openai.errors.SseException;
import com.openai.errors.UnauthorizedException;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.completions.Completion;
import com.openai.models.completions.CompletionCreateParams;

import io.drover.actors.Gateway.Reason;

/** An unmodified public client library against the server's HTTP layer. */
final class OpenAiClientTest {
    private static Door door;
    private static OpenAIClient client;

    @BeforeAll
    static void open() {
        door = new Door("", Map.of("DROVER_API_KEY", "key"));
        client = client("key", 0);
    }

    @AfterAll
    static void close() {
        client.close();
        door.close();
    }

    @Test
    void whole() {
        door.gateway.on(request -> door.gateway.text("Grüße 😀", true));
        final ChatCompletion answer = client.chat().completions().create(chat().build());
        answer.validate();
        assertThat(answer.choices().getFirst().message().content()).contains("Grüße 😀");
        assertThat(answer.choices().getFirst().finishReason()).isEqualTo(ChatCompletion.Choice.FinishReason.STOP);
        assertThat(answer.usage().orElseThrow().completionTokens()).isEqualTo(12);
    }

    @Test
    void stream() {
        door.gateway.on(request -> door.gateway.text("Grüße 😀", false));
        final ChatCompletionCreateParams params = chat()
                .streamOptions(ChatCompletionStreamOptions.builder().includeUsage(true).build())
                .build();
        try (StreamResponse<ChatCompletionChunk> response = client.chat().completions().createStreaming(params)) {
            final List<ChatCompletionChunk> chunks = response.stream().toList();
            chunks.forEach(ChatCompletionChunk::validate);
            assertThat(chunks).hasSize(12 + 2);
            assertThat(chunks.stream()
                    .flatMap(chunk -> chunk.choices().stream())
                    .map(choice -> choice.delta().content().orElse(""))
                    .collect(Collectors.joining())).isEqualTo("Grüße 😀");
            assertThat(chunks.get(12).choices().getFirst().finishReason())
                    .contains(ChatCompletionChunk.Choice.FinishReason.LENGTH);
            assertThat(chunks.getLast().choices()).isEmpty();
            assertThat(chunks.getLast().usage().orElseThrow().completionTokens()).isEqualTo(12);
        }
    }

    @Test
    void textCompletions() {
        door.gateway.on(request -> door.gateway.text("abc", true));
        final CompletionCreateParams params = CompletionCreateParams.builder()
                .model("bytes")
                .prompt("x")
                .maxTokens(5)
                .stop("c")
                .build();
        final Completion answer = client.completions().create(params);
        answer.validate();
        assertThat(answer.choices().getFirst().text()).isEqualTo("ab");
        try (StreamResponse<Completion> response = client.completions().createStreaming(params)) {
            assertThat(response.stream().map(chunk -> chunk.choices().getFirst().text()).collect(Collectors.joining()))
                    .isEqualTo("ab");
        }
    }

    @Test
    void models() {
        assertThat(client.models().list().data().getFirst().id()).isEqualTo("bytes");
        assertThat(client.models().retrieve("bytes").id()).isEqualTo("bytes");
    }

    @Test
    void errorsArriveAsTheirTypes() {
        door.gateway.on(request -> door.gateway.text("a", true));
        assertThatThrownBy(() -> client.chat().completions().create(chat().temperature(2.0).n(100).build()))
                .isInstanceOf(BadRequestException.class)
                .hasMessageContaining("'n' is 100");
        assertThatThrownBy(() -> client.chat().completions().create(chat().model("other").build()))
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining("other");
        final OpenAIClient stranger = client("wrong", 0);
        assertThatThrownBy(() -> stranger.models().list()).isInstanceOf(UnauthorizedException.class);
        stranger.close();
    }

    @Test
    void aFullQueueIsRetried() {
        final AtomicInteger calls = new AtomicInteger();
        door.gateway.on(request -> calls.incrementAndGet() == 1
                ? ScriptedGateway.refused(Reason.QUEUE_FULL, "full", Duration.ofSeconds(1))
                : door.gateway.text("a", true));
        assertThatThrownBy(() -> client.chat().completions().create(chat().build())).isInstanceOf(RateLimitException.class);
        calls.set(0);
        final OpenAIClient patient = client("key", 2);
        assertThat(patient.chat().completions().create(chat().build()).choices()).hasSize(1);
        patient.close();
        assertThat(calls).hasValue(2);
    }

    @Test
    void aFailureInTheStreamIsRaised() {
        door.gateway.on(request -> door.gateway.failing(ByteTokenizer.ids("ab"), "node_lost", "node 3 is gone"));
        try (StreamResponse<ChatCompletionChunk> response = client.chat().completions().createStreaming(chat().build())) {
            assertThatThrownBy(() -> response.stream().toList()).isInstanceOf(SseException.class)
                    .hasMessageContaining("node 3 is gone");
        }
    }

    private static ChatCompletionCreateParams.Builder chat() {
        return ChatCompletionCreateParams.builder().model("bytes").addUserMessage("hi");
    }

    private static OpenAIClient client(final String key, final int retries) {
        return OpenAIOkHttpClient.builder().baseUrl(door.uri("/v1").toString()).apiKey(key).maxRetries(retries).build();
    }
}
