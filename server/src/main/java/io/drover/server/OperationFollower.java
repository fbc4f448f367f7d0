package io.drover.server;

import com.fasterxml.jackson.databind.JsonNode;

/** Shows how far an operation is until it has ended. */
final class OperationFollower {
    private static final long POLL_MS = 200;

    private final Console console;

    OperationFollower(final Console console) {
        this.console = console;
    }

    /**
     * @param begun the server's answer, with the operation's id
     * @return 0 if it is done, 1 if it failed or was cancelled
     */
    int follow(final AdminClient server, final JsonNode begun) throws InterruptedException {
        final String id = begun.path("operation").asText();
        String shown = "";
        while (true) {
            final JsonNode now = server.get("/admin/operations/" + id);
            final String line = line(now);
            if (!line.equals(shown)) {
                console.pass(line);
                shown = line;
            }
            switch (now.path("state").asText()) {
                case "done" -> {
                    return 0;
                }
                case "failed", "cancelled" -> {
                    return 1;
                }
                default -> Thread.sleep(POLL_MS);
            }
        }
    }

    private static String line(final JsonNode operation) {
        final long leftMs = operation.path("left_ms").asLong(-1);
        return "%s  %s  %s  %d of %d%s%s".formatted(operation.path("id").asText(), operation.path("text").asText(),
                operation.path("state").asText(), operation.path("done").asInt(), operation.path("total").asInt(),
                leftMs > 0 ? "  about %d s left".formatted((leftMs + 999) / 1000) : "",
                operation.path("note").asText().isEmpty() ? "" : "  (" + operation.path("note").asText() + ")");
    }
}
