package io.drover.server;

import java.util.concurrent.Callable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code drain}: a node emptied of experts, so that it can be stopped. */
@Command(name = "drain", description = "Moves all experts of a node to others, so that it can be stopped.", mixinStandardHelpOptions = true)
final class DrainCommand implements Callable<Integer> {
    @Mixin
    private AdminClient server = new AdminClient();

    @Parameters(paramLabel = "NODE", description = "Its name, as in drover status.")
    private String node = "";

    private final OperationFollower follower;

    DrainCommand(final Console console) {
        follower = new OperationFollower(console);
    }

    @Override
    public Integer call() throws InterruptedException {
        return follower.follow(server, server.post("/admin/drain", RequestReader.JSON.createObjectNode().put("node", node)));
    }
}
