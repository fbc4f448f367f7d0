package io.drover.bench.live;

import java.io.BufferedReader;
import java.io.IOException;
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
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/**
 * A cluster of nodes as processes of this machine, each of which can be started, killed, paused and stopped at any time; media drivers
 * are processes of their own unless the {@link LiveSite} says otherwise. Node i, from 1, listens on port {@code base + i}.
 */
final class LiveCluster implements AutoCloseable {
    /** What is waited for. */
    interface Condition {
        boolean holds() throws IOException;
    }

    /** With this key the node that the coordinator runs on says so in its log. */
    static final String COORDINATOR_LOGGED = "pekko.loglevel = INFO";

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String DRIVER_READY = "media driver ready in ";
    /** A request's id is its completion's and the number of the choice. */
    private static final Pattern MOVED = Pattern.compile("\\((\\S+)-\\d+\\) goes on elsewhere after (\\d+) tokens");
    private static final Pattern COORDINATES = Pattern.compile("starting singleton actor \\[\\S+/coordinator]");
    private static final String DRIVER = "media-driver";
    private static final Duration START = Duration.ofSeconds(300);
    private static final Duration STOP = Duration.ofSeconds(90);
    private static final Duration ANSWER = Duration.ofSeconds(10);
    private static final int CONTROL = 100;
    private static final int PORTS = 200;
    private static final int FIRST_PORT = 20_000;
    private static final int LAST_PORT = 32_000;
    private static final int MOST_TRIES = 100;
    private static final int MOST_NODES = 9;
    private static final String ADMIN_KEY = "live-trial";

