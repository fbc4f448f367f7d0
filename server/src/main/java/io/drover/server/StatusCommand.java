package io.drover.server;

import java.util.concurrent.Callable;

import com.fasterxml.jackson.databind.JsonNode;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code status}: what a cluster is doing, asked of one of its nodes. */
@Command(name = "status", description = "Shows what the cluster is doing.", mixinStandardHelpOptions = true, footer = {"",
    "Exit code: 0 if the cluster serves, 1 if it does not or cannot be reached."})
final class StatusCommand implements Callable<Integer> {
    @Mixin
    private AdminClient server = new AdminClient();

    @Option(names = "--json", description = "All that the server tells, as JSON.")
    private boolean json;

    private final Console console;

    StatusCommand(final Console console) {
        this.console = console;
    }

    @Override
    public Integer call() throws InterruptedException {
        final JsonNode status = server.get("/admin/status");
        if (json) {
            console.pass(status.toPrettyString());
        } else {
            show(status);
        }
        return status.path("ready").asBoolean() ? 0 : 1;
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
