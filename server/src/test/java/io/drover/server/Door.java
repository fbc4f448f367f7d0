package io.drover.server;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

import org.apache.pekko.NotUsed;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.typesafe.config.ConfigFactory;

import io.drover.cluster.MovesView;
import io.drover.cluster.Wish;

/** The real HTTP server on a free port, in front of a scripted gateway. */
final class Door implements AutoCloseable {
    static final String MODEL = "bytes";
    static final int CONTEXT = 200;

    final ScriptedGateway gateway = new ScriptedGateway();
    final ByteTokenizer tokenizer = new ByteTokenizer();
    final HttpServer server;
    final HttpClient client = HttpClient.newHttpClient();
    final DoorMetrics metrics = new DoorMetrics(MODEL);
    private boolean stopped;

    Door(final String overrides, final Map<String, String> environment) {
        this(overrides, environment, true);
    }

    /** What the coordinator answers. */
    volatile Function<Wish, CompletionStage<MovesView>> wishes = wish -> CompletableFuture
            .failedFuture(new IllegalStateException("no coordinator here"));

    /** What the node says of itself. */
    volatile String cutOff = "";

    Door(final String overrides, final Map<String, String> environment, final boolean serving) {
        try {
            server = HttpServer.start(settings(overrides, environment), metrics);
        } catch (final IOException e) {
            throw new AssertionError(e);
        }
        if (serving) {
            serve();
        }
    }

    Door() {
        this("", Map.of());
    }

    static ServerSettings settings(final String overrides, final Map<String, String> environment) {
        return ServerSettings.from(ConfigFactory.parseString(overrides)
                .withFallback(ConfigFactory.parseString("drover.http.port = 0"))
                .withFallback(ConfigFactory.load())
                .resolve(), environment);
    }

    void serve() {
        serve(CONTEXT);
    }

    void serve(final int context) {
        final ServedModel model = new ServedModel(MODEL, context, ByteTokenizer.VOCABULARY, Set.of(ByteTokenizer.EOS),
                tokenizer,
                gateway);
        server.serve(new Backend() {
            @Override
            public ServedModel model() {
                return model;
            }

            @Override
            public String obstacle() {
                return "";
            }

            @Override
            public String cutOff() {
                return cutOff;
            }

            @Override
            public boolean ready() {
                return true;
            }

            @Override
            public ObjectNode status() {
                return JsonNodeFactory.instance.objectNode().put("nodes", 1);
            }

            @Override
            public CompletionStage<Source<ByteString, NotUsed>> record() {
                return CompletableFuture.failedFuture(new IllegalStateException("a recording runs already"));
            }

            @Override
            public void stopRecording() {
                // Nothing is recorded.
            }

            @Override
            public CompletionStage<MovesView> wish(final Wish wish) {
                return wishes.apply(wish);
            }

            @Override
            public CompletionStage<ObjectNode> routing() {
                return CompletableFuture.completedFuture(JsonNodeFactory.instance.objectNode().put("scope", "cluster"));
            }
        });
    }

    URI uri(final String path) {
        return URI.create("http://127.0.0.1:" + server.address().getPort() + path);
    }

    HttpResponse<String> post(final String path, final String body, final String... headers) throws Exception {
        return send(HttpRequest.newBuilder(uri(path)).POST(HttpRequest.BodyPublishers.ofString(body)), headers);
    }

    HttpResponse<String> get(final String path, final String... headers) throws Exception {
        return send(HttpRequest.newBuilder(uri(path)), headers);
    }

    HttpResponse<String> send(final HttpRequest.Builder request, final String... headers) throws Exception {
        if (headers.length > 0) {
            request.headers(headers);
        }
        return client.send(request.timeout(Duration.ofSeconds(60)).build(), HttpResponse.BodyHandlers.ofString());
    }

    static JsonNode json(final HttpResponse<String> response) throws IOException {
        return RequestReader.JSON.readTree(response.body());
    }

    static JsonNode error(final HttpResponse<String> response) throws IOException {
        return json(response).get("error");
    }

    /** Stops the server now rather than when the test ends. */
    void stop(final Duration grace) {
        stopped = true;
        server.stop(grace);
    }

    @Override
    public void close() {
        client.shutdownNow();
        if (!stopped) {
            server.stop(Duration.ZERO);
        }
    }
}
