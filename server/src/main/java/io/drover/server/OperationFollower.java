package io.drover.server;

import java.util.concurrent.TimeUnit;

import com.fasterxml.jackson.databind.JsonNode;

/** Shows how far an operation is until it has ended. */
final class OperationFollower {
    private static final long POLL_MS = 200;
    /** Longer than another coordinator needs to take over. */
    private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(30);

    private final Console console;

    OperationFollower(final Console console) {
        this.console = console;
    }

    /**
     * @param begun the server's answer, with the operation's id
     * @return 0 if it is done, 1 if it failed or was cancelled
     * @throws CommandException if the server cannot tell any more
     */
    int follow(final AdminClient server, final JsonNode begun) throws InterruptedException {
        final String id = begun.path("operation").asText();
        String shown = "";
        while (true) {
            final JsonNode now = look(server, id);
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

    /** Waits while there is no coordinator to ask; the next does not know the operation. */
    private static JsonNode look(final AdminClient server, final String id) throws InterruptedException {
        final long startNs = System.nanoTime();
        while (true) {
            try {
                return server.get("/admin/operations/" + id);
            } catch (final CommandException e) {
                if (e.status() == 404) {
                    throw new CommandException(e.getMessage() + " What it began may go on: see drover moves and drover status.");
                }
                if (e.status() != 503 && e.status() != 409 || System.nanoTime() - startNs > PATIENCE_NS) {
                    throw e;
                }
                Thread.sleep(POLL_MS);
            }
        }
    }

    /** One line for people: what it is, how far, how long it may take yet, what blocks it. */
    static String line(final JsonNode operation) {
        final long leftMs = operation.path("left_ms").asLong(-1);
        return "%s  %s  %s  %d of %d%s%s".formatted(operation.path("id").asText(), operation.path("text").asText(),
                operation.path("state").asText(), operation.path("done").asInt(), operation.path("total").asInt(),
                leftMs > 0 ? "  about %d s left".formatted((leftMs + 999) / 1000) : "",
                operation.path("note").asText().isEmpty() ? "" : "  (" + operation.path("note").asText() + ")");
    }
}
