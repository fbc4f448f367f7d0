package io.drover.server;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.Clock;
import java.util.List;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BooleanSupplier;
import java.util.function.IntSupplier;
import java.util.function.Supplier;

import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.http.javadsl.model.ContentType;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpEntities;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.stream.KillSwitches;
import org.apache.pekko.stream.SharedKillSwitch;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;
import org.jspecify.annotations.Nullable;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import io.drover.server.CompletionCall.Kind;

/** What each route answers. The server has read the body and checked the key; faults leave as {@link ApiException}. */
final class Endpoints {
    private static final ContentType JSON_LINES = ContentTypes.parse("application/jsonl");
    private static final String OWNER = "drover";

    private final ServerSettings settings;
    private final ActorSystem system;
    private final DoorMetrics metrics;
    private final Supplier<@Nullable Backend> backend;
    private final IntSupplier inFlight;
    private final BooleanSupplier draining;
    private final RequestReader reader;
    private final Clock clock = Clock.systemUTC();
    private final long startedS = clock.instant().getEpochSecond();
    private final String version = version();

    /** @param backend null while the node is loading */
    Endpoints(final ServerSettings settings, final ActorSystem system, final DoorMetrics metrics,
            final Supplier<@Nullable Backend> backend,
            final IntSupplier inFlight, final BooleanSupplier draining) {
        this.settings = settings;
        this.system = system;
        this.metrics = metrics;
        this.backend = backend;
        this.inFlight = inFlight;
        this.draining = draining;
        this.reader = new RequestReader(settings.maxSequences());
    }

    CompletionStage<HttpResponse> completion(final Kind kind, final Exchange exchange) {
        final String cutOff = node().cutOff();
        if (!cutOff.isEmpty()) {
            throw ApiException.unavailable("cut_off", "No new requests: " + cutOff + ".", HttpServer.RETRY_AFTER);
        }
        final ServedModel model = model();
        final String id = (kind == Kind.CHAT ? "chatcmpl-" : "cmpl-") + UUID.randomUUID().toString().replace("-", "");
        final CompletionPlan plan = CompletionPlan.of(reader.completion(kind, RequestReader.body(exchange.body()), model.name()),
                id, model,
                ThreadLocalRandom.current()::nextLong);
        final CompletionFrames frames = new CompletionFrames(plan, clock.instant().getEpochSecond(), model.name());
        final GenerationClock times = new GenerationClock(metrics, System::nanoTime, exchange.startNs(), plan.choices().size());
        return new Generation(plan, frames, model, times, exchange.life(), settings, system).answer();
    }

    CompletionStage<HttpResponse> models(final Exchange exchange) {
        final ServedModel model = model();
        final String rest = exchange.rest();
        if (!rest.isEmpty()) {
            if (!rest.equals(model.name())) {
                throw ApiException.modelNotFound(rest, model.name());
            }
            return json(200, modelCard(model));
        }
        final ObjectNode list = object().put("object", "list");
        list.putArray("data").add(modelCard(model));
        return json(200, list);
    }

    private ObjectNode modelCard(final ServedModel model) {
        return object().put("id", model.name())
                .put("object", "model")
                .put("created", startedS)
                .put("owned_by", OWNER)
                .put("root", model.name())
                .putNull("parent")
                .put("max_model_len", model.maxPositions());
    }

    CompletionStage<HttpResponse> notImplemented(final Exchange exchange) {
        throw ApiException.server(501, "not_implemented",
                "This server has no " + exchange.path() + "; it serves /v1/chat/completions and /v1/completions.");
    }

    CompletionStage<HttpResponse> tokenize(final Exchange exchange) {
        final ServedModel model = model();
        final Fields body = RequestReader.body(exchange.body());
        RequestReader.checkModel(body, model.name());
        final List<Integer> ids = CompletionPlan.ids(RequestReader.tokenized(body), "prompt", model, Integer.MAX_VALUE);
        final ObjectNode answer = object().put("count", ids.size()).put("max_model_len", model.maxPositions());
        final ArrayNode tokens = answer.putArray("tokens");
        ids.forEach(tokens::add);
        return json(200, answer);
    }

