package io.drover.server;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.concurrent.Callable;

import com.typesafe.config.Config;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code node}: one node of a cluster whose nodes may run anywhere. */
@Command(name = "node", description = "Runs one node of a cluster, with its own HTTP server.", mixinStandardHelpOptions = true)
final class NodeCommand implements Callable<Integer> {
    private final Console console;
    private final Termination termination;

    @Option(names = "--conf", paramLabel = "FILE", required = true, description = "The node's configuration (HOCON); see conf/node.conf.")
    private Path conf = Path.of("");

    @Option(names = "--supervised", hidden = true, description = "End when standard input ends, which is when the supervisor does.")
    private boolean supervised;

    NodeCommand(final Console console, final Termination termination) {
        this.console = console;
        this.termination = termination;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        final Config overlay = NodeOptions.read(conf);
        if (!overlay.hasPath("drover.cluster.model-directory")) {
            throw new CommandException("the configuration " + conf + " names no model; set drover.cluster.model-directory");
        }
        if (supervised) {
            Thread.ofPlatform().daemon().name("drover-supervisor-watch").start(() -> {
                drain(System.in);
                termination.request();
            });
        }
        return new Served(overlay, console, termination).run(progress -> HostedNodes.one(overlay, progress));
    }

    private static void drain(final InputStream in) {
        try {
            in.skipNBytes(Long.MAX_VALUE);
        } catch (final IOException expected) {
            // The end of the stream is what was waited for.
        }
    }
}
