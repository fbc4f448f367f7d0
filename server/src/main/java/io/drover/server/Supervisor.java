package io.drover.server;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigRenderOptions;

/**
 * Runs a cluster as processes of this machine: a media driver, and one process per node. A node that dies is reported and the
 * others go on. Each child ends when its standard input does, so none outlives this process, however it dies.
 */
final class Supervisor {
    private static final Duration DRIVER_START = Duration.ofSeconds(120);
    private static final Duration BEYOND_GRACE = Duration.ofSeconds(60);
    private static final Duration KILL_DEADLINE = Duration.ofSeconds(5);
    private static final String DRIVER = "media-driver";
    private static final Duration POLL = Duration.ofMillis(50);

    private final Config overlay;
    private final int count;
    private final Console console;
    private final Termination termination;
    private final ServerSettings settings;
    private final List<Child> nodes = new ArrayList<>();
    private final AtomicBoolean died = new AtomicBoolean();

    Supervisor(final Config overlay, final int count, final Console console, final Termination termination) {
        this.overlay = overlay;
        this.count = count;
        this.console = console;
        this.termination = termination;
        this.settings = ServerSettings.from(overlay.withFallback(ConfigFactory.load()).resolve(), System.getenv());
    }

    /** One process that was started here. */
    private record Child(String name, Process process, Path log, AtomicBoolean ready) {
        boolean alive() {
            return process.isAlive();
        }
    }

    /** @return the exit code */
    int run() throws IOException, InterruptedException {
        if (settings.port() == 0) {
            throw new CommandException(
                    "--port is 0; expected a fixed port with --processes, because node i listens on port + i - 1");
        }
        checkPorts();
        Served.checkModel(overlay.withFallback(ConfigFactory.load()));
        HostedNodes.checkSharedMemory(overlay, count);
        termination.watchSignals(settings.shutdownGrace().plus(BEYOND_GRACE).plus(BEYOND_GRACE));
        final Path directory = Files.createTempDirectory("drover-");
        @Nullable
        Child driver = null;
        boolean orderly = false;
        try {
            final Path conf = Files.writeString(directory.resolve("media-driver.conf"), text(overlay));
            driver = start(DRIVER, directory, List.of(DRIVER, "--conf", conf.toString()));
            final String aeron = awaitDriver(driver);
            startNodes(directory, aeron, driver);
            final boolean serving = awaitReady();
            orderly = !serving || untilTheEnd();
            return orderly ? 0 : 1;
        } finally {
            stop(driver);
            tidy(directory, orderly && !died.get());
        }
    }

    /** A port that is taken is told before anything is started. */
    private void checkPorts() throws IOException {
        for (int i = 0; i < count; i++) {
            final int port = settings.port() + i;
            try (ServerSocket probe = new ServerSocket()) {
                probe.setReuseAddress(true);
                probe.bind(new InetSocketAddress(settings.address(), port));
            } catch (final IOException | IllegalArgumentException e) {
                throw new IOException(
                        "cannot listen on " + settings.address().getHostAddress() + ":" + port + ": " + e.getMessage()
                                + "; choose another port or stop what uses it",
                        e);
            }
        }
    }

    private void startNodes(final Path directory, final String aeron, final Child driver) throws IOException {
        final int control = freePort();
        final Config shared = ConfigFactory.parseMap(Map.of("drover.streams.aeron-directory", aeron))
                .withFallback(overlay)
                .withFallback(HostedNodes.share(count));
        for (int i = 1; i <= count; i++) {
            final List<String> seeds = i == 1 ? List.of() : List.of("127.0.0.1:" + control);
            final Map<String, Object> own = new LinkedHashMap<>();
            own.put("drover.http.port", settings.port() + i - 1);
            final Config config = ConfigFactory.parseMap(own)
                    .withFallback(HostedNodes.member(shared, i, count, i == 1 ? control : 0, seeds));
            final Path file = directory.resolve("node-" + i + ".conf");
            Files.writeString(file, text(config));
            final Child node = start("node-" + i, directory, List.of("node", "--supervised", "--conf", file.toString()));
            nodes.add(node);
            tell(driver, node.process.pid());
            console.say(node.name + " is process " + node.process.pid() + "; log " + node.log);
            node.process.onExit().thenAccept(process -> ended(node));
        }
    }

    private static String text(final Config config) {
        return config.root().render(ConfigRenderOptions.concise().setFormatted(true).setJson(false));
    }

    private Child start(final String name, final Path directory, final List<String> arguments) throws IOException {
        final Path log = directory.resolve(name + ".log");
        final List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream().filter(Supervisor::isInherited).forEach(command::add);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
        command.addAll(arguments);
        final Process process = new ProcessBuilder(command).redirectError(log.toFile()).start();
        final Child child = new Child(name, process, log, new AtomicBoolean());
        if (!name.equals(DRIVER)) {
            Thread.ofPlatform().daemon().name("drover-" + name + "-output").start(() -> pass(child));
        }
        return child;
    }

