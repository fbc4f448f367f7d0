package io.drover.server;

import java.util.concurrent.Callable;

import com.fasterxml.jackson.databind.node.ObjectNode;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code move}: an expert to another node, while tokens flow. */
@Command(name = "move", description = "Moves an expert to a node: loads it there, publishes, drains and drops the old replica.", mixinStandardHelpOptions = true)
final class MoveCommand implements Callable<Integer> {
    @Mixin
    private AdminClient server = new AdminClient();

    @Parameters(index = "0", paramLabel = "LAYER", description = "From 0.")
    private int layer;

    @Parameters(index = "1", paramLabel = "EXPERT", description = "From 0.")
    private int expert;

    @Parameters(index = "2", paramLabel = "NODE", description = "The node to load it on; 'none' only drops a replica.")
    private String node = "";

    @Option(names = "--from", paramLabel = "NODE", description = "The node whose replica leaves; 'none' adds a replica. "
            + "May be left out where only one node has the expert.")
    private String from = "";

    private final OperationFollower follower;

    MoveCommand(final Console console) {
        follower = new OperationFollower(console);
    }

    @Override
    public Integer call() throws InterruptedException {
        final ObjectNode body = RequestReader.JSON.createObjectNode().put("layer", layer).put("expert", expert).put("to", node);
        if (!from.isEmpty()) {
            body.put("from", from);
        }
        return follower.follow(server, server.post("/admin/moves", body));
    }
}
