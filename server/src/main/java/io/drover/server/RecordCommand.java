package io.drover.server;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;

import io.drover.cluster.TraceLines;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code record}: writes what the gates of a serving cluster choose, as the trace that {@code plan} reads. */
@Command(name = "record", description = "Records the routing of live traffic as a trace for 'drover plan --trace'.", mixinStandardHelpOptions = true, footer = {
    "", "Writes DIR/trace.jsonl when it ends: by a limit, by Ctrl-C, or with the server. Requests are served as before.",
    "What is written holds expert numbers and gate weights and no text.",
    "Exit code: 0 if something was recorded, 1 if not."})
final class RecordCommand implements Callable<Integer> {
    private static final String FILE = "trace.jsonl";
    private static final Duration DEADLINE = Duration.ofSeconds(15);
    private static final long SHOW_NS = TimeUnit.SECONDS.toNanos(5);
    private static final Pattern TIME = Pattern.compile("(\\d{1,9})(s|m|h|)");

    @Parameters(paramLabel = "DIR", description = "Where the trace goes; made if it is not there.")
    private Path directory = Path.of("");

    @Mixin
    private AdminClient server = new AdminClient();

    @Option(names = "--duration", paramLabel = "TIME", defaultValue = "", description = "Ends after this long, such as 90s, 5m or 1h.")
    private String duration = "";

    @Option(names = "--tokens", paramLabel = "N", defaultValue = "0", description = "Ends after about so many positions of all sequences.")
    private long tokens;

    private final Console console;
    private final Termination termination;
    private final CountDownLatch enough = new CountDownLatch(1);
    private final Map<String, long[]> nodes = new TreeMap<>();
    private long positions;

    RecordCommand(final Console console, final Termination termination) {
        this.console = console;
        this.termination = termination;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        final Duration limit = limit();
        if (tokens < 0) {
            throw new CommandException("--tokens is " + tokens + "; expected at least 1");
        }
        final Path trace = directory.resolve(FILE);
        if (Files.exists(trace)) {
            throw new CommandException(trace + " exists; choose another directory");
        }
        Files.createDirectories(directory);
        final Path part = directory.resolve(FILE + ".part");
        termination.watchSignals(DEADLINE.multipliedBy(2));
        try (HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(DEADLINE).build()) {
            try (InputStream lines = open(client)) {
                console.say("recording from " + server.url() + (limit.isZero() && tokens == 0 ? " until Ctrl-C" : ""));
                final Thread watch = Thread.ofVirtual().start(() -> stopInTime(client, lines, limit));
                try {
                    write(lines, part);
                } finally {
                    watch.interrupt();
                }
            } finally {
                // What is left of the exchange is of no interest once its lines are read, or cannot be written.
                client.shutdownNow();
            }
        }
        if (positions == 0) {
            Files.delete(part);
            throw new CommandException("no sequence was computed while this recorded; nothing is written");
        }
        Files.move(part, trace, StandardCopyOption.ATOMIC_MOVE);
        show();
        console.say("wrote " + trace + "; compare placements with: drover plan --trace " + directory);
        return 0;
    }

    private InputStream open(final HttpClient client) throws InterruptedException {
        try {
            final HttpResponse<InputStream> response = client.send(server.request("/admin/trace").build(),
                    HttpResponse.BodyHandlers.ofInputStream());
            if (response.statusCode() != 200) {
                throw server.refused(response.statusCode(),
                        new String(response.body().readAllBytes(), StandardCharsets.UTF_8));
            }
            return response.body();
        } catch (final IOException e) {
            throw server.unreachable(e);
        }
    }

    /** Asks the nodes to send what they have left, after which the lines end; cuts them if they do not. */
    private void stopInTime(final HttpClient client, final InputStream lines, final Duration limit) {
        final long startNs = System.nanoTime();
        try {
            while (!termination.isRequested() && !enough.await(100, TimeUnit.MILLISECONDS)
                    && (limit.isZero() || System.nanoTime() - startNs < limit.toNanos())) {
                Thread.onSpinWait();
            }
            client.send(server.request("/admin/trace/stop").timeout(DEADLINE).POST(HttpRequest.BodyPublishers.noBody()).build(),
                    HttpResponse.BodyHandlers.discarding());
            Thread.sleep(DEADLINE);
            console.say("the server has not ended the recording within " + DEADLINE.toSeconds() + " s; what came is kept");
            lines.close();
        } catch (final IOException e) {
            console.say("the server does not answer; what came is kept");
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void write(final InputStream lines, final Path part) throws IOException {
        try {
            copy(lines, part);
        } catch (final JsonProcessingException e) {
            throw e;
        } catch (final IOException e) {
            throw new CommandException("cannot write " + part + ": " + e.getMessage() + "; the recording ends");
        }
    }

    private void copy(final InputStream lines, final Path part) throws IOException {
        long shownNs = System.nanoTime();
        try (BufferedWriter out = Files.newBufferedWriter(part);
                BufferedReader in = new BufferedReader(new InputStreamReader(lines, StandardCharsets.UTF_8))) {
            for (String line; (line = next(in)) != null;) {
                if (line.startsWith(TraceLines.NOTE)) {
                    note(RequestReader.JSON.readTree(line).path("drover_record"));
                } else {
                    out.write(line);
                    out.write('\n');
                }
                if (System.nanoTime() - shownNs >= SHOW_NS) {
                    shownNs = System.nanoTime();
                    show();
                }
            }
        }
    }

    /** The next whole line; null at the end, however it came. */
    private static @org.jspecify.annotations.Nullable String next(final BufferedReader in) {
        try {
            return in.readLine();
        } catch (final IOException e) {
            return null;
        }
    }

    private void note(final JsonNode note) {
        final String node = note.path("node").asText();
        if (note.has("error")) {
            console.say(node + ": " + note.path("error").asText());
            return;
        }
        final long[] told = nodes.computeIfAbsent(node, name -> new long[2]);
        positions += note.path("positions").asLong() - told[0];
        told[0] = note.path("positions").asLong();
        told[1] = note.path("dropped").asLong();
        if (tokens > 0 && positions >= tokens) {
            enough.countDown();
        }
    }

    private void show() {
        final long dropped = nodes.values().stream().mapToLong(told -> told[1]).sum();
        console.say("%,d positions of %d nodes".formatted(positions, nodes.size())
                + (dropped == 0 ? "" : "; %,d more did not fit the nodes' buffers and are missing".formatted(dropped)));
    }

    private Duration limit() {
        if (duration.isEmpty()) {
            return Duration.ZERO;
        }
        final Matcher time = TIME.matcher(duration);
        if (!time.matches() || Long.parseLong(time.group(1)) == 0) {
            throw new CommandException("--duration is '" + duration + "'; expected a time such as 90s, 5m or 1h");
        }
        return Duration.ofSeconds(Long.parseLong(time.group(1)) * switch (time.group(2)) {
            case "m" -> 60;
            case "h" -> 3600;
            default -> 1;
        });
    }
}
