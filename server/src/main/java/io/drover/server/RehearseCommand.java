package io.drover.server;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/**
 * {@code rehearse}: a small cluster serves itself some requests, empties a node, and ends. A JVM with {@code -XX:AOTCacheOutput} records
 * meanwhile which classes are needed and what their methods do (JEP 483, 514 and 515), so that a node that is started later, beside
 * others that serve, neither loads classes for seconds nor interprets its first tokens. The {@code drover} script does this after a build.
 */
@Command(name = "rehearse", hidden = true, description = "Serves itself some requests and ends.", mixinStandardHelpOptions = true)
final class RehearseCommand implements Callable<Integer> {
    private static final int NODES = 3;
    private static final int CLIENTS = 6;
    private static final int REQUESTS = 4;
    private static final List<String> QUESTIONS = List.of("I would like to order a pizza.", "Tell me a story.",
            "What is the capital of France, and why do people like to go there in spring?", "Count to ten.");
    private static final List<String> SHAPES = List.of("/chat/completions {\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}],"
            + "\"max_tokens\":48,\"temperature\":0,\"stream\":true,\"stream_options\":{\"include_usage\":true}}",
            "/completions {\"prompt\":\"%s\",\"max_tokens\":48,\"temperature\":0}",
            "/chat/completions {\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}],\"max_tokens\":48,\"seed\":7,"
                    + "\"temperature\":0.8,\"top_p\":0.9,\"stop\":[\"\\n\\n\\n\"],\"stream\":true}");

    @Mixin
    private NodeOptions options = new NodeOptions();

    private final Console console;
    private final Termination termination;

    RehearseCommand(final Console console, final Termination termination) {
        this.console = console;
        this.termination = termination;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        final Config overlay = ConfigFactory.parseMap(Map.of("drover.http.port", 0, "drover.http.interface", "127.0.0.1"))
                .withFallback(options.overlay());
        try (ExecutorService stage = Executors.newVirtualThreadPerTaskExecutor()) {
            final List<Future<Integer>> acts = new ArrayList<>();
            final int served = new Served(overlay, console, termination).run(
                    progress -> HostedNodes.cluster(overlay, NODES, progress), url -> acts.add(stage.submit(() -> perform(url))));
            return served == 0 && !acts.isEmpty() ? acts.getFirst().get() : 1;
        } catch (final ExecutionException e) {
            throw new IOException("the rehearsal broke off: " + e.getCause().getMessage(), e);
        }
    }

    private int perform(final URI url) throws Exception {
        try (HttpClient http = HttpClient.newHttpClient();
                ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            final List<Callable<Void>> all = IntStream.range(0, CLIENTS).<Callable<Void>>mapToObj(client -> () -> {
                for (int i = 0; i < REQUESTS; i++) {
                    ask(http, url, client + i);
                }
                return null;
            }).toList();
            for (final Future<Void> client : clients.invokeAll(all)) {
                client.get();
            }
            return Main.run(new String[]{"drain", "node-" + NODES, "--url", url.toString()}, System.out, System.err, termination);
        } finally {
            termination.request();
        }
    }

    private static void ask(final HttpClient http, final URI url, final int number) throws IOException, InterruptedException {
        final String[] shape = SHAPES.get(number % SHAPES.size()).split(" ", 2);
        final HttpRequest request = HttpRequest.newBuilder(url.resolve("/v1" + shape[0]))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(shape[1].formatted(QUESTIONS.get(number % QUESTIONS.size()))))
                .build();
        final HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new IOException("status " + answer.statusCode() + ": " + answer.body());
        }
    }
}
