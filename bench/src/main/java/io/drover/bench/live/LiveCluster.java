package io.drover.bench.live;

import java.io.BufferedReader;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/**
 * A cluster of nodes as processes of this machine, each of which can be started, killed, paused and stopped at any time; the media driver
 * is a process of its own. Node i, from 1, listens on port {@code base + i}.
 */
final class LiveCluster implements AutoCloseable {
    /** What is waited for. */
    interface Condition {
        boolean holds() throws IOException;
    }

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String DRIVER_READY = "media driver ready in ";
    private static final Duration START = Duration.ofSeconds(180);
    private static final Duration STOP = Duration.ofSeconds(90);
    private static final int CONTROL = 100;

    private final Path directory;
    private final int base;
    private final int expected;
    private final List<String> overrides;
    private final Process driver;
    private final String aeron;
    private final Map<Integer, Process> nodes = new TreeMap<>();
    private final HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(2)).build();

    /**
     * @param directory where configurations and logs go
     * @param expected  nodes to wait for before experts are placed
     * @param overrides {@code key = value} lines for every node
     */
    LiveCluster(final Path directory, final int expected, final List<String> overrides) throws IOException {
        this.directory = Files.createDirectories(directory);
        this.expected = expected;
        this.overrides = List.copyOf(overrides);
        base = freeBase();
        final Path conf = Files.writeString(directory.resolve("media-driver.conf"), String.join("\n", overrides));
        driver = start("media-driver", List.of("media-driver", "--conf", conf.toString()));
        // Read on for as long as the driver lives: it must not block on a full pipe.
        final BufferedReader lines = driver.inputReader(StandardCharsets.UTF_8);
        final String line = lines.readLine();
        if (line == null || !line.startsWith(DRIVER_READY)) {
            throw new IOException("the media driver did not start; see " + directory.resolve("media-driver.log"));
        }
        aeron = line.substring(DRIVER_READY.length());
    }

    /** Starts a node and returns at once. */
    void start(final int node) throws IOException {
        final String seeds = IntStream.rangeClosed(1, 9)
                .mapToObj(i -> "\"127.0.0.1:" + (base + CONTROL + i) + "\"")
                .collect(Collectors.joining(", ", "[", "]"));
        final List<String> conf = new ArrayList<>(List.of("drover.cluster.node-name = node-" + node,
                "drover.cluster.model-directory = \"" + model() + "\"", "drover.cluster.port = " + (base + CONTROL + node),
                "drover.cluster.seeds = " + seeds, "drover.cluster.expected-nodes = " + expected,
                "drover.http.port = " + (base + node), "drover.streams.aeron-directory = \"" + aeron + "\""));
        conf.addAll(overrides);
        final Path file = Files.writeString(directory.resolve("node-" + node + ".conf"), String.join("\n", conf));
        final Process process = start("node-" + node, List.of("node", "--supervised", "--conf", file.toString()));
        nodes.put(node, process);
        driver.outputWriter().write(process.pid() + "\n");
        driver.outputWriter().flush();
    }

    static Path model() {
        return Path.of(System.getProperty("drover.root", "."), "model", "demo").toAbsolutePath();
    }

    private Process start(final String name, final List<String> arguments) throws IOException {
        final List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        ManagementFactory.getRuntimeMXBean()
                .getInputArguments()
                .stream()
                .filter(flag -> !flag.startsWith("-agent"))
                .forEach(command::add);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), "io.drover.server.Main"));
        command.addAll(arguments);
        final ProcessBuilder builder = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.appendTo(directory.resolve(name + ".log").toFile()));
        builder.environment().putIfAbsent("DROVER_LOG_LEVEL", "INFO");
        if (!name.equals("media-driver")) {
            builder.redirectOutput(ProcessBuilder.Redirect.appendTo(directory.resolve(name + ".out").toFile()));
        }
        return builder.start();
    }

    String url(final int node) {
        return "http://127.0.0.1:" + (base + node);
    }

    Process process(final int node) {
        return nodes.get(node);
    }

    List<Integer> running() {
        return nodes.entrySet().stream().filter(node -> node.getValue().isAlive()).map(Map.Entry::getKey).toList();
    }

    /** {@code kill -9}. */
    void kill(final int node) throws InterruptedException {
        nodes.get(node).destroyForcibly().waitFor();
    }

    /** {@code SIGSTOP} or {@code SIGCONT}. */
    void signal(final int node, final String signal) throws IOException, InterruptedException {
        new ProcessBuilder("kill", "-" + signal, String.valueOf(nodes.get(node).pid())).inheritIO().start().waitFor();
    }

    /** Asks a node to leave in order, and waits for its end. */
    void stop(final int node) throws IOException, InterruptedException {
        nodes.get(node).outputWriter().close();
        if (!nodes.get(node).waitFor(STOP.toSeconds(), TimeUnit.SECONDS)) {
            throw new IOException("node-" + node + " did not stop within " + STOP.toSeconds() + " s");
        }
    }

    /** Waits until every running node is ready and serves, and no other counts as a member, as the door of each says. */
    void awaitWhole() throws InterruptedException {
        final List<String> names = running().stream().map(node -> "node-" + node).toList();
        until("all of " + names + " to serve", () -> running().stream().allMatch(node -> {
            try {
                final JsonNode status = get(node, "/admin/status");
                final Map<String, String> states = new TreeMap<>();
                status.path("nodes").forEach(each -> states.put(each.get("name").asText(), each.get("state").asText()));
                return status.path("ready").asBoolean() && states.entrySet()
                        .stream()
                        .allMatch(each -> each.getValue().equals(names.contains(each.getKey()) ? "SERVING" : "GONE"));
            } catch (final IOException e) {
                return false;
            }
        }));
    }

    /** Waits until so many nodes are ready to serve. */
    void awaitReady(final int count) throws InterruptedException {
        until(count + " nodes to be ready",
                () -> running().stream().filter(node -> status(node, "/health/ready") == 200).count() >= count);
    }

    /** A node that cannot be asked now does not fulfil a condition. */
    static void until(final String what, final Condition condition) throws InterruptedException {
        final long deadlineNs = System.nanoTime() + START.toNanos();
        while (!holds(condition)) {
            if (System.nanoTime() > deadlineNs) {
                throw new IllegalStateException("waited " + START.toSeconds() + " s in vain for " + what);
            }
            Thread.sleep(50);
        }
    }

    private static boolean holds(final Condition condition) {
        try {
            return condition.holds();
        } catch (final IOException e) {
            return false;
        }
    }

    JsonNode get(final int node, final String path) throws IOException {
        return JSON.readTree(send(HttpRequest.newBuilder(URI.create(url(node) + path)).GET()).body());
    }

    JsonNode post(final int node, final String path, final String body) throws IOException {
        return JSON.readTree(send(HttpRequest.newBuilder(URI.create(url(node) + path))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body))).body());
    }

    int status(final int node, final String path) {
        try {
            return send(HttpRequest.newBuilder(URI.create(url(node) + path)).GET()).statusCode();
        } catch (final IOException e) {
            return -1;
        }
    }

    /** Sum over the labels of a metric of a node's process. */
    double metric(final int node, final String name) throws IOException {
        return send(HttpRequest.newBuilder(URI.create(url(node) + "/metrics")).GET()).body()
                .lines()
                .filter(line -> line.startsWith(name + "{") || line.startsWith(name + " "))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                .sum();
    }

    /** Of a metric's sum over all nodes that run. */
    double total(final String name) throws IOException {
        double sum = 0;
        for (final int node : running()) {
            sum += metric(node, name);
        }
        return sum;
    }

    private HttpResponse<String> send(final HttpRequest.Builder request) throws IOException {
        try {
            return client.send(request.timeout(Duration.ofSeconds(10)).build(), HttpResponse.BodyHandlers.ofString());
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    private static int freeBase() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return Math.min(64_000, Math.max(20_000, socket.getLocalPort() / 200 * 200));
        }
    }

    /** Nodes end in order; what has not ended by then is killed. */
    @Override
    public void close() throws IOException {
        try {
            for (final int node : running()) {
                signal(node, "CONT");
                nodes.get(node).outputWriter().close();
            }
            for (final Process node : nodes.values()) {
                if (!node.waitFor(STOP.toSeconds(), TimeUnit.SECONDS)) {
                    node.destroyForcibly();
                }
            }
            driver.outputWriter().close();
            if (!driver.waitFor(STOP.toSeconds(), TimeUnit.SECONDS)) {
                driver.destroyForcibly();
            }
        } catch (final InterruptedException e) {
            nodes.values().forEach(Process::destroyForcibly);
            driver.destroyForcibly();
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the nodes stopped", e);
        }
    }
}
