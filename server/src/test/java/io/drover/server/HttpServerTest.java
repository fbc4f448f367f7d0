package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

import org.apache.pekko.stream.javadsl.Source;
import org.junit.jupiter.api.Test;

import com.fasterxml.jackson.databind.JsonNode;

import io.drover.actors.Gateway.Reason;
import io.drover.actors.GenerationRequest;
import io.drover.actors.TokenEvent;
import io.drover.model.Sampling;

final class HttpServerTest {
    private static final String CHAT = """
            {"model":"bytes","messages":[{"role":"user","content":"hi"}],"stream":true%s}""";
    private static final String TEXT = """
            {"model":"bytes","prompt":"hi","stream":false%s}""";

    @Test
    void streamsTheBytesThatTheApiPromises() throws Exception {
        try (Door door = new Door()) {
            door.gateway.on(request -> door.gateway.text("ab", true));
            final HttpResponse<String> response = door.post("/v1/chat/completions",
                    CHAT.formatted(",\"stream_options\":{\"include_usage\":true}"), "x-request-id", "r-1");
            assertThat(response.statusCode()).isEqualTo(200);
            assertThat(response.headers().firstValue("content-type").orElseThrow())
                    .isEqualToIgnoringCase("text/event-stream; charset=utf-8");
            assertThat(response.headers().firstValue("cache-control")).contains("no-cache");
            assertThat(response.headers().firstValue("x-accel-buffering")).contains("no");
            assertThat(response.headers().firstValue("x-request-id")).contains("r-1");
            assertThat(response.body().replaceAll("chatcmpl-[0-9a-f]{32}", "ID").replaceAll("\"created\":\\d+", "\"created\":T"))
                    .isEqualTo(
                            """
                                    data: {H,"choices":[{"index":0,"delta":{"role":"assistant","content":"a"},"logprobs":null,"finish_reason":null}],"usage":null}

                                    data: {H,"choices":[{"index":0,"delta":{"content":"b"},"logprobs":null,"finish_reason":null}],"usage":null}

                                    data: {H,"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}

                                    data: {H,"choices":[],"usage":{"prompt_tokens":8,"completion_tokens":2,"total_tokens":10,"prompt_tokens_details":{"cached_tokens":0}}}

                                    data: [DONE]

                                    """
                                    .replace("H",
                                            "\"id\":\"ID\",\"object\":\"chat.completion.chunk\",\"created\":T,\"model\":\"bytes\",\"system_fingerprint\":null"));
        }
    }

    @Test
    void answersWholeCompletionsWithIdsAndUsage() throws Exception {
        try (Door door = new Door()) {
            door.gateway.on(request -> door.gateway.ids(List.of((int) 'a', (int) 'b', ByteTokenizer.EOS), true));
            final JsonNode text = Door
                    .json(door.post("/v1/completions", TEXT.formatted(",\"return_token_ids\":true,\"echo\":true")));
            assertThat(text.get("object").asText()).isEqualTo("text_completion");
            assertThat(text.at("/choices/0/text").asText()).isEqualTo("hiab");
            assertThat(text.at("/choices/0/finish_reason").asText()).isEqualTo("stop");
            assertThat(text.at("/choices/0/token_ids")).hasToString("[97,98,256]");
            assertThat(text.at("/prompt_token_ids")).hasToString("[104,105]");
            assertThat(text.at("/choices/0/prompt_token_ids")).hasToString("[104,105]");
            assertThat(text.at("/usage/completion_tokens").asInt()).isEqualTo(3);
            assertThat(text.at("/usage/total_tokens").asInt()).isEqualTo(5);

            final JsonNode chat = Door.json(door.post("/v1/chat/completions", CHAT.formatted("").replace("true", "false")));
            assertThat(chat.get("object").asText()).isEqualTo("chat.completion");
            assertThat(chat.at("/choices/0/message/content").asText()).isEqualTo("ab");
            assertThat(chat.at("/choices/0/message/role").asText()).isEqualTo("assistant");
            assertThat(chat.at("/choices/0/message/refusal").isNull()).isTrue();
            assertThat(chat.has("prompt_token_ids")).isFalse();
        }
    }

