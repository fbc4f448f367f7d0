package io.drover.bench.exact;

import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import io.drover.model.ReferenceForward;
import io.drover.model.StorageType;
import io.drover.model.checkpoint.Checkpoint;

/**
 * Sends the cases of a model's {@code expected.json} to a server as token ids, streams the answers, and compares every token id
 * with what {@link ReferenceForward} computes for the same wire and KV types; with float32 also with the expected ids.
 *
 * <pre>{@code
 * ./drover bench exact --url http://127.0.0.1:8080[,http://…] [--model DIR] [--wire float32] [--kv float32]
 *                      [--concurrency 1,32] [--cases 64]
 * }</pre>
 *
 * Ends with 1 if any answer differs or does not end properly.
 */
public final class ExactCheck {
    private static final ObjectMapper JSON = new ObjectMapper();

    private record Case(int[] prompt, int[] expected) {}

    private final List<String> urls;
    private final List<Case> cases;
    private final HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();

    private ExactCheck(final List<String> urls, final List<Case> cases) {
        this.urls = urls;
        this.cases = cases;
    }

    /** Returns the exit code. */
    public static int run(final String[] arguments, final PrintStream out) throws Exception {
        final Map<String, String> options = options(arguments);
        final Path model = Path.of(options.get("--model"));
        final StorageType wire = StorageType.of(options.get("--wire"));
        final StorageType kv = StorageType.of(options.get("--kv"));
        final List<Case> cases = cases(model, wire, kv, Integer.parseInt(options.get("--cases")), out);
        final ExactCheck check = new ExactCheck(List.of(options.get("--url").split(",")), cases);
        int different = 0;
        for (final String concurrency : options.get("--concurrency").split(",")) {
            different += check.round(Integer.parseInt(concurrency), out);
        }
        return different == 0 ? 0 : 1;
    }

    private static Map<String, String> options(final String[] arguments) {
        final Map<String, String> options = new HashMap<>(Map.of("--url", "http://127.0.0.1:8080", "--model", "model/demo",
                "--wire", "float32", "--kv", "float32", "--concurrency", "1,32", "--cases", "64"));
        for (int i = 0; i < arguments.length; i += 2) {
            if (!options.containsKey(arguments[i]) || i + 1 == arguments.length) {
                throw new IllegalArgumentException("unknown or incomplete option '" + arguments[i] + "'; expected one of "
                        + options.keySet().stream().sorted().toList() + " with a value");
            }
            options.put(arguments[i], arguments[i + 1]);
        }
        return options;
    }

    /** The prompts, with the ids that the oracle computes; with float32 these must be the file's own. */
    private static List<Case> cases(final Path model, final StorageType wire, final StorageType kv, final int limit,
            final PrintStream out) throws IOException {
        final JsonNode all = JSON.readTree(model.resolve("expected.json").toFile()).get("cases");
        final List<Case> cases = new ArrayList<>();
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            final ReferenceForward oracle = new ReferenceForward(checkpoint, wire, kv);
            int sameAsFile = 0;
            for (int i = 0; i < Math.min(limit, all.size()); i++) {
                final int[] prompt = ids(all.get(i).get("prompt_ids"));
                final int[] file = ids(all.get(i).get("greedy_ids"));
                final int[] computed = oracle.greedy(prompt, file.length);
                sameAsFile += Arrays.equals(computed, file) ? 1 : 0;
                cases.add(new Case(prompt, computed));
            }
            out.printf("oracle: %d of %d cases equal expected.json (wire %s, kv %s)%n", sameAsFile, cases.size(), wire.label(),
                    kv.label());
            if (wire == StorageType.FLOAT32 && kv == StorageType.FLOAT32 && sameAsFile < cases.size()) {
                throw new IllegalStateException("the oracle itself differs from expected.json");
            }
        }
        return cases;
    }

    private static int[] ids(final JsonNode array) {
        final int[] ids = new int[array.size()];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = array.get(i).asInt();
        }
        return ids;
    }

    private int round(final int concurrency, final PrintStream out) throws Exception {
        final long startNs = System.nanoTime();
        int equal = 0;
        int tokens = 0;
        try (ExecutorService clients = Executors.newFixedThreadPool(concurrency)) {
            final List<Future<int[]>> answers = new ArrayList<>();
            for (int i = 0; i < cases.size(); i++) {
                final int index = i;
                answers.add(clients.submit(() -> generate(urls.get(index % urls.size()), cases.get(index))));
            }
            for (int i = 0; i < cases.size(); i++) {
                final int[] answer = answers.get(i).get();
                tokens += answer.length;
                if (Arrays.equals(answer, cases.get(i).expected())) {
                    equal++;
                } else {
                    out.println("case " + i + ": expected " + Arrays.toString(cases.get(i).expected()) + ", got "
                            + Arrays.toString(answer));
                }
            }
        }
        out.printf("concurrency %d: %d of %d equal, %.0f tokens/s%n", concurrency, equal, cases.size(),
                tokens * 1e9 / (System.nanoTime() - startNs));
        return cases.size() - equal;
    }

    private int[] generate(final String url, final Case each) throws IOException, InterruptedException {
        final String body = JSON.writeValueAsString(Map.of("model", modelName(url), "prompt", each.prompt(), "max_tokens",
                each.expected().length, "temperature", 0, "ignore_eos", true, "return_token_ids", true, "stream", true));
        final HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/v1/completions"))
                .header("Content-Type", "application/json")
                .timeout(Duration.ofMinutes(5))
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
        final HttpResponse<Stream<String>> response = client.send(request, HttpResponse.BodyHandlers.ofLines());
        final List<String> lines;
        try (Stream<String> stream = response.body()) {
            lines = stream.filter(line -> line.startsWith("data: ")).map(line -> line.substring("data: ".length())).toList();
        }
        if (response.statusCode() != 200 || lines.isEmpty() || !"[DONE]".equals(lines.getLast())) {
            throw new IOException("status " + response.statusCode() + ", the stream ended with "
                    + (lines.isEmpty() ? "nothing" : lines.getLast()));
        }
        final List<Integer> ids = new ArrayList<>();
        for (final String line : lines.subList(0, lines.size() - 1)) {
            JSON.readTree(line).at("/choices/0/token_ids").forEach(id -> ids.add(id.asInt()));
        }
        return ids.stream().mapToInt(Integer::intValue).toArray();
    }

    private String modelName(final String url) throws IOException, InterruptedException {
        final HttpResponse<String> models = client.send(HttpRequest.newBuilder(URI.create(url + "/v1/models")).build(),
                HttpResponse.BodyHandlers.ofString());
        return JSON.readTree(models.body()).at("/data/0/id").asText();
    }
}
