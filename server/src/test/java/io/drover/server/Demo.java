package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** The embedded model's known answers, and a judge that asks a server for them. */
final class Demo {
    static final Path DIRECTORY = Path.of(System.getProperty("drover.root"), "model", "demo");
    private static final Duration DEADLINE = Duration.ofSeconds(120);

    private Demo() {}

    /** A prompt as ids and the greedy ids that follow, computed elsewhere in float64. */
    record Case(List<Integer> promptIds, List<Integer> greedyIds, String prompt) {}

    static List<Case> cases() throws IOException {
        final List<Case> cases = new ArrayList<>();
        for (final JsonNode one : RequestReader.JSON.readTree(DIRECTORY.resolve("expected.json").toFile()).get("cases")) {
            cases.add(new Case(ids(one.get("prompt_ids")), ids(one.get("greedy_ids")), one.path("prompt").asText()));
        }
        return cases;
    }

    /** Each case, at most {@code inFlight} at once, half of them streamed: the ids must be the known ones. */
    static void judge(final String url, final List<Case> cases, final int inFlight) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient(); ExecutorService threads = Executors.newFixedThreadPool(inFlight)) {
            final List<Future<List<Integer>>> answers = new ArrayList<>();
            for (int i = 0; i < cases.size(); i++) {
                final Case one = cases.get(i);
                final boolean stream = i % 2 == 0;
                answers.add(threads.submit(() -> ask(client, url, one, stream)));
            }
            for (int i = 0; i < cases.size(); i++) {
                assertThat(answer(answers.get(i))).as("case %d with %d in flight", i, inFlight)
                        .isEqualTo(cases.get(i).greedyIds());
            }
        }
    }

    private static List<Integer> answer(final Future<List<Integer>> answer) throws InterruptedException {
        try {
            return answer.get();
        } catch (final ExecutionException e) {
            throw new AssertionError(e.getCause());
        }
    }

    private static List<Integer> ask(final HttpClient client, final String url, final Case one, final boolean stream)
            throws Exception {
        final ObjectNode body = RequestReader.JSON.createObjectNode()
                .put("max_tokens", one.greedyIds().size())
                .put("temperature", 0)
                .put("ignore_eos", true)
                .put("return_token_ids", true)
                .put("stream", stream);
        one.promptIds().forEach(body.putArray("prompt")::add);
        final HttpResponse<String> response = client.send(HttpRequest.newBuilder(URI.create(url + "/v1/completions"))
                .timeout(DEADLINE)
                .POST(HttpRequest.BodyPublishers.ofString(body.toString()))
                .build(), HttpResponse.BodyHandlers.ofString());
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        if (!stream) {
            return ids(RequestReader.JSON.readTree(response.body()).at("/choices/0/token_ids"));
        }
        final List<Integer> ids = new ArrayList<>();
        for (final JsonNode chunk : Sse.chunks(response.body())) {
            ids.addAll(ids(chunk.at("/choices/0/token_ids")));
        }
        return ids;
    }

    private static List<Integer> ids(final JsonNode array) {
        final List<Integer> ids = new ArrayList<>();
        array.forEach(id -> ids.add(id.intValue()));
        return ids;
    }
}