    CompletionStage<HttpResponse> detokenize(final Exchange exchange) {
        final ServedModel model = model();
        final Fields body = RequestReader.body(exchange.body());
        RequestReader.checkModel(body, model.name());
        final List<Integer> ids = RequestReader.tokens(body);
        ids.forEach(id -> CompletionPlan.checkId(id, "tokens", model));
        return json(200, object().put("prompt", model.text().decode(CompletionPlan.array(ids), false)));
    }

    CompletionStage<HttpResponse> live(final Exchange exchange) {
        return json(200, object().put("status", "live"));
    }

    CompletionStage<HttpResponse> ready(final Exchange exchange) {
        final Backend node = backend.get();
        final boolean ready = node != null && node.ready() && !draining.getAsBoolean();
        final String otherwise = draining.getAsBoolean() ? "stopping" : node == null ? "loading" : "not ready";
        final ObjectNode body = object().put("status", ready ? "ready" : otherwise);
        if (!ready && node != null && !node.obstacle().isEmpty()) {
            body.put("reason", node.obstacle());
        }
        return json(ready ? 200 : 503, body);
    }

    CompletionStage<HttpResponse> metrics(final Exchange exchange) {
        return CompletableFuture.completedFuture(HttpResponse.create()
                .withEntity(
                        HttpEntities.create(ContentTypes.parse(DoorMetrics.CONTENT_TYPE), metrics.text())));
    }

    CompletionStage<HttpResponse> version(final Exchange exchange) {
        return json(200, object().put("version", version));
    }

    CompletionStage<HttpResponse> ping(final Exchange exchange) {
        return json(200, object());
    }

    CompletionStage<HttpResponse> load(final Exchange exchange) {
        // This request is one of those in flight.
        return json(200, object().put("server_load", inFlight.getAsInt() - 1));
    }

    CompletionStage<HttpResponse> status(final Exchange exchange) {
        final Backend node = backend.get();
        final ObjectNode status = object().put("version", version)
                .put("ready", node != null && node.ready())
                .put("requests_in_flight", inFlight.getAsInt() - 1);
        if (node != null) {
            status.put("model", node.model().name());
            status.setAll(node.status());
        }
        return json(200, status);
    }

    CompletionStage<HttpResponse> routing(final Exchange exchange) {
        return node().routing().thenCompose(routing -> json(200, routing));
    }

    /** Lines until the recording is stopped, the client goes, or the server stops. */
    CompletionStage<HttpResponse> trace(final Exchange exchange) {
        return node().record().handle((lines, failure) -> {
            if (failure != null) {
                final Throwable cause = failure.getCause() == null ? failure : failure.getCause();
                throw ApiException.client(409, "not_recording", String.valueOf(cause.getMessage()));
            }
            final SharedKillSwitch cut = KillSwitches.shared("trace");
            exchange.life().onCut(cut::abort);
            final Source<ByteString, NotUsed> answer = lines.via(cut.flow())
                    .takeWhile(line -> !draining.getAsBoolean())
                    .watchTermination((before, done) -> {
                        done.whenComplete((ok, broken) -> exchange.life().end());
                        return before;
                    });
            return HttpResponse.create().withEntity(HttpEntities.createChunked(JSON_LINES, answer));
        });
    }

    CompletionStage<HttpResponse> stopTrace(final Exchange exchange) {
        node().stopRecording();
        return json(200, object().put("stopping", true));
    }

    private ServedModel model() {
        return node().model();
    }

    private Backend node() {
        final Backend node = backend.get();
        if (node == null) {
            throw ApiException.unavailable("loading", "The model is loading.", HttpServer.RETRY_AFTER);
        }
        return node;
    }

    static CompletionStage<HttpResponse> json(final int status, final ObjectNode body) {
        return CompletableFuture.completedFuture(HttpResponse.create()
                .withStatus(status)
                .withEntity(HttpEntities.create(ContentTypes.APPLICATION_JSON, CompletionFrames.json(body))));
    }

    private static ObjectNode object() {
        return JsonNodeFactory.instance.objectNode();
    }

    /** The build's version. */
    static String version() {
        final Properties properties = new Properties();
        try (InputStream in = Endpoints.class.getResourceAsStream("version.properties")) {
            properties.load(in);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
        return properties.getProperty("version");
    }
}