    @Test
    void continuousUsageIdsAndChoicesTravelInTheChunks() throws Exception {
        try (Door door = new Door()) {
            door.gateway.on(request -> door.gateway.text(request.requestId().endsWith("-1") ? "x" : "y", true));
            final List<JsonNode> chunks = Sse.chunks(door.post("/v1/chat/completions",
                    CHAT.formatted(
                            ",\"n\":2,\"seed\":5,\"return_token_ids\":true,\"stream_options\":{\"continuous_usage_stats\":true}"))
                    .body());
            assertThat(chunks).hasSize(4);
            assertThat(chunks.stream().filter(c -> c.has("prompt_token_ids"))).hasSize(2);
            assertThat(chunks.stream()
                    .filter(c -> c.at("/choices/0/index").asInt() == 1)
                    .map(c -> c.at("/choices/0/delta/content").asText("")))
                    .containsExactly("x", "");
            assertThat(chunks.stream().map(c -> c.at("/choices/0/token_ids").toString())).containsExactlyInAnyOrder("[120]",
                    "[121]", "[]",
                    "[]");
            assertThat(chunks.getLast().at("/usage/completion_tokens").asInt()).isEqualTo(2);
            assertThat(chunks.getLast().at("/usage/prompt_tokens").asInt()).isEqualTo(8);
            assertThat(door.gateway.requests.stream().map(GenerationRequest::sampling))
                    .containsExactly(new Sampling(1, 1, 0, 5), new Sampling(1, 1, 0, 6));
        }
    }

    @Test
    void severalPromptsOfAnyForm() throws Exception {
        try (Door door = new Door()) {
            door.gateway.on(request -> door.gateway.ids(request.promptIds(), false));
            final JsonNode texts = Door.json(door.post("/v1/completions", "{\"prompt\":[\"ab\",\"c\"],\"n\":2}"));
            assertThat(texts.findValuesAsText("text")).containsExactly("ab", "ab", "c", "c");
            assertThat(texts.at("/usage/prompt_tokens").asInt()).isEqualTo(3);
            assertThat(texts.at("/choices/3/finish_reason").asText()).isEqualTo("length");
            final JsonNode ids = Door.json(door.post("/v1/completions", "{\"prompt\":[[97],[98,99]]}"));
            assertThat(ids.findValuesAsText("text")).containsExactly("a", "bc");
            final JsonNode one = Door.json(door.post("/v1/completions", "{\"prompt\":[97,98]}"));
            assertThat(one.findValuesAsText("text")).containsExactly("ab");
        }
    }

    @Test
    void aStopStringCutsTheTextAndCancelsTheSequence() throws Exception {
        try (Door door = new Door()) {
            door.gateway.on(request -> door.gateway.events(
                    Source.<TokenEvent>from(
                            ScriptedGateway.tokens(ByteTokenizer.ids("abcSTOP")))
                            .concat(Source.maybe())));
            final JsonNode answer = Door
                    .json(door.post("/v1/completions", TEXT.formatted(",\"stop\":[\"zz\",\"STOP\"],\"max_tokens\":50")));
            assertThat(answer.at("/choices/0/text").asText()).isEqualTo("abc");
            assertThat(answer.at("/choices/0/finish_reason").asText()).isEqualTo("stop");
            assertThat(answer.at("/usage/completion_tokens").asInt()).isEqualTo(7);
            Waiting.until(() -> door.gateway.running.get() == 0);
        }
    }

    @Test
    void aFailureBeforeTheFirstTokenIsAnHttpError() throws Exception {
        try (Door door = new Door()) {
            door.gateway.on(request -> door.gateway.failing(List.of(), "node_lost", "gone"));
            final HttpResponse<String> response = door.post("/v1/chat/completions", CHAT.formatted(""));
            assertThat(response.statusCode()).isEqualTo(500);
            assertThat(Door.error(response).get("code").asText()).isEqualTo("node_lost");
        }
    }

    @Test
    void aFailureInTheStreamIsANamedEventAndNoEnd() throws Exception {
        try (Door door = new Door()) {
            door.gateway.on(request -> door.gateway.failing(ByteTokenizer.ids("ab"), "node_lost", "node 3 is gone"));
            final String body = door.post("/v1/chat/completions", CHAT.formatted("")).body();
            assertThat(body).endsWith("event: error\ndata: {\"error\":{\"message\":\"node 3 is gone\",\"type\":\"server_error\","
                    + "\"param\":null,\"code\":\"node_lost\"}}\n\n")
                    .doesNotContain("[DONE]")
                    .doesNotContain("finish_reason\":\"");
            assertThat(door.get("/metrics").body()).contains("drover_stream_lost_total{code=\"node_lost\"");
        }
    }

