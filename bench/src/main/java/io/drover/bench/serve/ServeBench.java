package io.drover.bench.serve;

import java.io.IOException;
import java.io.PrintWriter;
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
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code bench serve}: a closed loop of clients against a running server. */
@Command(name = "serve", description = "Loads a running server over HTTP and judges every stream.", mixinStandardHelpOptions = true, footer = {
    "",
    "Each request asks for exactly --max-tokens tokens (ignore_eos), greedily. Exit code 1 if any stream did not end properly.",
    "The API key, if there is one, is taken from DROVER_API_KEY in the environment."})
public final class ServeBench implements Callable<Integer> {
    private static final Duration REQUEST_DEADLINE = Duration.ofMinutes(10);
    private static final int REQUESTS_PER_CLIENT = 4;
    private static final int LEAST_REQUESTS = 16;
    private static final int WARM_UP_SEED_OFFSET = 1_000_003;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Option(names = "--url", defaultValue = "http://127.0.0.1:8080", description = "The server; ${DEFAULT-VALUE} if left out.")
    private String url = "";

    @Option(names = "--concurrency", split = ",", defaultValue = "1,8,32", paramLabel = "C", description = "Clients at once, one level after the other; ${DEFAULT-VALUE} if left out.")
    private List<Integer> levels = List.of();

    @Option(names = "--requests", paramLabel = "N", description = "Requests per level; 4 times the clients, at least 16, if left out.")
    private @Nullable Integer requests;

    @Option(names = "--max-tokens", paramLabel = "M", defaultValue = "64", description = "Tokens per request; ${DEFAULT-VALUE} if left out.")
    private int maxTokens;

    @Option(names = "--warm-up", paramLabel = "N", defaultValue = "8", description = "Requests before the first level, not counted.")
    private int warmUp;

    @Option(names = "--prompts", paramLabel = "FILE", description = "Prompts by topic; those of the embedded model if left out.")
    private @Nullable Path prompts;

    @Option(names = "--seed", defaultValue = "1", description = "Of the choice of prompts; ${DEFAULT-VALUE} if left out.")
    private long seed;

    @Option(names = "--json", paramLabel = "FILE", description = "Writes the figures there too.")
    private @Nullable Path json;

    @Override
    public Integer call() throws IOException, InterruptedException {
        check(levels.stream().allMatch(level -> level >= 1 && level <= 10_000), "--concurrency", levels,
                "numbers from 1 to 10000");
        check(maxTokens >= 1, "--max-tokens", maxTokens, "at least 1");
        check(requests == null || requests >= 1, "--requests", requests, "at least 1");
        final PrintWriter out = spec.commandLine().getOut();
        final Prompts from = Prompts.read(
                prompts == null ? Path.of(System.getProperty("drover.root", "."), "model", "demo", "prompts.json") : prompts);
        final List<LoadLevel> results = new ArrayList<>();
        try (HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
            final LoadLevel before = run(client, from, Math.min(warmUp, 4), warmUp, WARM_UP_SEED_OFFSET);
            if (before.failures() > 0) {
                out.println("warm-up:\n" + before.row());
            }
            out.println(LoadLevel.header());
            for (final int level : levels) {
                final int total = requests == null ? Math.max(LEAST_REQUESTS, REQUESTS_PER_CLIENT * level) : requests;
                final LoadLevel result = run(client, from, level, total, 0);
                out.println(result.row());
                out.flush();
                results.add(result);
            }
        }
        if (json != null) {
            Files.writeString(json, report(results).toPrettyString() + "\n");
        }
        return results.stream().allMatch(result -> result.failures() == 0) ? 0 : 1;
    }

    private LoadLevel run(final HttpClient client, final Prompts from, final int clients, final int total, final int offset)
            throws InterruptedException {
        final LoadLevel level = new LoadLevel(clients);
        final AtomicInteger next = new AtomicInteger();
        final long startNs = System.nanoTime();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            final List<Future<?>> running = new ArrayList<>();
            for (int i = 0; i < clients; i++) {
                running.add(threads.submit(() -> {
                    for (int index = next.getAndIncrement(); index < total; index = next.getAndIncrement()) {
                        one(client, from.pick(seed + offset, index, maxTokens), level);
                    }
                }));
            }
            for (final Future<?> each : running) {
                each.get();
            }
        } catch (final ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        }
        level.took(System.nanoTime() - startNs);
        return level;
    }

    private void one(final HttpClient client, final Prompts.Request request, final LoadLevel level) {
        final HttpRequest.Builder post = HttpRequest.newBuilder(URI.create(url.replaceAll("/+$", "") + request.path()))
                .timeout(REQUEST_DEADLINE)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(request.body(), StandardCharsets.UTF_8));
        final String key = System.getenv("DROVER_API_KEY");
        if (key != null && !key.isBlank()) {
            post.header("Authorization", "Bearer " + key.strip());
        }
        final StreamJudge judge = new StreamJudge(System.nanoTime());
        try {
            final HttpResponse<Stream<String>> response = client.send(post.build(), HttpResponse.BodyHandlers.ofLines());
            if (response.statusCode() != 200) {
                try (Stream<String> lines = response.body()) {
                    level.failed("status " + response.statusCode() + ": " + String.join(" ", lines.toList()));
                }
                return;
            }
            try (Stream<String> lines = response.body()) {
                lines.forEach(line -> judge.on(line, System.nanoTime()));
            } catch (final RuntimeException e) {
                judge.broken(String.valueOf(e.getMessage()));
            }
        } catch (final IOException e) {
            judge.broken(e.getClass().getSimpleName() + " " + e.getMessage());
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            judge.broken("interrupted");
        }
        level.add(judge);
    }

    private ObjectNode report(final List<LoadLevel> results) {
        final ObjectNode report = new ObjectMapper().createObjectNode();
        report.put("url", url)
                .put("max_tokens", maxTokens)
                .put("seed", seed)
                .put("processors", Runtime.getRuntime().availableProcessors())
                .put("java", Runtime.version().toString());
        final var array = report.putArray("levels");
        results.forEach(result -> array.add(result.json()));
        return report;
    }

    private void check(final boolean holds, final String option, final @Nullable Object value, final String expected) {
        if (!holds) {
            throw new ParameterException(spec.commandLine(), option + " is " + value + "; expected " + expected);
        }
    }
}
