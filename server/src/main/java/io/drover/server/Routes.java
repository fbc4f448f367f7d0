package io.drover.server;

import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

import org.apache.pekko.http.javadsl.model.HttpMethod;
import org.apache.pekko.http.javadsl.model.HttpMethods;
import org.apache.pekko.http.javadsl.model.HttpResponse;

import io.drover.server.CompletionCall.Kind;

/** The table of what is served where, for whom. */
final class Routes {

    /** Which key a route asks for. */
    enum Guard {
        OPEN, API, ADMIN
    }

    /**
     * @param method  the one that it answers
     * @param path    without a slash at the end
     * @param prefix  whether paths below it are its own too
     * @param guard   which key
     * @param browser whether pages of other origins may call it
     */
    record Route(HttpMethod method, String path, boolean prefix, Guard guard, boolean browser,
            Function<Exchange, CompletionStage<HttpResponse>> handler) {

        boolean matches(final String asked) {
            return asked.equals(path) || prefix && asked.startsWith(path + "/");
        }
    }

    private final List<Route> routes;

    Routes(final Endpoints to, final MovesEndpoints moves, final boolean guardMetrics) {
        routes = List.of(post("/v1/chat/completions", exchange -> to.completion(Kind.CHAT, exchange)),
                post("/v1/completions", exchange -> to.completion(Kind.TEXT, exchange)),
                new Route(HttpMethods.GET, "/v1/models", true, Guard.API, true, to::models),
                post("/v1/embeddings", to::notImplemented), post("/v1/responses", to::notImplemented),
                post("/tokenize", to::tokenize), post("/detokenize", to::detokenize),
                get("/health", Guard.OPEN, to::ready), get("/health/live", Guard.OPEN, to::live),
                get("/health/ready", Guard.OPEN, to::ready),
                get("/metrics", guardMetrics ? Guard.ADMIN : Guard.OPEN, to::metrics), get("/version", Guard.OPEN, to::version),
                get("/ping", Guard.OPEN, to::ping), get("/load", Guard.OPEN, to::load),
                get("/admin/status", Guard.ADMIN, to::status),
                get("/admin/routing", Guard.ADMIN, to::routing),
                get("/admin/trace", Guard.ADMIN, to::trace),
                admin(HttpMethods.POST, "/admin/trace/stop", to::stopTrace),
                get("/admin/moves", Guard.ADMIN, moves::look), admin(HttpMethods.POST, "/admin/moves", moves::move),
                admin(HttpMethods.POST, "/admin/drain", moves::drain),
                admin(HttpMethods.POST, "/admin/rebalance", moves::rebalance),
                new Route(HttpMethods.GET, "/admin/operations", true, Guard.ADMIN, false, moves::operation),
                new Route(HttpMethods.DELETE, "/admin/operations", true, Guard.ADMIN, false, moves::cancel));
    }

    List<Route> all() {
        return routes;
    }

    /** All routes of a path, one per method. */
    List<Route> of(final String path) {
        return routes.stream().filter(route -> route.matches(path)).toList();
    }

    private static Route post(final String path, final Function<Exchange, CompletionStage<HttpResponse>> handler) {
        return new Route(HttpMethods.POST, path, false, Guard.API, true, handler);
    }

    private static Route admin(final HttpMethod method, final String path,
            final Function<Exchange, CompletionStage<HttpResponse>> handler) {
        return new Route(method, path, false, Guard.ADMIN, false, handler);
    }

    private static Route get(final String path, final Guard guard,
            final Function<Exchange, CompletionStage<HttpResponse>> handler) {
        return new Route(HttpMethods.GET, path, false, guard, guard != Guard.ADMIN, handler);
    }
}
