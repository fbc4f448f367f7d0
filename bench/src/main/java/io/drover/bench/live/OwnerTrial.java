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
 * from being the home: of nodes with as few sequences it is the first choice. A killed node starts anew beside the next request.
 */
final class OwnerTrial implements LiveBench.Trial {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int TOKENS = 200;
    private static final int SAID = 10;
    private static final int TRIES = 3;
    private static final int LOOKS = 100;

    private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    @Override
    public int run(final LiveBench bench) throws Exception {
        int equal = 0;
        double fenced = 0;
        // Plain kernels give the same bits, and time to act between two tokens.
        try (LiveCluster cluster = bench.cluster(bench.nodes, "drover.engine.kernels = plain")) {
            final String gateway = cluster.url(bench.nodes);
            final String model = cluster.get(bench.nodes, "/v1/models").at("/data/0/id").asText();
            final String control = body(gateway, request(model, TOKENS), token -> {});
            bench.say("%d characters, of which %d are not ASCII", text(control).length(),
                    text(control).chars().filter(c -> c > 127).count());
            final List<Integer> different = new ArrayList<>();
            final List<Integer> missed = new ArrayList<>();
            for (int i = 0; i < bench.count; i++) {
                final int after = 1 + (int) ((long) i * TOKENS / bench.count);
                String body = "";
                boolean moved = false;
                for (int attempt = 0; !moved && attempt < TRIES; attempt++) {
                    cluster.awaitReady(bench.nodes - 1);
                    final double before = cluster.metric(bench.nodes, "drover_engine_takeovers_total");
                    body = killed(cluster, bench.nodes, model, after);
                    moved = after == TOKENS || cluster.metric(bench.nodes, "drover_engine_takeovers_total") > before;
                }
                if (!moved) {
                    missed.add(after);
                } else if (body.equals(control)) {
                    equal++;
                } else {
                    different.add(after);
                }
                if ((i + 1) % SAID == 0) {
                    bench.say("%d of %d: %d bodies equal byte for byte; different %s, never killed in time %s", i + 1,
                            bench.count,
                            equal, different, missed);
                }
            }
            fenced = cluster.metric(bench.nodes, "drover_engine_fenced_messages_total");
            bench.say(
                    "home killed after a token: %d of %d bodies equal byte for byte; different after tokens %s, never killed in time"
                            + " after tokens %s",
                    equal, bench.count, different, missed);
        }
        bench.say("messages of former homes that were fenced off: %.0f", fenced);
        return bench.count - equal;
    }

    /** The body of a request whose home is killed after a token; the home is started anew at once. */
    private String killed(final LiveCluster cluster, final int door, final String model, final int after) throws Exception {
        final String gateway = cluster.url(door);
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
        final CompletableFuture<Integer> home = CompletableFuture.supplyAsync(() -> home(cluster, door, over),
                Thread.ofPlatform().daemon()::start);
        try {
            return body(gateway, request(model, TOKENS), token -> {
                final int victim = token == after ? home.join() : 0;
                if (victim > 0) {
                    try {
                        cluster.kill(victim);
                        cluster.start(victim);
                    } catch (final InterruptedException | IOException e) {
                        throw new IllegalStateException(e);
                    }
                }
            });
        } finally {
            over.complete(null);
            beside.join();
        }
    }

    /** The first node but the gateway that has a sequence; 0 if none has one within some time. */
    private static int home(final LiveCluster cluster, final int door, final CompletableFuture<Void> over) {
        for (int look = 0; look < LOOKS && !over.isDone(); look++) {
            for (final int node : cluster.running()) {
                try {
                    if (node != door && cluster.metric(node, "drover_engine_sequences_running") > 0) {
                        return node;
                    }
                } catch (final IOException e) {
                    // It has not opened its door yet.
                }
            }
        }
        return 0;
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
