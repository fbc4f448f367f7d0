package io.drover.server;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;

import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.http.javadsl.Http;
import org.apache.pekko.http.javadsl.ServerBinding;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.stream.javadsl.Flow;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigValueFactory;

/**
 * The listening side of the door. It takes its port before a model is loaded, answers 503 until {@link #serve}, and stops in
 * order: no new connections, then the streams in flight, then the rest.
 */
final class HttpServer {
    /** When a client may try again where nothing better is known. */
    static final Duration RETRY_AFTER = Duration.ofSeconds(1);

    private static final Logger LOG = LoggerFactory.getLogger(HttpServer.class);
    private static final Duration BIND_DEADLINE = Duration.ofSeconds(60);
    private static final Duration CUT_DEADLINE = Duration.ofSeconds(2);
    private static final Duration FLUSH = Duration.ofSeconds(1);
    private static final Duration TERMINATE_DEADLINE = Duration.ofSeconds(3);
    private static final Duration BEYOND_GENERATION = Duration.ofSeconds(60);
    private static final long POLL_NS = TimeUnit.MILLISECONDS.toNanos(10);

    private final ActorSystem system;
    private final ServerBinding binding;
    private final HttpHandler handler;
    private final Set<Lifeline> inFlight;

    private HttpServer(final ActorSystem system, final ServerBinding binding, final HttpHandler handler,
            final Set<Lifeline> inFlight) {
        this.system = system;
        this.binding = binding;
        this.handler = handler;
        this.inFlight = inFlight;
    }

    /**
     * Listens.
     *
     * @throws IOException in one sentence, if the address cannot be listened on
     */
    static HttpServer start(final ServerSettings settings, final DoorMetrics metrics) throws IOException {
        final ActorSystem system = ActorSystem.create("drover-http", config(settings));
        final Set<Lifeline> inFlight = ConcurrentHashMap.newKeySet();
        final HttpHandler handler = new HttpHandler(settings, system, metrics, inFlight);
        try {
            final ServerBinding binding = await(Http.get(system)
                    .newServerAt(settings.address().getHostAddress(), settings.port())
                    .bindFlow(connection(handler)), BIND_DEADLINE);
            if (!settings.loopback() && settings.apiKey() == null) {
                LOG.warn("The API listens on {} and has no key: whoever reaches this address can use it",
                        settings.address().getHostAddress());
            }
            return new HttpServer(system, binding, handler, inFlight);
        } catch (final ExecutionException | TimeoutException e) {
            handler.close();
            system.terminate();
            throw new IOException(
                    "cannot listen on " + settings.address().getHostAddress() + ":" + settings.port() + ": " + reason(e)
                            + "; choose another port or stop what uses it",
                    e);
        }
    }

    private static Config config(final ServerSettings settings) {
        final Duration idle = settings.generationDeadline().plus(BEYOND_GENERATION);
        return settings.pekko()
                .withValue("pekko.http.server.idle-timeout", ConfigValueFactory.fromAnyRef(idle.toMillis() + " ms"))
                .withValue("pekko.http.server.max-connections", ConfigValueFactory.fromAnyRef(settings.maxConnections()))
                .withFallback(ConfigFactory.load());
    }

    /** One flow per connection. What its requests leave running ends when it closes, whether or not an answer is on its way. */
    private static Flow<HttpRequest, HttpResponse, NotUsed> connection(final HttpHandler handler) {
        return Flow.fromMaterializer((materializer, attributes) -> {
            final Connection connection = new Connection();
            return Flow.<HttpRequest>create()
                    .watchTermination((before, done) -> {
                        done.whenComplete((ok, failure) -> connection.close());
                        return before;
                    })
                    .mapAsync(1, request -> handler.handle(request, connection));
        }).mapMaterializedValue(value -> NotUsed.getInstance());
    }

    /** Opens the API: the node behind it is ready. */
    void serve(final Backend backend) {
        handler.serve(backend);
    }

    InetSocketAddress address() {
        return binding.localAddress();
    }

    /** Requests whose answers are not yet complete. */
    int inFlight() {
        return inFlight.size();
    }

    /**
     * Stops: takes no new connection and no new request, lets the answers in flight end within the grace, ends the others with an
     * explicit error, and closes. Blocks.
     */
    void stop(final Duration grace) {
        handler.drain();
        final boolean busy = !inFlight.isEmpty();
        settle(binding.unbind(), TERMINATE_DEADLINE);
        if (!quiet(grace)) {
            LOG.warn("{} requests were still in flight after {} s and are cut", inFlight.size(), grace.toSeconds());
            inFlight.forEach(life -> life
                    .cut(ApiException.unavailable("shutting_down", "The server stopped before the answer was complete.",
                            RETRY_AFTER)));
            quiet(CUT_DEADLINE);
        }
        if (busy) {
            // An answer that has ended here may still be on its way to the socket, and terminate would cut it there.
            LockSupport.parkNanos(FLUSH.toNanos());
        }
        settle(binding.terminate(TERMINATE_DEADLINE), TERMINATE_DEADLINE.multipliedBy(2));
        handler.close();
        system.terminate();
        settle(system.getWhenTerminated(), TERMINATE_DEADLINE);
    }

    /** Whether nothing is in flight before the time is over. */
    private boolean quiet(final Duration within) {
        final long deadlineNs = System.nanoTime() + within.toNanos();
        while (!inFlight.isEmpty()) {
            if (System.nanoTime() - deadlineNs >= 0) {
                return false;
            }
            LockSupport.parkNanos(POLL_NS);
        }
        return true;
    }

    private static void settle(final CompletionStage<?> stage, final Duration within) {
        try {
            await(stage, within);
        } catch (final ExecutionException | TimeoutException e) {
            LOG.warn("The HTTP server did not stop cleanly: {}", reason(e));
        }
    }

    private static <T> T await(final CompletionStage<T> stage, final Duration within)
            throws ExecutionException, TimeoutException {
        final Future<T> future = stage.toCompletableFuture();
        try {
            return future.get(within.toMillis(), TimeUnit.MILLISECONDS);
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ExecutionException(e);
        }
    }

    private static @Nullable String reason(final Exception e) {
        Throwable cause = e;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause instanceof TimeoutException ? "it takes too long" : cause.getMessage();
    }
}
