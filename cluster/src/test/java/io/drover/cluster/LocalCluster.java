package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;

import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.stream.javadsl.Sink;
import org.awaitility.Awaitility;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.typesafe.config.ConfigFactory;

import io.drover.actors.Gateway;
import io.drover.actors.GenerationRequest;
import io.drover.actors.TokenEvent;
import io.drover.model.Sampling;
import io.drover.streams.BulkProvider;
import io.drover.streams.DriverSettings;
import io.drover.streams.MediaDriverHost;

/** Real nodes of one test: one process, one media driver, loopback, free ports, the embedded model. */
final class LocalCluster implements AutoCloseable {
    static final Path MODEL = Path.of(System.getProperty("drover.root"), "model", "demo");

    /** Far beyond what a step takes, for a machine that has much else to do. */
    private static final long PATIENCE_S = 240;

    static {
        Awaitility.setDefaultTimeout(PATIENCE_S, TimeUnit.SECONDS);
    }

    /** A prompt of the embedded model with its greedy continuation. */
    record Case(List<Integer> prompt, List<Integer> expected) {}

    private final MediaDriverHost driver = MediaDriverHost
            .launch(DriverSettings.from(ConfigFactory.defaultReference().resolve()));
    private final List<DroverNode> nodes = new ArrayList<>();
    private final int expected;

    LocalCluster(final int expected) {
        this.expected = expected;
    }

    /** Starts so many nodes, the first as the founder, and waits until all are ready. */
    static LocalCluster of(final int count) {
        final LocalCluster cluster = new LocalCluster(count);
        for (int i = 1; i <= count; i++) {
            cluster.start("node-" + i);
        }
        cluster.awaitReady();
        return cluster;
    }

    DroverNode start(final String name) {
        return start(name, Map.of());
    }

    DroverNode start(final String name, final Map<String, ?> more) {
        return start(name, more, UnaryOperator.identity());
    }

    DroverNode start(final String name, final Map<String, ?> more, final UnaryOperator<BulkProvider> provided) {
        final DroverNode node = get(DroverNode.start(settings(name, more), LocalCluster::ignore, provided).toCompletableFuture());
        nodes.add(node);
        return node;
    }

    /** Starts a node that must fail. Returns why. */
    String refused(final String name, final Map<String, ?> more) {
        try {
            nodes.add(
                    DroverNode.start(settings(name, more), LocalCluster::ignore)
                            .toCompletableFuture()
                            .get(PATIENCE_S, TimeUnit.SECONDS));
        } catch (final ExecutionException e) {
            assertThat(e.getCause()).isInstanceOf(StartException.class);
            return e.getCause().getMessage();
        } catch (final InterruptedException | TimeoutException e) {
            throw new AssertionError(e);
        }
        throw new AssertionError(name + " started, with " + more);
    }

    /** Ends a node as a crash would: it tells nobody. */
    void crash(final DroverNode node) {
        nodes.remove(node);
        node.system().terminate();
        get(node.whenStopped().toCompletableFuture());
    }

    void leave(final DroverNode node) {
        nodes.remove(node);
        get(node.stop(Duration.ofSeconds(5)).toCompletableFuture());
    }

    void await(final String what, final BooleanSupplier condition) {
        final long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - deadlineNs >= 0) {
                throw new AssertionError("waited in vain for " + what + ": " + nodes.stream().map(DroverNode::status).toList());
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
        }
    }

    private static void ignore(final Progress progress) {
        assertThat(progress.text()).isNotNull();
    }

    NodeSettings settings(final String name, final Map<String, ?> more) {
        final Map<String, Object> values = new HashMap<>();
        values.put("drover.cluster.node-name", name);
        values.put("drover.cluster.model-directory", MODEL.toString());
        values.put("drover.cluster.port", 0);
        values.put("drover.cluster.expected-nodes", expected);
        values.put("drover.cluster.seeds", nodes.stream().limit(1).map(DroverNode::address).toList());
        values.put("drover.streams.aeron-directory", driver.directory());
        values.put("drover.engine.kv-cache", "16 MiB");
        values.put("drover.cluster.join-timeout", PATIENCE_S + " s");
        values.putAll(more);
        return NodeSettings.of(ConfigFactory.parseMap(values));
    }

    List<DroverNode> nodes() {
        return nodes;
    }

    void awaitReady() {
        nodes.forEach(node -> get(node.whenReady().toCompletableFuture()));
    }

    List<Integer> generate(final DroverNode node, final List<Integer> prompt, final int tokens) {
        final Gateway.Admission admission = get(node.gateway()
                .submit(new GenerationRequest("r-" + System.nanoTime(), prompt,
                        Sampling.GREEDY, tokens, 0, true, List.of()))
                .toCompletableFuture());
        if (!(admission instanceof final Gateway.Admission.Accepted accepted)) {
            throw new AssertionError(admission.toString());
        }
        final ActorSystem<?> system = node.system();
        final List<TokenEvent> events = get(accepted.tokens().runWith(Sink.seq(), system).toCompletableFuture());
        if (!(events.getLast() instanceof TokenEvent.Finished)) {
            throw new AssertionError(events.getLast().toString());
        }
        return events.stream().filter(TokenEvent.Token.class::isInstance).map(event -> ((TokenEvent.Token) event).id()).toList();
    }

    static List<Case> cases(final int limit) {
        try {
            final JsonNode all = new ObjectMapper().readTree(MODEL.resolve("expected.json").toFile()).get("cases");
            final List<Case> cases = new ArrayList<>();
            for (int i = 0; i < Math.min(limit, all.size()); i++) {
                cases.add(new Case(ids(all.get(i).get("prompt_ids")), ids(all.get(i).get("greedy_ids"))));
            }
            return cases;
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Integer> ids(final JsonNode array) {
        final List<Integer> ids = new ArrayList<>();
        array.forEach(id -> ids.add(id.asInt()));
        return ids;
    }

    static <T> T get(final CompletableFuture<T> future) {
        try {
            return future.get(PATIENCE_S, TimeUnit.SECONDS);
        } catch (final Exception e) {
            throw new AssertionError(e.getCause() == null ? e : e.getCause());
        }
    }

    @Override
    public void close() {
        final List<CompletableFuture<Void>> stops = nodes.stream()
                .map(node -> node.stop(Duration.ofSeconds(1)).toCompletableFuture())
                .toList();
        try {
            stops.forEach(LocalCluster::get);
        } finally {
            driver.close();
        }
    }
}