    @Test
    void aFullQueueAndANodeThatIsNotReadySayWhenToComeBack() throws Exception {
        try (Door door = new Door("", Map.of(), false)) {
            final HttpResponse<String> loading = door.post("/v1/completions", TEXT.formatted(""));
            assertThat(loading.statusCode()).isEqualTo(503);
            assertThat(loading.headers().firstValue("retry-after")).contains("1");
            assertThat(Door.error(loading).get("code").asText()).isEqualTo("loading");
            assertThat(door.get("/health").statusCode()).isEqualTo(503);
            assertThat(door.get("/health/ready").statusCode()).isEqualTo(503);
            assertThat(door.get("/health/live").statusCode()).isEqualTo(200);
            door.serve();
            assertThat(door.get("/health").statusCode()).isEqualTo(200);

            door.gateway.on(request -> ScriptedGateway.refused(Reason.QUEUE_FULL, "64 sequences wait", Duration.ofMillis(2500)));
            final HttpResponse<String> full = door.post("/v1/chat/completions", CHAT.formatted(""));
            assertThat(full.statusCode()).isEqualTo(429);
            assertThat(full.headers().firstValue("retry-after")).contains("3");
            assertThat(Door.error(full).get("code").asText()).isEqualTo("queue_full");
            assertThat(Door.error(full).get("message").asText()).isEqualTo("64 sequences wait");

            door.gateway.on(request -> ScriptedGateway.refused(Reason.UNAVAILABLE, "no quorum", Duration.ofSeconds(2)));
            assertThat(door.post("/v1/completions", TEXT.formatted("")).statusCode()).isEqualTo(503);
            door.gateway.on(request -> ScriptedGateway.refused(Reason.TOO_LONG, "500 pages", Duration.ZERO));
            assertThat(Door.error(door.post("/v1/completions", TEXT.formatted(""))).get("code").asText())
                    .isEqualTo("context_length_exceeded");
        }
    }

    @Test
    void oneRefusedChoiceCancelsTheOthers() throws Exception {
        try (Door door = new Door()) {
            door.gateway.on(request -> request.requestId().endsWith("-1")
                    ? ScriptedGateway.refused(Reason.QUEUE_FULL, "full", Duration.ofSeconds(1))
                    : door.gateway.endless('a', Duration.ofMillis(5)));
            assertThat(door.post("/v1/completions", TEXT.formatted(",\"n\":3")).statusCode()).isEqualTo(429);
            Waiting.until(() -> door.gateway.running.get() == 0);
        }
    }

    @Test
    void keysGuardTheApiAndTheAdminRoutesSeparately() throws Exception {
        try (Door door = new Door("drover.http.guard-metrics = true",
                Map.of("DROVER_API_KEY", "user", "DROVER_ADMIN_KEY", "admin"))) {
            door.gateway.on(request -> door.gateway.text("a", true));
            final HttpResponse<String> none = door.post("/v1/completions", TEXT.formatted(""));
            assertThat(none.statusCode()).isEqualTo(401);
            assertThat(Door.error(none).get("code").asText()).isEqualTo("missing_api_key");
            for (final String wrong : List.of("Bearer admin", "Bearer use", "Bearer user2", "Basic user", "user")) {
                final HttpResponse<String> response = door.post("/v1/completions", TEXT.formatted(""), "Authorization", wrong);
                assertThat(response.statusCode()).as(wrong).isEqualTo(401);
                assertThat(Door.error(response).get("code").asText()).isEqualTo("invalid_api_key");
            }
            assertThat(door.post("/v1/completions", TEXT.formatted(""), "Authorization", "bearer user").statusCode())
                    .isEqualTo(200);
            assertThat(door.get("/v1/models").statusCode()).isEqualTo(401);
            assertThat(door.post("/tokenize", "{\"prompt\":\"a\"}").statusCode()).isEqualTo(401);
            assertThat(door.get("/health").statusCode()).isEqualTo(200);
            for (final String path : List.of("/admin/status", "/admin/routing", "/metrics")) {
                assertThat(door.get(path).statusCode()).isEqualTo(401);
                assertThat(door.get(path, "Authorization", "Bearer user").statusCode()).isEqualTo(401);
                assertThat(door.get(path, "Authorization", "Bearer admin").statusCode()).isEqualTo(200);
            }
        }
    }

    @Test
    void adminWithoutAKeyIsForLoopbackOnly() throws Exception {
        try (Door door = new Door("drover.http.interface = \"0.0.0.0\"", Map.of())) {
            assertThat(door.get("/admin/status").statusCode()).isEqualTo(403);
        }
        try (Door door = new Door()) {
            assertThat(Door.json(door.get("/admin/status")).get("nodes").asInt()).isEqualTo(1);
            final HttpResponse<String> refused = door.get("/admin/trace");
            assertThat(refused.statusCode()).isEqualTo(409);
            assertThat(Door.error(refused).get("message").asText()).isEqualTo("a recording runs already");
        }
    }

