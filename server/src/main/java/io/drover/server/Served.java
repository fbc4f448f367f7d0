package io.drover.server;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;

import org.jspecify.annotations.Nullable;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;

import io.drover.cluster.DroverNode;
import io.drover.cluster.Progress;
import io.drover.model.ModelConfig;
import io.drover.model.checkpoint.Checkpoint;

/** A process that serves: its port, its nodes, its end. */
final class Served {
    private static final Duration AFTER_THE_DOOR = Duration.ofSeconds(5);
    private static final Duration BEYOND_GRACE = Duration.ofSeconds(90);

    private final Config overlay;
    private final Console console;
    private final Termination termination;

    Served(final Config overlay, final Console console, final Termination termination) {
        this.overlay = overlay;
        this.console = console;
        this.termination = termination;
    }

    /**
     * Takes the port before a model is loaded, starts the nodes, serves until the process is to end, and stops in order.
     *
     * @return the exit code
     * @throws IOException      in one sentence, if the port cannot be had
     * @throws CommandException if the nodes cannot start
     */
    int run(final Function<Consumer<Progress>, HostedNodes> start) throws IOException, InterruptedException {
        return run(start, url -> {});
    }

    /**
     * The same.
     *
     * @param whenReady is told the address, once requests are served there
     */
    int run(final Function<Consumer<Progress>, HostedNodes> start, final Consumer<URI> whenReady)
            throws IOException, InterruptedException {
        final Config config = overlay.withFallback(ConfigFactory.load()).resolve();
        final ServerSettings settings = ServerSettings.from(config, System.getenv());
        final Path directory = modelDirectory(config);
        final String name = modelName(config, directory);
        termination.watchSignals(settings.shutdownGrace().plus(BEYOND_GRACE));
        final DoorMetrics metrics = new DoorMetrics(name);
        final long startNs = System.nanoTime();
        final HttpServer http = HttpServer.start(settings, metrics);
        HostedNodes nodes = null;
        CheckpointText text = null;
        try {
            text = CheckpointText.load(directory);
            final ModelConfig model = modelConfig(config, directory);
            nodes = start.apply(console::progress);
            if (!nodes.awaitReady(termination)) {
                return 0;
            }
            EngineMetrics.register(metrics, nodes.all().stream().map(NodeFigures::of).toList());
            http.serve(new NodeBackend(
                    new ServedModel(name, model.maxPositions(), model.vocabSize(), Set.copyOf(model.eosTokenIds()), text,
                            nodes.first().gateway()),
                    model, nodes.all()));
            BackgroundThreads.giveWay(settings.backgroundNiceness());
            console.say(readyLine(url(http, settings), settings, name, nodes.first(), System.nanoTime() - startNs));
            whenReady.accept(URI.create(url(http, settings)));
            return untilTheEnd(nodes, http);
        } finally {
            stop(http, nodes, text, settings.shutdownGrace());
        }
    }

    private int untilTheEnd(final HostedNodes nodes, final HttpServer http) throws InterruptedException {
        for (final DroverNode node : nodes.all()) {
            node.whenStopped().thenAccept(why -> {
                if (!termination.isRequested()) {
                    console.say(node.settings().nodeName() + " has ended: " + why);
                }
                if (node == nodes.first()) {
                    termination.request();
                }
            });
        }
        termination.await();
        if (nodes.first().whenStopped().toCompletableFuture().isDone()) {
            return 1;
        }
        console.say(
                "stopping; " + (http.inFlight() == 0 ? "nothing is in flight" : http.inFlight() + " requests in flight may end"));
        return 0;
    }

    /** The streams in flight need the node and the tokenizer until they have ended. */
    private static void stop(final HttpServer http, final @Nullable HostedNodes nodes, final @Nullable CheckpointText text,
            final Duration grace) {
        http.stop(grace);
        if (nodes != null) {
            nodes.stop(AFTER_THE_DOOR);
        }
        if (text != null) {
            text.close();
        }
    }

    private static String url(final HttpServer http, final ServerSettings settings) {
        return "http://" + (settings.address().isAnyLocalAddress() ? "127.0.0.1" : settings.address().getHostAddress()) + ":"
                + http.address().getPort();
    }

    private static String readyLine(final String url, final ServerSettings settings, final String name, final DroverNode node,
            final long tookNs) {
        return "%s: '%s' on %d nodes at %s after %.1f s; try: %s".formatted(READY, name, node.settings().expectedNodes(), url,
                tookNs / 1e9,
                example(url, settings));
    }

    /** A command that streams a first answer. */
    static String example(final String url, final ServerSettings settings) {
        final String key = settings.apiKey() == null ? "" : " -H \"Authorization: Bearer $DROVER_API_KEY\"";
        return "curl -N " + url + "/v1/chat/completions" + key
                + " -d '{\"messages\":[{\"role\":\"user\",\"content\":\"Tell me a story.\"}],\"stream\":true}'";
    }

    static Path modelDirectory(final Config config) {
        return Path.of(config.getString("drover.cluster.model-directory")).toAbsolutePath().normalize();
    }

    /** @throws io.drover.model.checkpoint.CheckpointException in one line, if the model directory holds no model that can be served */
    static void checkModel(final Config config) {
        final Path directory = modelDirectory(config);
        CheckpointText.load(directory).close();
        modelConfig(config, directory);
    }

    private static ModelConfig modelConfig(final Config config, final Path directory) {
        final Checkpoint.Experts required = config.getString("drover.cluster.weights").equals("peers")
                ? Checkpoint.Experts.ANY
                : Checkpoint.Experts.ALL;
        try (Checkpoint checkpoint = Checkpoint.open(directory, required)) {
            return checkpoint.config();
        }
    }

    private static String modelName(final Config config, final Path directory) {
        final String name = config.getString("drover.cluster.model-name");
        return name.isEmpty() ? String.valueOf(directory.getFileName()) : name;
    }

    /** What the line begins with that says that a process serves. */
    static final String READY = "ready";
}
