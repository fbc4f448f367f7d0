package io.drover.server;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.time.Duration;

import org.jspecify.annotations.Nullable;

import com.fasterxml.jackson.databind.JsonNode;

import picocli.CommandLine.Option;

/** How the commands that speak to a running cluster reach its admin routes: mixed into each of them. */
final class AdminClient {
    private static final Duration DEADLINE = Duration.ofSeconds(10);

    @Option(names = "--url", defaultValue = "http://127.0.0.1:8080", description = "A server of the cluster; ${DEFAULT-VALUE} if left out. "
            + "The admin key, if there is one, is taken from DROVER_ADMIN_KEY in the environment.")
    private String url = "";

    JsonNode get(final String path) throws InterruptedException {
        return ask("GET", path, null);
    }

    JsonNode post(final String path, final JsonNode body) throws InterruptedException {
        return ask("POST", path, body);
    }

    JsonNode delete(final String path) throws InterruptedException {
        return ask("DELETE", path, null);
    }

    /** @throws CommandException with what the server said, or why it was not reached */
    private JsonNode ask(final String method, final String path, final @Nullable JsonNode body) throws InterruptedException {
        try (HttpClient client = HttpClient.newBuilder().connectTimeout(DEADLINE).build()) {
            final HttpResponse<String> response = client.send(request(path).timeout(DEADLINE)
                    .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body.toString()))
                    .build(), HttpResponse.BodyHandlers.ofString());
            if (response.statusCode() / 100 != 2) {
                throw refused(response.statusCode(), response.body());
            }
            return RequestReader.JSON.readTree(response.body());
        } catch (final IOException e) {
            throw unreachable(e);
        }
    }

    String url() {
        return url;
    }

    /** A request with the admin key, if there is one. */
    HttpRequest.Builder request(final String path) {
        try {
            final HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url.replaceAll("/+$", "") + path));
            final String key = System.getenv("DROVER_ADMIN_KEY");
            return key == null || key.isBlank() ? request : request.header("Authorization", "Bearer " + key.strip());
        } catch (final IllegalArgumentException e) {
            throw new CommandException("--url is '" + url + "'; expected something like http://127.0.0.1:8080");
        }
    }

    /** @param body of the answer, the API's JSON error */
    CommandException refused(final int status, final String body) throws IOException {
        return new CommandException(url + " answers " + status + ": "
                + RequestReader.JSON.readTree(body).at("/error/message").asText("no message"), status);
    }

    CommandException unreachable(final IOException e) {
        return new CommandException(
                "cannot reach " + url + ": " + (e.getMessage() == null ? "connection refused" : e.getMessage()));
    }
}