    private final Path directory;
    private final int base;
    private final int expected;
    private final List<String> overrides;
    private final LiveSite site;
    private final Map<Integer, Driver> drivers = new TreeMap<>();
    private final Map<Integer, Process> nodes = new TreeMap<>();
    /** Of each node's log, lines of its processes before the present one. */
    private final Map<Integer, Long> earlierLines = new TreeMap<>();
    private final HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(2)).build();

    private record Driver(Process process, String directory) {}

    /** A stream that had to go on elsewhere after so many tokens. */
    record Takeover(String completion, int tokens) {}

    /**
     * @param directory where configurations and logs go
     * @param expected  nodes to wait for before experts are placed
     * @param overrides {@code key = value} lines for every node
     */
    LiveCluster(final Path directory, final int expected, final List<String> overrides, final LiveSite site) throws IOException {
        this.directory = Files.createDirectories(directory);
        this.expected = expected;
        this.overrides = List.copyOf(overrides);
        this.site = site;
        base = freeBase();
    }

    /** Starts a node, and its media driver if that does not run, and returns at once. */
    void start(final int node) throws IOException {
        final String seeds = IntStream.rangeClosed(1, MOST_NODES)
                .mapToObj(i -> "\"" + site.host(i) + ":" + (base + CONTROL + i) + "\"")
                .collect(Collectors.joining(", ", "[", "]"));
        final List<String> conf = new ArrayList<>(List.of("drover.cluster.node-name = node-" + node,
                "drover.cluster.model-directory = \"" + model() + "\"", "drover.cluster.host = \"" + site.host(node) + "\"",
                "drover.cluster.port = " + (base + CONTROL + node), "drover.cluster.seeds = " + seeds,
                "drover.cluster.expected-nodes = " + expected, "drover.http.interface = \"" + site.host(node) + "\"",
                "drover.http.port = " + (base + node)));
        final Driver driver = site.driver(node) < 0 ? null : driver(site.driver(node));
        if (driver != null) {
            conf.add("drover.streams.aeron-directory = \"" + driver.directory + "\"");
        }
        conf.addAll(overrides);
        // The last line of a key holds.
        conf.addAll(site.keys(node));
        final Path file = Files.writeString(directory.resolve("node-" + node + ".conf"), String.join("\n", conf));
        earlierLines.put(node, Files.exists(log(node)) ? lines(log(node)) : 0);
        final Process process = run("node-" + node, site.prefix(node), site.logs(node, directory),
                List.of("node", "--supervised", "--conf", file.toString()));
        nodes.put(node, process);
        if (driver != null) {
            driver.process.outputWriter().write(process.pid() + "\n");
            driver.process.outputWriter().flush();
        }
    }

    private static long lines(final Path file) throws IOException {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.count();
        }
    }

    private Driver driver(final int number) throws IOException {
        final Driver running = drivers.get(number);
        if (running != null && running.process.isAlive()) {
            return running;
        }
        final List<String> conf = new ArrayList<>(overrides);
        if (!site.aeronDirectory(number).isEmpty()) {
            conf.add("drover.streams.aeron-directory = \"" + site.aeronDirectory(number) + "\"");
        }
        final Path file = Files.writeString(directory.resolve("media-driver-" + number + ".conf"), String.join("\n", conf));
        final Process process = run(DRIVER, List.of(), directory, List.of(DRIVER, "--conf", file.toString()));
        // Read on for as long as the driver lives: it must not block on a full pipe.
        final BufferedReader lines = process.inputReader(StandardCharsets.UTF_8);
        final String line = lines.readLine();
        if (line == null || !line.startsWith(DRIVER_READY)) {
            process.destroyForcibly();
            throw new IOException("the media driver did not start; see " + directory.resolve("media-driver.log"));
        }
        final Driver driver = new Driver(process, line.substring(DRIVER_READY.length()));
        drivers.put(number, driver);
        return driver;
    }

    /** {@code kill -9} of a media driver. */
    void killDriver(final int number) throws InterruptedException {
        drivers.get(number).process.destroyForcibly().waitFor();
    }

    static Path model() {
        return root().resolve("model").resolve("demo");
    }

    private static Path root() {
        return Path.of(System.getProperty("drover.root", ".")).toAbsolutePath();
    }

    /**
     * Runs a command of Drover, as its script does.
     *
     * @param logs where its output goes, as {@code name.log} and {@code name.out}
     */
    Process run(final String name, final List<String> prefix, final Path logs, final List<String> arguments) throws IOException {
        final List<String> command = new ArrayList<>(prefix);
        command.add(root().resolve("drover").toString());
        command.addAll(arguments);
        final ProcessBuilder builder = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.appendTo(logs.resolve(name + ".log").toFile()));
        builder.environment().putIfAbsent("DROVER_LOG_LEVEL", "INFO");
        builder.environment().put("DROVER_ADMIN_KEY", ADMIN_KEY);
        if (!name.equals(DRIVER)) {
            builder.redirectOutput(ProcessBuilder.Redirect.appendTo(logs.resolve(name + ".out").toFile()));
        }
        return builder.start();
    }

    String url(final int node) {
        return "http://" + site.host(node) + ":" + (base + node);
    }

    /** The streams of a gateway that had to go on elsewhere, by its log. */
    List<Takeover> takeovers(final int gateway) throws IOException {
        try (Stream<String> lines = Files.lines(log(gateway))) {
            return lines.flatMap(line -> MOVED.matcher(line).results())
                    .map(moved -> new Takeover(moved.group(1), Integer.parseInt(moved.group(2))))
                    .toList();
        }
    }

    /** The node that the coordinator runs on, by the nodes' logs; needs {@link #COORDINATOR_LOGGED}. */
    int coordinator() throws IOException {
        for (final int node : running()) {
            try (Stream<String> lines = Files.lines(log(node))) {
                // It stays with a node for as long as that lives.
                if (lines.skip(earlierLines.get(node)).anyMatch(line -> COORDINATES.matcher(line).find())) {
                    return node;
                }
            }
        }
        throw new IOException("no node says that the coordinator runs on it");
    }

    private Path log(final int node) {
        return site.logs(node, directory).resolve("node-" + node + ".log");
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
        awaitEnd(node);
    }

    void awaitEnd(final int node) throws IOException, InterruptedException {
        if (!nodes.get(node).waitFor(STOP.toSeconds(), TimeUnit.SECONDS)) {
            throw new IOException("node-" + node + " did not stop within " + STOP.toSeconds() + " s");
        }
    }

    /** Waits until a node that was started answers at all. */
    void awaitDoor(final int node) throws IOException, InterruptedException {
        until("an answer of node-" + node, () -> readiness(node).status() > 0 || !nodes.get(node).isAlive());
        if (!nodes.get(node).isAlive()) {
            throw new IOException(
                    "node-" + node + " did not start; see " + site.logs(node, directory).resolve("node-" + node + ".log"));
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
                () -> running().stream().filter(node -> readiness(node).ready()).count() >= count);
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
        return JSON.readTree(send(request(node, path).GET(), ANSWER).body());
    }

    JsonNode post(final int node, final String path, final String body) throws IOException {
        return JSON.readTree(send(request(node, path).header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body)), ANSWER).body());
    }

    /**
     * What a node's {@code /health/ready} says.
     *
     * @param status of HTTP; -1 if no answer came within a second
     * @param body   of the answer; empty if none came
     */
    record Readiness(int status, String body) {
        boolean ready() {
            return status == 200;
        }
    }

    Readiness readiness(final int node) {
        try {
            final HttpResponse<String> answer = send(request(node, "/health/ready").GET(), Duration.ofSeconds(1));
            return new Readiness(answer.statusCode(), answer.body());
        } catch (final IOException e) {
            return new Readiness(-1, "");
        }
    }

    /** Sum over the labels of a metric of a node's process. */
    double metric(final int node, final String name) throws IOException {
        return send(request(node, "/metrics").GET(), ANSWER).body()
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

    private HttpRequest.Builder request(final int node, final String path) {
        return HttpRequest.newBuilder(URI.create(url(node) + path)).header("Authorization", "Bearer " + ADMIN_KEY);
    }

    private HttpResponse<String> send(final HttpRequest.Builder request, final Duration within) throws IOException {
        try {
            return client.send(request.timeout(within).build(), HttpResponse.BodyHandlers.ofString());
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    /** Below the ports that connections take for their own ends: a node that is started anew minutes later needs its port still. */
    private static int freeBase() throws IOException {
        for (int tries = 0; tries < MOST_TRIES; tries++) {
            final int base = FIRST_PORT + PORTS * ThreadLocalRandom.current().nextInt((LAST_PORT - FIRST_PORT) / PORTS);
            if (IntStream.rangeClosed(1, MOST_NODES).allMatch(node -> isFree(base + node) && isFree(base + CONTROL + node))) {
                return base;
            }
        }
        throw new IOException("no free ports between " + FIRST_PORT + " and " + LAST_PORT);
    }

    private static boolean isFree(final int port) {
        try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            return socket.isBound();
        } catch (final IOException e) {
            return false;
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
            for (final Driver driver : drivers.values()) {
                driver.process.outputWriter().close();
                if (!driver.process.waitFor(STOP.toSeconds(), TimeUnit.SECONDS)) {
                    driver.process.destroyForcibly();
                }
            }
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the nodes stopped", e);
        } finally {
            nodes.values().forEach(Process::destroyForcibly);
            drivers.values().forEach(driver -> driver.process.destroyForcibly());
            client.shutdownNow();
        }
    }
}
