package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;

import io.drover.server.Routes.Guard;
import io.drover.server.Routes.Route;

/** Whatever is served below {@code /admin}, as the table of routes has it, is for the operator alone. */
class AdminRoutesTest {
    private static final Map<String, String> KEYS = Map.of("DROVER_API_KEY", "user", "DROVER_ADMIN_KEY", "admin");

    private static List<Route> adminRoutes() {
        // For the table alone: nobody is answered.
        final Endpoints endpoints = new Endpoints(Door.settings("", Map.of()), null, new DoorMetrics("m"), () -> null, () -> 0,
                () -> false);
        return new Routes(endpoints, new MovesEndpoints(() -> null), true).all()
                .stream()
                .filter(route -> route.path().startsWith("/admin"))
                .toList();
    }

    private static HttpResponse<String> call(final Door door, final Route route, final String... headers) throws Exception {
        return door.send(HttpRequest.newBuilder(door.uri(route.path() + (route.prefix() ? "/op-1-1" : "")))
                .method(route.method().value(), route.method().value().equals("POST")
                        ? BodyPublishers.ofString("{}")
                        : BodyPublishers.noBody()),
                headers);
    }

    @Test
    void everyOneOfThemAsksForTheAdminKeyAndNoBrowserMayCallIt() throws Exception {
        final List<Route> routes = adminRoutes();
        assertThat(routes).extracting(route -> route.method().value() + " " + route.path())
                .contains("POST /admin/moves",
                        "POST /admin/drain", "POST /admin/rebalance", "POST /admin/trace/stop", "DELETE /admin/operations",
                        "GET /admin/moves", "GET /admin/operations", "GET /admin/status", "GET /admin/routing",
                        "GET /admin/trace");
        try (Door door = new Door("", KEYS)) {
            for (final Route route : routes) {
                final String name = route.method().value() + " " + route.path();
                assertThat(route.guard()).as(name).isEqualTo(Guard.ADMIN);
                assertThat(route.browser()).as(name).isFalse();
                final HttpResponse<String> none = call(door, route);
                assertThat(none.statusCode()).as(name).isEqualTo(401);
                assertThat(Door.error(none).get("code").asText()).as(name).isEqualTo("missing_api_key");
                for (final String wrong : List.of("Bearer user", "Bearer admi", "Basic admin")) {
                    assertThat(call(door, route, "Authorization", wrong).statusCode()).as("%s with %s", name, wrong)
                            .isEqualTo(401);
                }
                assertThat(call(door, route, "Authorization", "Bearer admin").statusCode()).as("%s with the key", name)
                        .isNotIn(401, 403, 404, 405);
            }
        }
    }

    @Test
    void withoutAnAdminKeyNoneIsServedBeyondLoopback() throws Exception {
        try (Door door = new Door("drover.http.interface = \"0.0.0.0\"", Map.of("DROVER_API_KEY", "user"))) {
            for (final Route route : adminRoutes()) {
                assertThat(call(door, route, "Authorization", "Bearer user").statusCode()).as(route.path()).isEqualTo(403);
            }
        }
    }
}