    @Test
    void adminWithoutAKeyIsNotForPagesOfOthers() throws Exception {
        try (Door door = new Door()) {
            final String own = "http://127.0.0.1:" + door.server.address().getPort();
            assertThat(door.get("/admin/status", "Origin", own).statusCode()).isEqualTo(200);
            for (final String foreign : List.of("https://evil.example", "http://127.0.0.1:1", "null")) {
                final HttpResponse<String> refused = door.post("/admin/drain", "{\"node\":\"b\"}", "Origin", foreign);
                assertThat(refused.statusCode()).as(foreign).isEqualTo(403);
                assertThat(Door.error(refused).get("code").asText()).isEqualTo("foreign_origin");
            }
            assertThat(RawHttp.exchange(door, RawHttp.post("/admin/drain", "{}"))).as("Host: x").startsWith("HTTP/1.1 403");
        }
        try (Door door = new Door("", Map.of("DROVER_ADMIN_KEY", "admin"))) {
            assertThat(door.get("/admin/status", "Origin", "https://ui.example", "Authorization", "Bearer admin").statusCode())
                    .isEqualTo(200);
        }
    }

    @Test
    void theSmallRoutes() throws Exception {
        try (Door door = new Door()) {
            final JsonNode models = Door.json(door.get("/v1/models"));
            assertThat(models.at("/data/0/id").asText()).isEqualTo("bytes");
            assertThat(models.at("/data/0/max_model_len").asInt()).isEqualTo(Door.CONTEXT);
            assertThat(Door.json(door.get("/v1/models/bytes")).get("id").asText()).isEqualTo("bytes");
            assertThat(Door.error(door.get("/v1/models/other")).get("code").asText()).isEqualTo("model_not_found");
            assertThat(Door.json(door.post("/tokenize", "{\"prompt\":\"hé\"}")).get("tokens")).hasToString("[104,195,169]");
            assertThat(Door.json(door.post("/detokenize", "{\"tokens\":[104,195,169]}")).get("prompt").asText()).isEqualTo("hé");
            assertThat(Door.json(door.get("/version")).get("version").asText()).matches("\\d+\\.\\d+.*");
            assertThat(door.get("/ping").statusCode()).isEqualTo(200);
            for (final String path : List.of("/v1/embeddings", "/v1/responses")) {
                assertThat(door.post(path, "{}").statusCode()).isEqualTo(501);
            }
            assertThat(Door.error(door.get("/nowhere")).get("code").asText()).isEqualTo("not_found");
            assertThat(door.get("/v1/completions").statusCode()).isEqualTo(405);
        }
    }

    @Test
    void browsersMayAskFirst() throws Exception {
        try (Door door = new Door("drover.http.cors-origins = [\"https://ui.example\"]", Map.of("DROVER_API_KEY", "k"))) {
            final HttpRequest.Builder preflight = HttpRequest.newBuilder(door.uri("/v1/chat/completions"))
                    .method("OPTIONS",
                            HttpRequest.BodyPublishers.noBody());
            final HttpResponse<String> allowed = door.send(preflight.copy(), "Origin", "https://ui.example",
                    "Access-Control-Request-Headers", "authorization,content-type");
            assertThat(allowed.statusCode()).isEqualTo(204);
            assertThat(allowed.headers().firstValue("access-control-allow-origin")).contains("https://ui.example");
            assertThat(allowed.headers().firstValue("access-control-allow-headers")).contains("authorization, content-type");
            assertThat(door.send(preflight.copy(), "Origin", "https://evil.example")
                    .headers()
                    .firstValue("access-control-allow-origin"))
                    .isEmpty();
            assertThat(
                    door.get("/admin/status", "Origin", "https://ui.example").headers().firstValue("access-control-allow-origin"))
                    .isEmpty();
        }
    }

