package io.drover.bench.live;

import java.io.BufferedWriter;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntSupplier;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/**
 * A closed loop of clients: each sends a case of the model as soon as its last one has ended, streams the answer, and appends a
 * {@link StreamRecord} to a file.
 */
final class Load implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String DATA = "data: ";
    private static final Duration END = Duration.ofSeconds(300);
    private static final Duration MOVE = Duration.ofSeconds(30);
    private static final long PAUSE_AFTER_REFUSAL_MS = 50;

    private final List<Case> cases;
    private final Map<String, Integer> open = new HashMap<>();
    private final IntSupplier choice;
    private final BufferedWriter out;
    private final AtomicLong requests = new AtomicLong();
    private final AtomicLong ended = new AtomicLong();
    private final List<Thread> clients = new ArrayList<>();
    private final HttpClient client = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(5))
            .build();
    private List<String> urls;
    private volatile boolean stopping;

    /** @param expected what the oracle and Hugging Face generate greedily from {@code prompt} */
    record Case(int[] prompt, int[] expected) {}

    /**
     * @param urls   gateways, taken in turn
     * @param choice index of the next case
     * @param record appended to
     */
    Load(final List<Case> cases, final List<String> urls, final int clients, final IntSupplier choice, final Path record)
            throws IOException {
        this.cases = cases;
        this.urls = List.copyOf(urls);
        this.choice = choice;
        out = Files.newBufferedWriter(record);
        for (int i = 0; i < clients; i++) {
            this.clients.add(Thread.ofPlatform().daemon().name("client-" + i).start(this::loop));
        }
    }

    static List<Case> cases(final Path model) throws IOException {
        final List<Case> cases = new ArrayList<>();
        for (final JsonNode each : JSON.readTree(model.resolve("expected.json").toFile()).get("cases")) {
            cases.add(new Case(ids(each.get("prompt_ids")), ids(each.get("greedy_ids"))));
        }
        return cases;
    }

    private static int[] ids(final JsonNode array) {
        final int[] ids = new int[array.size()];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = array.get(i).asInt();
        }
        return ids;
    }

    private void loop() {
        while (!stopping) {
            final long number = requests.getAndIncrement();
            final String url = enter(number);
            final StreamRecord record = stream(number, Math.floorMod(choice.getAsInt(), cases.size()), url);
            leave(url);
            ended.incrementAndGet();
            try {
                synchronized (out) {
                    out.write(JSON.writeValueAsString(record));
                    out.newLine();
                }
                if (!record.proper()) {
                    Thread.sleep(PAUSE_AFTER_REFUSAL_MS);
                }
            } catch (final IOException e) {
                throw new IllegalStateException("cannot write the record: " + e.getMessage(), e);
            } catch (final InterruptedException e) {
                return;
            }
        }
    }

    private String enter(final long number) {
        synchronized (open) {
            final String url = urls.get((int) (number % urls.size()));
            open.merge(url, 1, Integer::sum);
            return url;
        }
    }

    private void leave(final String url) {
        synchronized (open) {
            open.merge(url, -1, Integer::sum);
            open.notifyAll();
        }
    }

    /** From now on only through this gateway; returns when the streams through others have ended. */
    void moveTo(final String url) throws InterruptedException {
        final long deadlineNs = System.nanoTime() + MOVE.toNanos();
        synchronized (open) {
            urls = List.of(url);
            while (open.entrySet().stream().anyMatch(each -> !each.getKey().equals(url) && each.getValue() > 0)) {
                final long leftMs = TimeUnit.NANOSECONDS.toMillis(deadlineNs - System.nanoTime());
                if (leftMs <= 0) {
                    throw new IllegalStateException(
                            "streams of another gateway did not end within " + MOVE.toSeconds() + " s: " + open);
                }
                open.wait(leftMs);
            }
        }
    }

    private StreamRecord stream(final long number, final int example, final String url) {
        final Case each = cases.get(example);
        final long startNs = System.nanoTime();
        final List<StreamRecord.Token> tokens = new ArrayList<>();
        String id = "";
        String finish = "";
        boolean done = false;
        String fault = "";
        boolean begun = false;
        try {
            final String body = JSON.writeValueAsString(Map.of("prompt", each.prompt(), "max_tokens", each.expected().length,
                    "temperature", 0, "ignore_eos", true, "return_token_ids", true, "stream", true));
            final HttpResponse<Stream<String>> response = client.send(HttpRequest.newBuilder(URI.create(url + "/v1/completions"))
                    .header("Content-Type", "application/json")
                    .timeout(END)
                    .POST(HttpRequest.BodyPublishers.ofString(body))
                    .build(), HttpResponse.BodyHandlers.ofLines());
            begun = true;
            try (Stream<String> lines = response.body()) {
                final Iterator<String> line = lines.iterator();
                while (line.hasNext()) {
                    final String text = line.next();
                    final long nowNs = System.nanoTime();
                    if (response.statusCode() != 200) {
                        fault = "status " + response.statusCode() + ": " + text;
                    } else if (text.equals("data: [DONE]")) {
                        done = true;
                    } else if (text.startsWith(DATA)) {
                        final JsonNode event = JSON.readTree(text.substring(DATA.length()));
                        fault = event.has("error") ? StreamRecord.ERROR_EVENT + event.get("error") : fault;
                        id = event.path("id").asText(id);
                        for (final JsonNode token : event.at("/choices/0/token_ids")) {
                            tokens.add(new StreamRecord.Token(tokens.size(), token.asInt(), nowNs));
                        }
                        finish = event.at("/choices/0/finish_reason").asText(finish);
                        finish = finish.equals("null") ? "" : finish;
                    }
                }
            }
        } catch (final IOException | RuntimeException e) {
            fault = (begun ? StreamRecord.BROKEN : "no answer: ") + e;
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            fault = "interrupted";
        }
        return new StreamRecord(number, example, url, id, startNs, tokens, finish, done, fault);
    }

    /** Lets it run for a while, and longer until a stream has ended. */
    void run(final int seconds) throws InterruptedException {
        final long before = ended.get();
        Thread.sleep(Duration.ofSeconds(seconds));
        LiveCluster.until("a stream to end", () -> ended.get() > before);
    }

    /** Lets the streams in flight end. */
    @Override
    public void close() throws IOException {
        stopping = true;
        try {
            for (final Thread each : clients) {
                if (!each.join(END)) {
                    throw new IOException("a stream did not end within " + END.toSeconds() + " s");
                }
            }
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while streams ended", e);
        } finally {
            client.shutdownNow();
        }
        synchronized (out) {
            out.close();
        }
    }
}
