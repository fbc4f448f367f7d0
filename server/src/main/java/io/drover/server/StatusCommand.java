package io.drover.server;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.Callable;

import com.fasterxml.jackson.databind.JsonNode;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code status}: what a cluster is doing, asked of one of its nodes. */
@Command(name = "status", description = "Shows what the cluster is doing.", mixinStandardHelpOptions = true, footer = {"",
    "Exit code: 0 if the cluster serves, 1 if it does not or cannot be reached.",
    "The admin key, if there is one, is taken from DROVER_ADMIN_KEY in the environment."})
final class StatusCommand implements Callable<Integer> {
    private static final Duration DEADLINE = Duration.ofSeconds(10);

    @Option(names = "--url", defaultValue = "http://127.0.0.1:8080", description = "The server; ${DEFAULT-VALUE} if left out.")
    private String url = "";

    @Option(names = "--json", description = "All that the server tells, as JSON.")
    private boolean json;

    private final Console console;

    StatusCommand(final Console console) {
        this.console = console;
    }

    @Override
    public Integer call() throws InterruptedException {
        final JsonNode status = ask();
        if (json) {
            console.pass(status.toPrettyString());
        } else {
            show(status);
        }
        return status.path("ready").asBoolean() ? 0 : 1;
    }

    private JsonNode ask() throws InterruptedException {
        try (HttpClient client = HttpClient.newBuilder().connectTimeout(DEADLINE).build()) {
            final HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url.replaceAll("/+$", "") + "/admin/status"))
                    .timeout(DEADLINE);
            final String key = System.getenv("DROVER_ADMIN_KEY");
            if (key != null && !key.isBlank()) {
                request.header("Authorization", "Bearer " + key.strip());
            }
            final HttpResponse<String> response = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
            final JsonNode body = RequestReader.JSON.readTree(response.body());
            if (response.statusCode() != 200) {
                throw new CommandException(url + " answers " + response.statusCode() + ": "
                        + body.at("/error/message").asText("no message"));
            }
            return body;
        } catch (final IllegalArgumentException e) {
            throw new CommandException("--url is '" + url + "'; expected something like http://127.0.0.1:8080");
        } catch (final IOException e) {
            throw new CommandException(
                    "cannot reach " + url + ": " + (e.getMessage() == null ? "connection refused" : e.getMessage()));
        }
    }

    private void show(final JsonNode status) {
        final boolean ready = status.path("ready").asBoolean();
        console.pass("%s  model %s  version %s  requests in flight %d%s".formatted(ready ? "ready" : "not ready",
                status.path("model").asText("(loading)"), status.path("version").asText(),
                status.path("requests_in_flight").asInt(),
                ready ? "" : "  " + status.path("reason").asText()));
        if (!status.has("nodes")) {
            return;
        }
        console.pass("epoch %s  wire %s  kv %s  coordinator heard %d ms ago".formatted(
                status.at("/epoch/term").asText() + "." + status.at("/epoch/number").asText(),
                status.path("wire_type").asText(), status.path("kv_type").asText(), status.path("coordinator_age_ms").asLong()));
        console.pass("%-3s %-16s %-24s %-12s %s".formatted("ID", "NODE", "ADDRESS", "STATE", "EXPERTS"));
        for (final JsonNode node : status.get("nodes")) {
            console.pass("%-3d %-16s %-24s %-12s %d".formatted(node.path("node_id").asInt(), node.path("name").asText(),
                    node.path("address").asText(), node.path("state").asText().toLowerCase(java.util.Locale.ROOT),
                    node.path("replicas").asInt()));
        }
    }
}
