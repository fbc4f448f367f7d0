package io.drover.server;

import java.util.concurrent.Callable;

import com.fasterxml.jackson.databind.JsonNode;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code moves}: the ledger. */
@Command(name = "moves", description = "Shows what was moved, why, and what it gained; operations; alerts.", mixinStandardHelpOptions = true)
final class MovesCommand implements Callable<Integer> {
    @Mixin
    private AdminClient server = new AdminClient();

    @Option(names = "--json", description = "All that the server tells, as JSON.")
    private boolean json;

    @Option(names = "--last", defaultValue = "20", description = "How many moves; ${DEFAULT-VALUE} if left out.")
    private int last;

    @Option(names = "--cancel", paramLabel = "OPERATION", description = "Gives an operation up instead; what was done stays.")
    private String cancel = "";

    private final Console console;

    MovesCommand(final Console console) {
        this.console = console;
    }

    @Override
    public Integer call() throws InterruptedException {
        if (!cancel.isEmpty()) {
            server.delete("/admin/operations/" + cancel);
            console.pass(cancel + " is cancelled");
            return 0;
        }
        final JsonNode moves = server.get("/admin/moves");
        if (json) {
            console.pass(moves.toPrettyString());
        } else {
            show(moves);
        }
        return 0;
    }

    private void show(final JsonNode moves) {
        console.pass("moves for gain are %s; %s".formatted(moves.path("on").asBoolean() ? "allowed" : "forbidden",
                moves.path("idle").asBoolean()
                        ? "nothing is under way"
                        : "last progress " + moves.path("stalled_ms").asLong() + " ms ago"));
        for (final JsonNode operation : moves.path("operations")) {
            console.pass(OperationFollower.line(operation));
        }
        final JsonNode entries = moves.path("moves");
        console.pass("%-10s %-9s %-9s %-12s %-12s %10s %8s %-9s %9s %9s".formatted("MOVE", "WHY", "EXPERT", "FROM", "TO", "BYTES",
                "MS", "OUTCOME", "PREDICTED", "REALISED"));
        for (int i = Math.max(0, entries.size() - last); i < entries.size(); i++) {
            final JsonNode move = entries.get(i);
            console.pass("%-10s %-9s %-9s %-12s %-12s %10d %8s %-9s %9s %9s".formatted(move.path("id").asText(),
                    move.path("why").asText(), "L" + move.path("layer").asInt() + "/E" + move.path("expert").asInt(),
                    move.path("from").asText("-"), move.path("to").asText("-"), move.path("bytes").asLong(),
                    move.path("took_ms").isNull() ? "-" : move.path("took_ms").asText(), move.path("outcome").asText(),
                    percent(move.path("predicted_gain")), percent(move.path("realised_gain"))));
        }
        for (final JsonNode alert : moves.path("alerts")) {
            console.pass("alert: " + alert.asText());
        }
    }

    private static String percent(final JsonNode share) {
        return share.isNumber() ? "%.1f %%".formatted(100 * share.asDouble()) : "-";
    }
}