    @Test
    void aPortInUseIsOneSentence() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            assertThatThrownBy(() -> HttpServer.start(Door.settings("drover.http.port = " + taken.getLocalPort(), Map.of()),
                    new DoorMetrics("m"))).isInstanceOf(IOException.class)
                    .hasMessageContaining("127.0.0.1:" + taken.getLocalPort())
                    .hasMessageContaining("in use");
        }
    }

    @Test
    void aStopLetsStreamsEndAndRefusesNewWork() throws Exception {
        try (Door door = new Door()) {
            door.gateway.on(request -> door.gateway.slowly("abcdefghij", Duration.ofMillis(50)));
            final CompletableFuture<HttpResponse<String>> stream = CompletableFuture.supplyAsync(() -> {
                try {
                    return door.post("/v1/chat/completions", CHAT.formatted(""));
                } catch (final Exception e) {
                    throw new AssertionError(e);
                }
            });
            Waiting.until(() -> door.gateway.running.get() == 1);
            door.stop(Duration.ofSeconds(60));
            assertThat(stream.join().body()).endsWith("data: [DONE]\n\n");
            assertThatThrownBy(() -> door.get("/health")).isInstanceOf(IOException.class);
        }
    }

    @Test
    void aStreamThatOutlastsTheGraceEndsWithAnError() throws Exception {
        try (Door door = new Door()) {
            door.gateway.on(request -> door.gateway.endless('a', Duration.ofMillis(20)));
            final CompletableFuture<HttpResponse<String>> stream = CompletableFuture.supplyAsync(() -> {
                try {
                    return door.post("/v1/chat/completions", CHAT.formatted(""));
                } catch (final Exception e) {
                    throw new AssertionError(e);
                }
            });
            // Its first chunk is on its way.
            Waiting.until(() -> door.get("/metrics")
                    .body()
                    .lines()
                    .anyMatch(line -> line.matches("vllm:generation_tokens_total.* [2-9]\\d.*")));
            door.stop(Duration.ofMillis(100));
            assertThat(stream.join().body()).contains("event: error\n").contains("shutting_down").doesNotContain("[DONE]");
            assertThat(door.gateway.running).hasValue(0);
        }
    }

    @Test
    void promptsThatTakeLongToReadHoldNoStreamUp() throws Exception {
        try (Door door = new Door()) {
            final CountDownLatch read = new CountDownLatch(1);
            door.tokenizer.reader = text -> {
                if (text.equals("slow")) {
                    try {
                        read.await();
                    } catch (final InterruptedException e) {
                        throw new AssertionError(e);
                    }
                }
            };
            door.gateway.on(request -> door.gateway.slowly("abcdefghij", Duration.ofMillis(50)));
            final CompletableFuture<String> stream = sent(door, "/v1/chat/completions", CHAT.formatted(""));
            Waiting.until(() -> door.gateway.running.get() == 1);
            final List<CompletableFuture<String>> slow = IntStream.range(0, 12)
                    .mapToObj(i -> sent(door, "/v1/completions", "{\"prompt\":\"slow\"}"))
                    .toList();
            assertThat(stream.get(60, TimeUnit.SECONDS)).endsWith("data: [DONE]\n\n");
            assertThat(slow).noneMatch(CompletableFuture::isDone);
            assertThat(door.get("/health").statusCode()).isEqualTo(200);
            read.countDown();
            for (final CompletableFuture<String> each : slow) {
                assertThat(each.get(60, TimeUnit.SECONDS)).contains("abcdefghij");
            }
        }
    }

    private static CompletableFuture<String> sent(final Door door, final String path, final String body) {
        return door.client
                .sendAsync(HttpRequest.newBuilder(door.uri(path)).POST(HttpRequest.BodyPublishers.ofString(body)).build(),
                        HttpResponse.BodyHandlers.ofString())
                .thenApply(HttpResponse::body);
    }

    @Test
    void theDeadlineEndsAGeneration() throws Exception {
        try (Door door = new Door("drover.http.generation-deadline = 2s", Map.of())) {
            door.gateway.on(request -> door.gateway.endless('a', Duration.ofMillis(20)));
            assertThat(door.post("/v1/completions", TEXT.formatted("")).statusCode()).isEqualTo(408);
            assertThat(door.post("/v1/chat/completions", CHAT.formatted("")).body()).contains("event: error\n")
                    .contains("deadline_exceeded");
            door.gateway.on(request -> new CompletableFuture<>());
            assertThat(door.post("/v1/completions", TEXT.formatted("")).statusCode()).isEqualTo(408);
            Waiting.until(() -> door.gateway.running.get() == 0);
        }
    }

    @Test
    void aNodeThatIsCutOffRefusesNewRequestsOnly() throws Exception {
        try (Door door = new Door()) {
            door.cutOff = "this node is cut off: of 3 nodes it hears 1, itself included";
            final HttpResponse<String> refused = door.post("/v1/completions", "{\"prompt\": \"a\", \"max_tokens\": 1}");
            assertThat(refused.statusCode()).isEqualTo(503);
            assertThat(refused.headers().firstValue("Retry-After")).isPresent();
            assertThat(refused.body()).contains("it hears 1").contains("cut_off");
            assertThat(door.get("/v1/models").statusCode()).isEqualTo(200);
        }
    }
}
