package io.drover.server;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import com.typesafe.config.ConfigFactory;

import io.drover.streams.DriverSettings;
import io.drover.streams.MediaDriverHost;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code media-driver}: the media driver of the nodes that a supervisor runs. It is told their process ids on standard input, one a
 * line; when that ends, or a signal comes, it waits for them to end first, because they need it to end in order.
 */
@Command(name = "media-driver", hidden = true)
final class DriverCommand implements Callable<Integer> {
    static final String READY = "media driver ready in ";
    private static final Duration NODES_DEADLINE = Duration.ofMinutes(2);

    private final Console console;
    private final Termination termination;
    private final List<CompletableFuture<ProcessHandle>> nodes = new ArrayList<>();

    @Option(names = "--conf", required = true)
    private Path conf = Path.of("");

    DriverCommand(final Console console, final Termination termination) {
        this.console = console;
        this.termination = termination;
    }

    @Override
    public Integer call() throws InterruptedException {
        termination.watchSignals(NODES_DEADLINE.plusSeconds(10));
        try (MediaDriverHost host = MediaDriverHost
                .launch(DriverSettings.from(NodeOptions.read(conf).withFallback(ConfigFactory.load()).resolve()))) {
            console.pass(READY + host.directory());
            Thread.ofPlatform().daemon().name("drover-supervisor-watch").start(this::readNodes);
            termination.await();
            awaitNodes();
        }
        return 0;
    }

    private void readNodes() {
        try (BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                final long pid = Long.parseLong(line.strip());
                synchronized (nodes) {
                    ProcessHandle.of(pid).ifPresent(node -> nodes.add(node.onExit()));
                }
            }
        } catch (final IOException expected) {
            // The end of the supervisor, in a less tidy form.
        }
        termination.request();
    }

    private void awaitNodes() throws InterruptedException {
        final CompletableFuture<?>[] ends;
        synchronized (nodes) {
            ends = nodes.toArray(CompletableFuture[]::new);
        }
        try {
            CompletableFuture.allOf(ends).get(NODES_DEADLINE.toMillis(), TimeUnit.MILLISECONDS);
        } catch (final ExecutionException | TimeoutException e) {
            console.say("the media driver does not wait for its nodes any longer");
        }
    }
}
