package io.drover.server;

import java.io.IOException;
import java.util.concurrent.Callable;

import com.typesafe.config.Config;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code serve}: a whole cluster on this machine, in one process or with one process per node. */
@Command(name = "serve", description = "Serves a model from a cluster on this machine.", mixinStandardHelpOptions = true, footer = {
    "", "DROVER_API_KEY and DROVER_ADMIN_KEY in the environment guard the API and the admin routes."})
final class ServeCommand implements Callable<Integer> {
    private static final int MAX_NODES = 64;

    private final Console console;
    private final Termination termination;

    @Mixin
    private NodeOptions options = new NodeOptions();

    @Option(names = "--nodes", paramLabel = "N", defaultValue = "3", description = "Number of nodes; ${DEFAULT-VALUE} if left out.")
    private int nodes;

    @Option(names = "--processes", description = "Each node in a process of its own, and the media driver in another; node i listens on port + i - 1.")
    private boolean processes;

    ServeCommand(final Console console, final Termination termination) {
        this.console = console;
        this.termination = termination;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        if (nodes < 1 || nodes > MAX_NODES) {
            throw new CommandException("--nodes is " + nodes + "; expected 1 to " + MAX_NODES);
        }
        final Config overlay = options.overlay();
        if (processes) {
            return new Supervisor(overlay, nodes, console, termination).run();
        }
        return new Served(overlay, console, termination).run(progress -> HostedNodes.cluster(overlay, nodes, progress));
    }
}
