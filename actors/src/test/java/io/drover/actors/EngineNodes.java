package io.drover.actors;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.IntStream;

import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.stream.javadsl.Sink;
import org.awaitility.Awaitility;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;

import io.drover.model.Sampling;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.model.forward.ExpertWeights;
import io.drover.placement.Epoch;
import io.drover.placement.Placement;
import io.drover.streams.DataPlaneSettings;
import io.drover.streams.DriverSettings;
import io.drover.streams.Endpoint;
import io.drover.streams.Links;
import io.drover.streams.MediaDriverHost;

/** Several engines in this JVM on real Aeron, with their experts registered directly; no cluster. */
final class EngineNodes implements AutoCloseable {
    static {
        Awaitility.setDefaultTimeout(60, TimeUnit.SECONDS);
    }

    final List<NodeEngine> engines = new ArrayList<>();
    final List<Endpoint> endpoints = new ArrayList<>();
    private final List<ExpertWeights> weights = new ArrayList<>();
    private final MediaDriverHost driver;
    private final Checkpoint checkpoint;
    private final Config config;
    private final DataPlaneSettings plane;
    private final List<ReplicaId> replicas = new ArrayList<>();
    private final ActorSystem system = ActorSystem.create("clients");
    private long epoch;

    EngineNodes(final Path model, final int nodes, final String overlay) {
        config = ConfigFactory.parseString(overlay).withFallback(ConfigFactory.load());
        driver = MediaDriverHost.launch(DriverSettings.from(config));
        plane = DataPlaneSettings.from(config).withAeronDirectory(driver.directory());
        checkpoint = Checkpoint.open(model);
        for (int node = 0; node < nodes; node++) {
            final NodeEngine engine = start(node, 1);
            endpoints.add(engine.endpoint());
            engines.add(engine);
        }
    }

    private NodeEngine start(final int node, final long incarnation) {
        final Endpoint self = Endpoint.unresolved(node, incarnation, "node-" + (node + 1), "127.0.0.1:0");
        final NodeEngine engine = NodeEngine.create(EngineSettings.from(config), checkpoint,
                () -> Links.open(plane, self, System.nanoTime()), plane.largestFrameLength(), layer -> {});
        engine.start();
        return engine;
    }

    /** What a test can speak to the engines through, as a node without an engine. */
    Links links(final int node) {
        return Links.open(plane, Endpoint.unresolved(node, 1, "node-" + (node + 1), "127.0.0.1:0"), System.nanoTime());
    }

    /** A node that was closed starts anew, with the same id and experts; a table is to be published. */
    void restart(final int node) {
        engines.set(node, start(node, endpoints.get(node).incarnation() + 1));
        endpoints.set(node, engines.get(node).endpoint());
        List.copyOf(replicas).stream().filter(id -> id.device() == node).forEach(this::register);
    }

    /** The node's compute thread stands still until the returned latch is released, as after a SIGSTOP. */
    CountDownLatch pause(final int node) {
        final CountDownLatch goOn = new CountDownLatch(1);
        engines.get(node).deviceExecutor().execute(() -> {
            try {
                goOn.await();
            } catch (final InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        return goOn;
    }

    /** Gives each expert to the nodes that {@code hosts} names, and publishes the table. */
    void place(final int[][][] devices) {
        for (int layer = 0; layer < devices.length; layer++) {
            for (int expert = 0; expert < devices[layer].length; expert++) {
                for (final int device : devices[layer][expert]) {
                    replicas.add(new ReplicaId(layer, expert, device));
                    register(replicas.getLast());
                }
            }
        }
        publish(devices);
        awaitPeers();
    }

    void awaitPeers() {
        for (final NodeEngine engine : engines) {
            Awaitility.await()
                    .atMost(30, TimeUnit.SECONDS)
                    .until(() -> engine.status().peers().stream().filter(peer -> !peer.suspected()).count() == engines.size()
                            - 1);
        }
    }

    void publish(final int[][][] devices) {
        publish(devices, endpoints, IntStream.range(0, engines.size()).boxed().toArray(Integer[]::new));
    }

    /** @param nodeOfDevice the node of each device, -1 where it is gone */
    void publish(final int[][][] devices, final List<Endpoint> members, final Integer... nodeOfDevice) {
        final Placement placement = Placement.of(new Epoch(1, ++epoch), devices);
        final RoutingTable table = new RoutingTable(members, placement, List.of(nodeOfDevice));
        engines.forEach(engine -> engine.install(table).toCompletableFuture().join());
    }

    private void register(final ReplicaId id) {
        final NodeEngine engine = engines.get(id.device());
        final ExpertWeights loaded = engine.experts().load(id).toCompletableFuture().join();
        weights.add(loaded);
        final CompletableFuture<Void> done = new CompletableFuture<>();
        engine.deviceExecutor().execute(() -> {
            final ExpertPort[] port = new ExpertPort[1];
            port[0] = engine.experts()
                    .open(id, loaded, () -> engine.deviceExecutor().execute(() -> port[0].runBatch()));
            done.complete(null);
        });
        done.join();
    }

    int[][][] contiguous() {
        final int[] experts = checkpoint.config().expertsPerLayer();
        final int nodes = engines.size();
        return IntStream.range(0, experts.length)
                .mapToObj(layer -> IntStream.range(0, experts[layer])
                        .mapToObj(expert -> new int[]{expert * nodes / experts[layer]})
                        .toArray(int[][]::new))
                .toArray(int[][][]::new);
    }

    /** Each expert on two nodes. */
    int[][][] twice() {
        final int[][][] devices = contiguous();
        for (final int[][] layer : devices) {
            for (int expert = 0; expert < layer.length; expert++) {
                layer[expert] = new int[]{layer[expert][0], (layer[expert][0] + 1) % engines.size()};
            }
        }
        return devices;
    }

    static GenerationRequest greedy(final List<Integer> prompt, final int maxTokens) {
        return new GenerationRequest("test", prompt, Sampling.GREEDY, maxTokens, 0, true, List.of());
    }

    /** The events of a request given to a node's gateway. */
    CompletableFuture<List<TokenEvent>> generate(final int gateway, final GenerationRequest request) {
        return generate(gateway, request, event -> {});
    }

    /** @param listener told of each event as it reaches the client */
    CompletableFuture<List<TokenEvent>> generate(final int gateway, final GenerationRequest request,
            final Consumer<TokenEvent> listener) {
        return engines.get(gateway)
                .gateway()
                .submit(request)
                .thenCompose(admission -> switch (admission) {
                    case Gateway.Admission.Accepted accepted -> accepted.tokens()
                            .wireTap(listener::accept)
                            .runWith(Sink.seq(), system);
                    case Gateway.Admission.Refused refused -> CompletableFuture.<List<TokenEvent>>failedFuture(
                            new IllegalStateException(refused.toString()));
                })
                .toCompletableFuture();
    }

    static List<Integer> ids(final CompletableFuture<List<TokenEvent>> events) {
        final List<TokenEvent> all = events.orTimeout(60, TimeUnit.SECONDS).join();
        if (!(all.getLast() instanceof TokenEvent.Finished)) {
            throw new AssertionError("ended with " + all.getLast());
        }
        return all.stream().filter(TokenEvent.Token.class::isInstance).map(event -> ((TokenEvent.Token) event).id()).toList();
    }

    ActorSystem system() {
        return system;
    }

    @Override
    public void close() {
        engines.forEach(NodeEngine::close);
        weights.forEach(ExpertWeights::close);
        system.terminate();
        driver.close();
        checkpoint.close();
    }
}
