package io.drover.server;

import java.util.Locale;
import java.util.concurrent.Callable;

import com.fasterxml.jackson.databind.JsonNode;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code rebalance}: moves for gain made now, allowed or forbidden. */
@Command(name = "rebalance", description = "Plans and moves now, or allows and forbids moves for gain. Lost experts are restored in any case.", mixinStandardHelpOptions = true)
final class RebalanceCommand implements Callable<Integer> {
    /** What can be asked for. */
    enum Action {
        NOW, ON, OFF
    }

    @Mixin
    private AdminClient server = new AdminClient();

    @Parameters(paramLabel = "now|on|off", description = "What to do.")
    private Action action = Action.NOW;

    private final Console console;

    RebalanceCommand(final Console console) {
        this.console = console;
    }

    @Override
    public Integer call() throws InterruptedException {
        final JsonNode answer = server.post("/admin/rebalance",
                RequestReader.JSON.createObjectNode().put("action", action.name().toLowerCase(Locale.ROOT)));
        if (action == Action.NOW) {
            return new OperationFollower(console).follow(server, answer);
        }
        console.pass("moves for gain are " + (answer.path("on").asBoolean() ? "allowed" : "forbidden"));
        return 0;
    }
}
