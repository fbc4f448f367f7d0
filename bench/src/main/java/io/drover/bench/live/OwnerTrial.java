package io.drover.bench.live;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.IntConsumer;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/**
 * The home of one request is killed after each of its tokens in turn; the bodies must be equal, byte for byte but for id and time. The
 * request is sampled with a seed, its text is not all ASCII, and its stop string begins at every word. A long stream keeps the gateway
 * from being the home: of nodes with as few sequences it is the first choice, and then those in the order of their ids.
 */
final class OwnerTrial implements LiveBench.Trial {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int TOKENS = 200;
    private static final int OWNER = 1;
    private static final int TRIES = 3;

    private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    @Override
    public int run(final LiveBench bench) throws Exception {
        int equal = 0;
        int tried = 0;
        double fenced = 0;
        // Plain kernels give the same bits, and time to act between two tokens.
        try (LiveCluster cluster = bench.cluster(bench.nodes, "drover.engine.kernels = plain")) {
            final String gateway = cluster.url(bench.nodes);
            final String model = cluster.get(bench.nodes, "/v1/models").at("/data/0/id").asText();
            final String control = body(gateway, request(model, TOKENS), token -> {});
            bench.say("%d characters, of which %d are not ASCII", text(control).length(),
                    text(control).chars().filter(c -> c > 127).count());
            final List<Integer> different = new ArrayList<>();
            for (int i = 0; i < bench.count; i++) {
                final int after = 1 + (int) ((long) i * TOKENS / bench.count);
                String body = "";
                boolean moved = false;
                for (int attempt = 0; !moved && attempt < TRIES; attempt++) {
                    final double before = cluster.metric(bench.nodes, "drover_engine_takeovers_total");
                    body = killed(cluster, gateway, model, after);
                    bench.pause(0.5);
                    moved = cluster.metric(bench.nodes, "drover_engine_takeovers_total") > before || after == TOKENS;
                    cluster.start(OWNER);
                    cluster.awaitWhole();
                }
                tried += moved ? 1 : 0;
                if (moved && body.equals(control)) {
                    equal++;
                } else {
                    different.add(after);
                }
            }
            fenced = cluster.metric(bench.nodes, "drover_engine_fenced_messages_total");
            bench.say(
                    "home killed after a token: %d kills, %d bodies equal byte for byte; not equal or not killed in time after tokens %s",
                    tried, equal, different);
        }
        bench.say("messages of former homes that were fenced off: %.0f", fenced);
        return bench.count - equal;
    }

    private String killed(final LiveCluster cluster, final String gateway, final String model, final int after) throws Exception {
        final CompletableFuture<Void> begun = new CompletableFuture<>();
        final CompletableFuture<Void> over = new CompletableFuture<>();
        final Thread beside = Thread.ofPlatform().daemon().start(() -> {
            try {
                body(gateway, Map.of("model", model, "prompt", "a", "max_tokens", 900, "ignore_eos", true, "stream", true),
                        token -> {
                            begun.complete(null);
                            if (over.isDone()) {
                                throw new IllegalStateException("enough");
                            }
                        });
            } catch (final IOException | IllegalStateException expected) {
                // It is given up when the other one has ended.
            } finally {
                begun.complete(null);
            }
        });
        begun.join();
        try {
            return body(gateway, request(model, TOKENS), token -> {
                if (token == after) {
                    try {
                        cluster.kill(OWNER);
                    } catch (final InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                }
            });
        } finally {
            over.complete(null);
            beside.join();
        }
    }

    private static Map<String, Object> request(final String model, final int tokens) {
        return Map.of("model", model, "prompt", "Der Bär läuft über die Straße und", "max_tokens", tokens, "temperature", 0.8,
                "seed", 7,
                "stop", List.of(" \u2603"), "ignore_eos", true, "stream", true, "return_token_ids", true);
    }

    /** The body without what differs between any two requests; {@code token} is told how many tokens have come. */
    private String body(final String gateway, final Map<String, Object> request, final IntConsumer token) throws IOException {
        final StringBuilder body = new StringBuilder();
        try {
            final HttpResponse<Stream<String>> response = client
                    .send(HttpRequest.newBuilder(URI.create(gateway + "/v1/completions"))
                            .header("Content-Type", "application/json")
                            .POST(HttpRequest.BodyPublishers.ofString(JSON.writeValueAsString(request)))
                            .build(), HttpResponse.BodyHandlers.ofLines());
            int tokens = 0;
            try (Stream<String> lines = response.body()) {
                for (final Iterator<String> line = lines.iterator(); line.hasNext();) {
                    final String text = line.next();
                    body.append(text.replaceAll("\"id\":\"[^\"]*\"", "").replaceAll("\"created\":\\d+", "")).append('\n');
                    if (text.startsWith("data: {")) {
                        for (int i = JSON.readTree(text.substring(6)).at("/choices/0/token_ids").size(); i > 0; i--) {
                            token.accept(++tokens);
                        }
                    }
                }
            }
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
        return body.toString();
    }

    private static String text(final String body) throws IOException {
        final StringBuilder text = new StringBuilder();
        for (final String line : body.lines().filter(line -> line.startsWith("data: {")).toList()) {
            final JsonNode piece = JSON.readTree(line.substring(6).replace("{,", "{").replace(",,", ",")).at("/choices/0/text");
            text.append(piece.asText(""));
        }
        return text.toString();
    }
}
