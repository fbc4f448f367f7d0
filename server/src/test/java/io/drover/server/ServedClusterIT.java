package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import com.fasterxml.jackson.databind.JsonNode;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;

/** The command {@code serve} as users run it, three nodes in this process: real model, real cluster, real frames. */
final class ServedClusterIT {
    private static final Termination END = new Termination(false);
    private static final ByteArrayOutputStream OUT = new ByteArrayOutputStream();
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static CompletableFuture<Integer> command = new CompletableFuture<>();
    private static int port;

    @BeforeAll
    static void serve() throws Exception {
        port = freePort();
        final PrintStream out = new PrintStream(OUT, true, StandardCharsets.UTF_8);
        command = CompletableFuture
                .supplyAsync(() -> Main.run(new String[]{"serve", "--nodes", "3", "--port", String.valueOf(port)}, out,
                        out, END), task -> new Thread(task, "serve").start());
        Waiting.until(Duration.ofSeconds(240), () -> command.isDone() || text().contains("drover: ready: "));
        assertThat(text()).contains("drover: ready: 'demo' on 3 nodes at http://127.0.0.1:" + port)
                .contains("curl -N http://127.0.0.1:" + port);
    }

    /** The end that a signal asks for: what streams ends properly first. */
    @AfterAll
    static void stop() throws Exception {
        final String body = "{\"prompt\":\"Once upon a time\",\"max_tokens\":400,\"ignore_eos\":true,\"stream\":true}";
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.getOutputStream()
                    .write(RawHttp.post("/v1/completions", body, "Connection: close\r\n").getBytes(StandardCharsets.UTF_8));
            assertThat(RawHttp.read(socket, 64)).startsWith("HTTP/1.1 200");
            END.request();
            assertThat(RawHttp.read(socket, Integer.MAX_VALUE)).contains("data: [DONE]\n\n");
        }
        assertThat(command.get(60, TimeUnit.SECONDS)).as(text()).isZero();
        assertThat(text()).contains("stopping; 1 requests in flight may end");
    }

    @Test
    void theIdsAreTheKnownOnesAloneAndWith32InFlight() throws Exception {
        final List<Demo.Case> cases = Demo.cases();
        Demo.judge(url(), cases.subList(0, 3), 1);
        Demo.judge(url(), cases, 32);
    }

    @Test
    void anUnmodifiedClientLibraryStreamsReadsUsageAndErrors() {
        final OpenAIClient client = OpenAIOkHttpClient.builder().baseUrl(url() + "/v1").apiKey("none").maxRetries(0).build();
        final ChatCompletionCreateParams.Builder chat = ChatCompletionCreateParams.builder()
                .model("demo")
                .addUserMessage("Can I please have a mocha?")
                .temperature(0)
                .maxCompletionTokens(12);
        final ChatCompletion whole = client.chat().completions().create(chat.build());
        whole.validate();
        final String text = whole.choices().getFirst().message().content().orElseThrow();
        assertThat(text).isNotBlank();
        try (StreamResponse<ChatCompletionChunk> stream = client.chat()
                .completions()
                .createStreaming(chat.streamOptions(ChatCompletionStreamOptions.builder().includeUsage(true).build()).build())) {
            final List<ChatCompletionChunk> chunks = stream.stream().toList();
            chunks.forEach(ChatCompletionChunk::validate);
            assertThat(chunks.stream()
                    .flatMap(chunk -> chunk.choices().stream())
                    .map(choice -> choice.delta().content().orElse(""))
                    .collect(Collectors.joining())).isEqualTo(text);
            assertThat(chunks.getLast().usage().orElseThrow().completionTokens())
                    .isEqualTo(whole.usage().orElseThrow().completionTokens());
        }
        assertThatThrownBy(() -> client.chat().completions().create(chat.maxCompletionTokens(5000).build()))
                .isInstanceOf(BadRequestException.class)
                .hasMessageContaining("1024")
                .hasMessageContaining("5000");
        client.close();
    }

    @Test
    void seededSamplingRepeatsAndAStopStringCuts() throws Exception {
        final String sampled = "{\"prompt\":\"Once upon a time\",\"max_tokens\":24,\"temperature\":1.2,\"top_p\":0.9,\"top_k\":50,\"seed\":7}";
        final String text = post(sampled).at("/choices/0/text").asText();
        assertThat(post(sampled).at("/choices/0/text").asText()).isEqualTo(text);
        assertThat(post(sampled.replace("\"seed\":7", "\"seed\":8")).at("/choices/0/text").asText()).isNotEqualTo(text);
        final String stop = text.substring(10, 14);
        final JsonNode cut = post(
                sampled.replace("{\"prompt\"", "{\"stop\":" + RequestReader.JSON.writeValueAsString(stop) + ",\"prompt\""));
        assertThat(cut.at("/choices/0/text").asText()).isEqualTo(text.substring(0, text.indexOf(stop)));
        assertThat(cut.at("/choices/0/finish_reason").asText()).isEqualTo("stop");
    }

    @Test
    void aClientThatGoesFreesItsPagesWithinASecond() throws Exception {
        Waiting.until(() -> usedPages() == 0);
        final String body = "{\"prompt\":\"Once upon a time\",\"max_tokens\":1000,\"ignore_eos\":true,\"stream\":true}";
        Waiting.withinASecond(() -> {
            final Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
            socket.getOutputStream().write(RawHttp.post("/v1/completions", body).getBytes(StandardCharsets.UTF_8));
            assertThat(RawHttp.read(socket, 64)).startsWith("HTTP/1.1 200");
            Waiting.until(() -> usedPages() > 0);
            return socket;
        }, () -> usedPages() == 0);
    }

    /** The gates' choices arrive at the coordinator with the next reports, and every layer's shares add up. */
    @Test
    void routingTellsLoadsPairsAndPlacementOfTheWholeCluster() throws Exception {
        post("{\"prompt\":\"Once upon a time\",\"max_tokens\":64,\"ignore_eos\":true}");
        Waiting.until(Duration.ofSeconds(60), () -> routing().path("nodes").asInt() == 3
                && routing().path("positions").asDouble() > 1);
        final JsonNode routing = routing();
        assertThat(routing.path("scope").asText()).isEqualTo("cluster");
        assertThat(routing.path("devices").findValuesAsText("node")).containsExactlyInAnyOrder("node-1", "node-2", "node-3");
        assertThat(routing.path("balancedness").asDouble()).isBetween(1 / 3.0, 1.0);
        assertThat(routing.path("layers")).hasSize(8);
        for (final JsonNode layer : routing.path("layers")) {
            double calls = 0;
            for (final JsonNode expert : layer.path("calls")) {
                calls += expert.asDouble();
            }
            assertThat(calls).isCloseTo(2 * routing.path("positions").asDouble(), within(0.5));
            assertThat(layer.path("replicas")).hasSize(16).allMatch(replicas -> replicas.size() >= 1);
            assertThat(layer.path("coactivation").size()).isBetween(1, 16);
            assertThat(layer.path("imbalance").asDouble()).isBetween(1.0, 3.0);
        }
        assertThat(routing.at("/layers/0/transitions").size()).isBetween(1, 16);
    }

    /** What is recorded is what was counted, every accepted position once, and the lab reads it. */
    @Test
    void recordsLiveTrafficForThePlanner() throws Exception {
        Waiting.until(() -> usedPages() == 0);
        final long before = expertCalls();
        final Path directory = Files.createTempDirectory("drover-record").resolve("trace");
        final ByteArrayOutputStream out = new ByteArrayOutputStream();
        final PrintStream print = new PrintStream(out, true, StandardCharsets.UTF_8);
        final Termination end = new Termination(false);
        final CompletableFuture<Integer> recording = CompletableFuture.supplyAsync(
                () -> Main.run(new String[]{"record", directory.toString(), "--url", url()}, print, print, end),
                task -> new Thread(task, "record").start());
        Waiting.until(Duration.ofSeconds(60),
                () -> recording.isDone() || out.toString(StandardCharsets.UTF_8).contains("recording"));
        assertThat(recording).as(out.toString(StandardCharsets.UTF_8)).isNotDone();
        assertThat(HTTP.send(HttpRequest.newBuilder(URI.create(url() + "/admin/trace")).build(),
                HttpResponse.BodyHandlers.ofString()).statusCode()).as("a second recording").isEqualTo(409);
        for (int i = 0; i < 6; i++) {
            post("{\"prompt\":\"Once upon a time %d\",\"max_tokens\":40,\"ignore_eos\":true}".formatted(i));
        }
        Waiting.until(() -> usedPages() == 0);
        end.request();
        assertThat(recording.get(60, TimeUnit.SECONDS)).as(out.toString(StandardCharsets.UTF_8)).isZero();
        final List<String> lines = Files.readAllLines(directory.resolve("trace.jsonl"));
        assertThat(lines.getFirst())
                .isEqualTo("{\"drover_trace\":1,\"model\":\"demo\",\"layers\":8,\"experts\":16,\"top_k\":2}");
        long recorded = 0;
        for (final String line : lines.subList(1, lines.size())) {
            recorded += RequestReader.JSON.readTree(line).path("experts").size() * 8L * 2;
        }
        final long all = recorded;
        Waiting.until(Duration.ofSeconds(30), () -> expertCalls() - before == all);
        assertThat(all).isGreaterThan(6 * 40 * 16);
        final int planned = Main.run(new String[]{"plan", "--trace", directory.toString(), "--devices", "2", "--policy",
            "contiguous,eplb", "--mode", "home"}, print, print, new Termination(false));
        assertThat(planned).as(out.toString(StandardCharsets.UTF_8)).isZero();
    }

    /** A trace that cannot be written ends the command with a sentence, and the recording with it. */
    @Test
    void aFullDiskEndsARecording() throws Exception {
        final Path directory = Files.createTempDirectory("drover-record");
        Files.createSymbolicLink(directory.resolve("trace.jsonl.part"), Path.of("/dev/full"));
        final ByteArrayOutputStream out = new ByteArrayOutputStream();
        final PrintStream print = new PrintStream(out, true, StandardCharsets.UTF_8);
        final CompletableFuture<Integer> recording = CompletableFuture.supplyAsync(
                () -> Main.run(new String[]{"record", directory.toString(), "--url", url()}, print, print,
                        new Termination(false)),
                task -> new Thread(task, "record").start());
        Waiting.until(Duration.ofSeconds(60), () -> {
            post("{\"prompt\":\"Once upon a time\",\"max_tokens\":40,\"ignore_eos\":true}");
            return recording.isDone();
        });
        assertThat(recording.get(60, TimeUnit.SECONDS)).isEqualTo(1);
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("cannot write " + directory.resolve("trace.jsonl.part") + ": ");
        Waiting.until(Duration.ofSeconds(30), () -> {
            try (Socket again = new Socket(InetAddress.getLoopbackAddress(), port)) {
                again.getOutputStream()
                        .write("GET /admin/trace HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.UTF_8));
                return RawHttp.read(again, 12).startsWith("HTTP/1.1 200");
            }
        });
    }

    /** Experts go and come back while all 64 cases are in flight, and not a token changes. */
    @Test
    void operatorsMoveExpertsAndDrainNodesUnderLoad() throws Exception {
        assertThat(command("rebalance", "off")).contains("forbidden");
        Waiting.until(Duration.ofSeconds(30), () -> RequestReader.JSON.readTree(get("/admin/moves")).path("idle").asBoolean());
        final int[] absent = absent("node-3");
        final String layer = String.valueOf(absent[0]);
        final String expert = String.valueOf(absent[1]);
        final String name = "L" + layer + "/E" + expert;
        final CompletableFuture<Void> load = CompletableFuture.runAsync(() -> {
            try {
                Demo.judge(url(), Demo.cases(), 16);
            } catch (final Exception e) {
                throw new IllegalStateException(e);
            }
        }, task -> new Thread(task, "load").start());
        assertThat(command("move", layer, expert, "node-3", "--from", "none")).contains("move " + name + " to node-3")
                .contains("done  1 of 1");
        assertThat(command("move", layer, expert, "none", "--from", "node-3")).contains("move " + name + " from node-3")
                .contains("done  1 of 1");
        assertThat(replicas("node-2")).isPositive();
        assertThat(command("drain", "node-2")).contains("drain node-2").containsPattern("done {2}(\\d+) of \\1");
        // What status tells of a node is as old as the coordinator's last answer.
        Waiting.until(Duration.ofSeconds(30), () -> replicas("node-2") == 0);
        load.get(120, TimeUnit.SECONDS);
        assertThat(command("moves", "--last", "500")).contains("operator").contains("drain").contains(name);
        assertThat(refused("move", "0", "99", "node-1")).contains("answers 409: there is no expert L0/E99");
        assertThat(refused("move", "0", "1", "node-9"))
                .contains("there is no node 'node-9'; the nodes are [node-");
        assertThat(refused("drain", "node-9")).contains("there is no node 'node-9'");
        assertThat(refused("moves", "--cancel", "op-1")).contains("there is no operation 'op-1'");
        assertThat(command("rebalance", "on")).contains("allowed");
    }

    /** Layer and number of an expert that the node does not have: routing may have brought it any. */
    private static int[] absent(final String node) throws Exception {
        final JsonNode routing = RequestReader.JSON.readTree(get("/admin/routing"));
        int own = -1;
        for (final JsonNode device : routing.path("devices")) {
            own = device.path("node").asText().equals(node) ? device.path("device").asInt() : own;
        }
        for (final JsonNode layer : routing.path("layers")) {
            for (int expert = 0; expert < layer.path("replicas").size(); expert++) {
                boolean here = false;
                for (final JsonNode device : layer.path("replicas").get(expert)) {
                    here |= device.asInt() == own;
                }
                if (!here) {
                    return new int[]{layer.path("layer").asInt(), expert};
                }
            }
        }
        throw new AssertionError(node + " has all experts: " + routing);
    }

    private static int replicas(final String node) throws Exception {
        final JsonNode status = RequestReader.JSON.readTree(get("/admin/status"));
        for (final JsonNode each : status.path("nodes")) {
            if (each.path("name").asText().equals(node)) {
                return each.path("replicas").asInt();
            }
        }
        throw new AssertionError(node + " is not in " + status);
    }

    private static String command(final String... words) {
        final ByteArrayOutputStream out = new ByteArrayOutputStream();
        assertThat(run(out, words)).as(out.toString(StandardCharsets.UTF_8)).isZero();
        return out.toString(StandardCharsets.UTF_8);
    }

    private static String refused(final String... words) {
        final ByteArrayOutputStream out = new ByteArrayOutputStream();
        assertThat(run(out, words)).isEqualTo(1);
        return out.toString(StandardCharsets.UTF_8);
    }

    private static int run(final ByteArrayOutputStream out, final String... words) {
        final PrintStream print = new PrintStream(out, true, StandardCharsets.UTF_8);
        final List<String> line = new ArrayList<>(List.of(words));
        line.addAll(List.of("--url", url()));
        return Main.run(line.toArray(String[]::new), print, print, new Termination(false));
    }

    private static long expertCalls() throws Exception {
        return HTTP.send(HttpRequest.newBuilder(URI.create(url() + "/metrics")).build(), HttpResponse.BodyHandlers.ofString())
                .body()
                .lines()
                .filter(line -> line.startsWith("drover_routing_expert_calls_total"))
                .mapToLong(line -> (long) Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                .sum();
    }

    private static JsonNode routing() throws Exception {
        return RequestReader.JSON.readTree(HTTP.send(HttpRequest.newBuilder(URI.create(url() + "/admin/routing")).build(),
                HttpResponse.BodyHandlers.ofString()).body());
    }

    @Test
    void statusAndMetricsTellOfAllNodes() throws Exception {
        final ByteArrayOutputStream out = new ByteArrayOutputStream();
        final PrintStream print = new PrintStream(out, true, StandardCharsets.UTF_8);
        assertThat(Main.run(new String[]{"status", "--url", url()}, print, print, new Termination(false))).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8)).startsWith("ready  model demo")
                .contains("node-1")
                .contains("node-2")
                .contains("node-3")
                .contains("serving");
        assertThat(get("/metrics")).contains("drover_engine_experts{engine=\"0\",model_name=\"demo\",node=\"node-3\"}")
                .contains("vllm:num_requests_running")
                .contains("vllm:time_to_first_token_seconds_bucket");
    }

    private static double usedPages() throws Exception {
        return get("/metrics").lines()
                .filter(line -> line.startsWith("drover_kv_cache_usage_perc{"))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' '))))
                .sum();
    }

    private static JsonNode post(final String body) throws Exception {
        final HttpResponse<String> response = HTTP.send(HttpRequest.newBuilder(URI.create(url() + "/v1/completions"))
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build(), HttpResponse.BodyHandlers.ofString());
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return RequestReader.JSON.readTree(response.body());
    }

    private static String get(final String path) throws Exception {
        return HTTP.send(HttpRequest.newBuilder(URI.create(url() + path)).build(), HttpResponse.BodyHandlers.ofString()).body();
    }

    private static String url() {
        return "http://127.0.0.1:" + port;
    }

    private static String text() {
        return OUT.toString(StandardCharsets.UTF_8);
    }

    static int freePort() throws java.io.IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
