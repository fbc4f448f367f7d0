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
            final HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url.replaceAll("/+$", "") + path))
                    .timeout(DEADLINE)
                    .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body.toString()));
            final String key = System.getenv("DROVER_ADMIN_KEY");
            if (key != null && !key.isBlank()) {
                request.header("Authorization", "Bearer " + key.strip());
            }
            final HttpResponse<String> response = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
            final JsonNode answer = RequestReader.JSON.readTree(response.body());
            if (response.statusCode() / 100 != 2) {
                throw new CommandException(url + " answers " + response.statusCode() + ": "
                        + answer.at("/error/message").asText("no message"));
            }
            return answer;
        } catch (final IllegalArgumentException e) {
            throw new CommandException("--url is '" + url + "'; expected something like http://127.0.0.1:8080");
        } catch (final IOException e) {
            throw new CommandException(
                    "cannot reach " + url + ": " + (e.getMessage() == null ? "connection refused" : e.getMessage()));
        }
    }
}
