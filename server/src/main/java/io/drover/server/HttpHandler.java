package io.drover.server;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpEntities;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpMethods;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;
import org.apache.pekko.http.scaladsl.model.EntityStreamException;
import org.apache.pekko.http.scaladsl.model.EntityStreamSizeException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.drover.server.Routes.Route;

/** From an HTTP request to its answer: route, key, body, endpoint; and whatever goes wrong on the way as the API's JSON error. */
final class HttpHandler {
    private static final Logger LOG = LoggerFactory.getLogger(HttpHandler.class);
    private static final int READERS = 2;
    private static final String REQUEST_ID = "x-request-id";
    private static final Pattern ACCEPTED_REQUEST_ID = Pattern.compile("[\\x21-\\x7e]{1,128}");
    private static final String PREFLIGHT_AGE_S = "600";

    private final ServerSettings settings;
    private final ActorSystem system;
    private final DoorMetrics metrics;
    private final Set<Lifeline> inFlight;
    private final ApiKeys keys;
    /** Where bodies are parsed and prompts become tokens: a long prompt delays other prompts, and no stream. */
    private final ExecutorService readers;
    private final Routes routes;
    private final AtomicReference<@Nullable Backend> backend = new AtomicReference<>();
    private volatile boolean draining;

    /** @param inFlight holds each request from its head to the last byte of its answer */
    HttpHandler(final ServerSettings settings, final ActorSystem system, final DoorMetrics metrics,
            final Set<Lifeline> inFlight) {
        this.settings = settings;
        this.system = system;
        this.metrics = metrics;
        this.inFlight = inFlight;
        this.keys = new ApiKeys(settings);
        this.readers = Executors.newFixedThreadPool(READERS,
                Thread.ofPlatform().daemon().name("drover-http-reader-", 0).factory());
        this.routes = new Routes(new Endpoints(settings, system, metrics, this::backend, inFlight::size, () -> draining),
                new MovesEndpoints(this::backend),
                settings.guardMetrics());
    }

    private @Nullable Backend backend() {
        return backend.get();
    }

    void serve(final Backend node) {
        backend.set(node);
    }

    /** From now on new work is refused. */
    void drain() {
        draining = true;
    }

    /** Nothing comes any more. */
    void close() {
        readers.shutdown();
    }

    /** Never completes exceptionally. */
    CompletionStage<HttpResponse> handle(final HttpRequest request, final Connection connection) {
        final long startNs = System.nanoTime();
        final Lifeline life = connection.begin();
        inFlight.add(life);
        life.onEnd(() -> inFlight.remove(life));
        final String path = request.getUri().path();
        final List<Route> candidates = routes.of(path);
        return answer(request, path, candidates, startNs, life).handle((response, failure) -> {
            final HttpResponse sent = failure == null ? response : error(failure);
            metrics.answers.labelValues(candidates.isEmpty() ? "other" : candidates.getFirst().path(),
                    String.valueOf(sent.status().intValue())).inc();
            if (failure != null || !sent.entity().isChunked()) {
                life.end();
            }
            return decorated(request, sent, candidates);
        });
    }

    private CompletionStage<HttpResponse> answer(final HttpRequest request, final String path, final List<Route> candidates,
            final long startNs, final Lifeline life) {
        try {
            if (request.method().equals(HttpMethods.OPTIONS) && candidates.stream().anyMatch(Route::browser)) {
                request.discardEntityBytes(system);
                return CompletableFuture.completedFuture(preflight(request, candidates));
            }
            final Route route = route(request, path, candidates);
            switch (route.guard()) {
                case OPEN -> {
                }
                case API -> keys.checkApi(request);
                case ADMIN -> keys.checkAdmin(request);
            }
            final String rest = path.length() > route.path().length() ? path.substring(route.path().length() + 1) : "";
            if (route.method().equals(HttpMethods.GET)) {
                request.discardEntityBytes(system);
                return route.handler().apply(new Exchange(path, rest, new byte[0], startNs, life));
            }
            if (draining) {
                throw ApiException.unavailable("shutting_down", "The server is about to stop.", HttpServer.RETRY_AFTER);
            }
            return body(request).thenComposeAsync(body -> route.handler().apply(new Exchange(path, rest, body, startNs, life)),
                    readers);
        } catch (final RuntimeException e) {
            request.discardEntityBytes(system);
            return CompletableFuture.failedFuture(e);
        }
    }