    /** What a child is given of this JVM's flags: not a debugger's port or an agent, of which there can be one. */
    private static boolean isInherited(final String argument) {
        return !argument.startsWith("-agent") && !argument.startsWith("-javaagent") && !argument.startsWith("-Xrunjdwp");
    }

    /** A node's own lines, but for the one that says that it is ready, which is said once for all. */
    private void pass(final Child child) {
        try (BufferedReader lines = child.process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith(Console.PREFIX + Served.READY + ":")) {
                    child.ready.set(true);
                } else if (!child.ready.get()) {
                    console.passOnce(line);
                }
            }
        } catch (final IOException expected) {
            // The process is gone; its end is reported elsewhere.
        }
    }

    private String awaitDriver(final Child driver) throws InterruptedException {
        String line = null;
        try {
            line = CompletableFuture.supplyAsync(() -> firstLine(driver.process))
                    .get(DRIVER_START.toMillis(), TimeUnit.MILLISECONDS);
        } catch (final TimeoutException e) {
            console.say("the media driver has said nothing for " + DRIVER_START.toSeconds() + " s");
        } catch (final ExecutionException e) {
            console.say("the media driver cannot be heard: " + e.getCause().getMessage());
        }
        if (line == null || !line.startsWith(DriverCommand.READY)) {
            throw new CommandException("the media driver could not start" + lastWords(driver));
        }
        driver.process.onExit().thenAccept(process -> {
            if (!termination.isRequested()) {
                console.say("the media driver ended with exit code " + process.exitValue() + ", and the nodes will; its log is "
                        + driver.log);
                died.set(true);
            }
        });
        return line.substring(DriverCommand.READY.length());
    }

    private static @Nullable String firstLine(final Process process) {
        try {
            return process.inputReader(StandardCharsets.UTF_8).readLine();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Whether the cluster serves; false if the process is to end before that. */
    private boolean awaitReady() throws InterruptedException {
        while (!nodes.stream().allMatch(node -> node.ready.get())) {
            for (final Child node : nodes) {
                if (!node.alive()) {
                    throw new CommandException(node.name + " could not start" + lastWords(node));
                }
            }
            if (termination.await(POLL)) {
                return false;
            }
        }
        final String url = "http://"
                + (settings.address().isAnyLocalAddress() ? "127.0.0.1" : settings.address().getHostAddress()) + ":";
        console.say("ready: " + count + " nodes at " + url + settings.port() + " to " + (settings.port() + count - 1) + "; try: "
                + Served.example(url + settings.port(), settings));
        return true;
    }

    /** Whether the end was asked for; otherwise no node is left. */
    private boolean untilTheEnd() throws InterruptedException {
        while (!termination.await(POLL)) {
            if (nodes.stream().noneMatch(Child::alive)) {
                console.say("no node is left");
                return false;
            }
        }
        console.say("stopping; streams in flight may end");
        return true;
    }

    private void ended(final Child node) {
        if (!termination.isRequested() && node.ready.get()) {
            died.set(true);
            console.say(node.name + " (process " + node.process.pid() + ") ended with exit code " + node.process.exitValue()
                    + "; the others go on; its log is " + node.log);
        }
    }

    private void stop(final @Nullable Child driver) throws InterruptedException {
        termination.request();
        nodes.forEach(Supervisor::release);
        final long deadlineNs = System.nanoTime() + settings.shutdownGrace().plus(BEYOND_GRACE).toNanos();
        for (final Child node : nodes) {
            end(node, Duration.ofNanos(Math.max(0, deadlineNs - System.nanoTime())));
        }
        if (driver != null) {
            release(driver);
            end(driver, KILL_DEADLINE);
        }
    }

    private void end(final Child child, final Duration within) throws InterruptedException {
        if (!child.process.waitFor(within.toMillis(), TimeUnit.MILLISECONDS)) {
            console.say(child.name + " did not stop and is killed");
            child.process.destroyForcibly();
            child.process.waitFor(KILL_DEADLINE.toMillis(), TimeUnit.MILLISECONDS);
        }
    }

    /** The end of its standard input tells a child to end. */
    private static void release(final Child child) {
        try {
            child.process.outputWriter().close();
        } catch (final IOException expected) {
            // It has ended already.
        }
    }

    private static void tell(final Child driver, final long pid) throws IOException {
        driver.process.outputWriter().write(pid + "\n");
        driver.process.outputWriter().flush();
    }

    private static String lastWords(final Child child) {
        try (Stream<String> lines = Files.lines(child.log)) {
            return lines.filter(line -> line.startsWith(Console.PREFIX))
                    .reduce((a, b) -> b)
                    .map(line -> ": " + line.substring(Console.PREFIX.length()))
                    .orElse("; its log is " + child.log);
        } catch (final IOException | UncheckedIOException e) {
            return "";
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /** After an orderly end nothing is left; otherwise the logs are. */
    private void tidy(final Path directory, final boolean orderly) throws IOException {
        if (!orderly) {
            console.say("logs are in " + directory);
            return;
        }
        try (Stream<Path> files = Files.list(directory)) {
            for (final Path file : files.toList()) {
                Files.deleteIfExists(file);
            }
        }
        Files.deleteIfExists(directory);
    }
}
