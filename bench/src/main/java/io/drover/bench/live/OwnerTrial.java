package io.drover.bench.live;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/**
 * The homes of many copies of one request are killed, over and over, while the copies are at all possible tokens; the bodies must be equal,
 * byte for byte but for id and time. The request is sampled with a seed, its text is not all ASCII, and its stop string begins at every
 * word. The gateway's log says after how many tokens each stream had to go on elsewhere. A node that is only stopped and continued
 * ({@code SIGSTOP}) loses its streams all the same, and need not be started anew, so that many more tokens are met in the same time. The
 * trial ends once homes were lost after each of the request's tokens.
 */
final class OwnerTrial implements LiveBench.Trial {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int TOKENS = 200;
    private static final int SAID = 10;
    private static final int APART_MS = 3000;

    /** Long enough for another home to have gone on: suspicion, then the time until a takeover. */
    private static final double STILL_S = 1.5;

    private final boolean stopped;
    private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    /** @param stopped whether homes are stopped for a while rather than killed */
    OwnerTrial(final boolean stopped) {
        this.stopped = stopped;
    }

    @Override
    public int run(final LiveBench bench) throws Exception {
        final Random random = new Random(bench.seed);
        final AtomicInteger equal = new AtomicInteger();
        final List<String> different = Collections.synchronizedList(new ArrayList<>());
        final long covered;
        try (LiveCluster cluster = bench.cluster(bench.nodes)) {
            final String gateway = cluster.url(bench.nodes);
            final String model = cluster.get(bench.nodes, "/v1/models").at("/data/0/id").asText();
            final String control = body(gateway, request(model));
            bench.say("%d characters, of which %d are not ASCII", text(control).length(),
                    text(control).chars().filter(c -> c > 127).count());
            final AtomicBoolean stopping = new AtomicBoolean();
            final List<Thread> copies = new ArrayList<>();
            for (int i = 0; i < bench.clients; i++) {
                final Random pauses = new Random(bench.seed + i);
                copies.add(Thread.ofPlatform().daemon().start(() -> {
                    while (!stopping.get()) {
                        // Not in step: a kill is to meet them at different tokens.
                        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(pauses.nextInt(APART_MS)));
                        final String body = orFault(gateway, request(model));
                        if (body.equals(control)) {
                            equal.incrementAndGet();
                        } else {
                            different.add(body);
                            write(bench.file("different.txt"), body);
                        }
                    }
                }));
            }
            int times = 0;
            while (times < bench.count && takenOver(cluster.takeovers(bench.nodes)) < TOKENS) {
                times++;
                bench.pause(1 + random.nextDouble());
                final int victim = 1 + random.nextInt(bench.nodes - 1);
                if (stopped) {
                    cluster.signal(victim, "STOP");
                    bench.pause(STILL_S);
                    cluster.signal(victim, "CONT");
                } else {
                    cluster.kill(victim);
                    cluster.start(victim);
                }
                cluster.awaitWhole();
                if (times % SAID == 0) {
                    say(bench, cluster, times, equal.get(), different.size());
                }
            }
            stopping.set(true);
            for (final Thread copy : copies) {
                copy.join();
            }
            say(bench, cluster, times, equal.get(), different.size());
            covered = takenOver(cluster.takeovers(bench.nodes));
            bench.say("messages of former homes that were fenced off: %.0f",
                    cluster.total("drover_engine_fenced_messages_total"));
        }
        return different.size() + bench.aim("tokens before which no home was lost", TOKENS - covered, 0);
    }

    private static void say(final LiveBench bench, final LiveCluster cluster, final int times, final int equal,
            final int different) throws IOException {
        final List<LiveCluster.Takeover> takeovers = cluster.takeovers(bench.nodes);
        bench.say("%d times: %d bodies equal byte for byte, %d different; %d takeovers, before %d of the %d tokens at least one",
                times, equal, different, takeovers.size(), takenOver(takeovers), TOKENS);
    }

    /** Tokens before which at least one stream had to go on elsewhere; after the last there is nothing to go on with. */
    private static long takenOver(final List<LiveCluster.Takeover> takeovers) {
        return takeovers.stream().map(LiveCluster.Takeover::tokens).filter(tokens -> tokens < TOKENS).distinct().count();
    }

    private static void write(final Path file, final String body) {
        try {
            Files.writeString(file, body + "\n\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private String orFault(final String gateway, final Map<String, Object> request) {
        try {
            return body(gateway, request);
        } catch (final IOException e) {
            return e.toString();
        }
    }

    private static Map<String, Object> request(final String model) {
        return Map.of("model", model, "prompt", "Der Bär läuft über die Straße und", "max_tokens", TOKENS, "temperature", 0.8,
                "seed", 7,
                "stop", List.of(" \u2603"), "ignore_eos", true, "stream", true, "return_token_ids", true);
    }

    /** The body without what differs between any two requests. */
    private String body(final String gateway, final Map<String, Object> request) throws IOException {
        final StringBuilder body = new StringBuilder();
        try {
            final HttpResponse<Stream<String>> response = client
                    .send(HttpRequest.newBuilder(URI.create(gateway + "/v1/completions"))
                            .header("Content-Type", "application/json")
                            .POST(HttpRequest.BodyPublishers.ofString(JSON.writeValueAsString(request)))
                            .build(), HttpResponse.BodyHandlers.ofLines());
            try (Stream<String> lines = response.body()) {
                lines.forEach(line -> body
                        .append(line.replaceAll("\"id\":\"[^\"]*\"", "").replaceAll("\"created\":\\d+", ""))
                        .append('\n'));
            }
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
        return body.toString();
    }

    private static String text(final String body) throws IOException {
        final StringBuilder text = new StringBuilder();
        for (final String line : body.lines().filter(line -> line.startsWith("data: {")).toList()) {
            final JsonNode piece = JSON.readTree(line.substring(6).replace("{,", "{").replace(",,", ",")).at("/choices/0/text");
            text.append(piece.asText(""));
        }
        return text.toString();
    }
}