    private static Route route(final HttpRequest request, final String path, final List<Route> candidates) {
        if (candidates.isEmpty()) {
            throw ApiException.client(404, "not_found", "There is no " + path + " here.");
        }
        return candidates.stream()
                .filter(route -> route.method().equals(request.method()))
                .findFirst()
                .orElseThrow(() -> ApiException.client(405, "method_not_allowed",
                        request.method().value() + " is not possible on " + path
                                + "; expected " + methods(candidates) + "."));
    }

    private CompletionStage<byte[]> body(final HttpRequest request) {
        final int limit = settings.maxBodyBytes();
        return request.entity()
                .withSizeLimit(limit)
                .toStrict(settings.bodyDeadline().toMillis(), system)
                .handle((strict, failure) -> {
                    if (failure == null) {
                        return strict.getData().toArrayUnsafe();
                    }
                    throw switch (unwrapped(failure)) {
                        case EntityStreamSizeException tooLarge ->
                            ApiException.client(413, "body_too_large",
                                    "The body is larger than " + limit + " bytes, the server's limit.");
                        case TimeoutException late ->
                            ApiException.deadline("The body did not come within " + settings.bodyDeadline().toSeconds() + " s.");
                        case EntityStreamException broken -> ApiException.client(400, "invalid_body",
                                "The body cannot be read: " + broken.getMessage());
                        case Throwable other -> new CompletionException(other);
                    };
                });
    }

    private static HttpResponse error(final Throwable failure) {
        final ApiException error = switch (unwrapped(failure)) {
            case ApiException api -> api;
            case Lifeline.ClientGone gone -> ApiException.client(400, Lifeline.ClientGone.CODE, "The client is gone.");
            case Throwable other -> {
                LOG.error("A request failed inside the server", other);
                yield ApiException.server(500, "internal_error", "The request failed inside the server; its log says why.");
            }
        };
        final HttpResponse response = HttpResponse.create()
                .withStatus(error.status())
                .withEntity(HttpEntities.create(ContentTypes.APPLICATION_JSON, CompletionFrames.json(error.body())));
        final Duration retryAfter = error.retryAfter();
        if (retryAfter != null) {
            // Whole seconds are all that the header knows; 0 would ask for a retry at once.
            return response.addHeader(
                    RawHeader.create("Retry-After", String.valueOf(Math.max(1, retryAfter.plusMillis(999).toSeconds()))));
        }
        return error.status() == 401 ? response.addHeader(RawHeader.create("WWW-Authenticate", "Bearer")) : response;
    }

    private HttpResponse decorated(final HttpRequest request, final HttpResponse response, final List<Route> candidates) {
        final String id = request.getHeader(REQUEST_ID)
                .map(HttpHeader::value)
                .filter(ACCEPTED_REQUEST_ID.asMatchPredicate())
                .orElseGet(() -> UUID.randomUUID().toString());
        final HttpResponse named = response.addHeader(RawHeader.create(REQUEST_ID, id));
        final String origin = request.getHeader("Origin").map(HttpHeader::value).orElse("");
        if (origin.isEmpty() || candidates.stream().noneMatch(Route::browser)) {
            return named;
        }
        final boolean any = settings.corsOrigins().contains("*");
        if (!any && !settings.corsOrigins().contains(origin)) {
            return named;
        }
        return named.addHeader(RawHeader.create("Access-Control-Allow-Origin", any ? "*" : origin))
                .addHeader(RawHeader.create("Access-Control-Expose-Headers", REQUEST_ID + ", Retry-After"))
                .addHeader(RawHeader.create("Vary", "Origin"));
    }

    private static HttpResponse preflight(final HttpRequest request, final List<Route> candidates) {
        final String headers = request.getHeader("Access-Control-Request-Headers").map(HttpHeader::value).orElse("*");
        return HttpResponse.create()
                .withStatus(204)
                .addHeader(RawHeader.create("Access-Control-Allow-Methods", methods(candidates) + ", OPTIONS"))
                .addHeader(RawHeader.create("Access-Control-Allow-Headers", headers))
                .addHeader(RawHeader.create("Access-Control-Max-Age", PREFLIGHT_AGE_S));
    }

    private static String methods(final List<Route> candidates) {
        return candidates.stream().map(route -> route.method().value()).distinct().collect(Collectors.joining(", "));
    }

    private static Throwable unwrapped(final Throwable failure) {
        return failure instanceof CompletionException && failure.getCause() != null ? unwrapped(failure.getCause()) : failure;
    }
}
