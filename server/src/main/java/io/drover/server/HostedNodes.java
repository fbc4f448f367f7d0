package io.drover.server;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;

import io.drover.actors.EngineSettings;
import io.drover.cluster.DroverNode;
import io.drover.cluster.NodeSettings;
import io.drover.cluster.Progress;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.model.forward.KernelWarmUp;
import io.drover.model.kernel.ComputeTeam;
import io.drover.model.kernel.CpuKernels;
import io.drover.streams.BulkSettings;
import io.drover.streams.DataPlaneSettings;
import io.drover.streams.DriverSettings;
import io.drover.streams.MediaDriverHost;
import io.drover.streams.TermPlan;

/** The nodes of this process, and the media driver that they share unless the configuration names one outside. */
final class HostedNodes {
    private static final Logger LOG = LoggerFactory.getLogger(HostedNodes.class);
    private static final Duration STOP_MARGIN = Duration.ofSeconds(40);
    private static final Duration READY_POLL = Duration.ofMillis(100);
    private static final String AERON_DIRECTORY = "drover.streams.aeron-directory";

    private final @Nullable MediaDriverHost driver;
    private final List<DroverNode> nodes = new ArrayList<>();

    private HostedNodes(final @Nullable MediaDriverHost driver) {
        this.driver = driver;
    }

    /** One node, by its own configuration. */
    static HostedNodes one(final Config overlay, final Consumer<Progress> progress) {
        final HostedNodes hosted = new HostedNodes(driver(overlay, 1));
        hosted.startAll(List.of(NodeSettings.of(hosted.withDriver(overlay))), progress);
        return hosted;
    }

    /** A whole cluster: the first node founds it, the others join through it. They share the cores. */
    static HostedNodes cluster(final Config overlay, final int count, final Consumer<Progress> progress) {
        final HostedNodes hosted = new HostedNodes(driver(overlay, count));
        final Config shared = hosted.withDriver(overlay).withFallback(share(count));
        hosted.startAll(List.of(NodeSettings.of(member(shared, 1, count, 0, List.of()))), progress);
        final String seed = hosted.nodes.getFirst().address();
        final List<NodeSettings> others = new ArrayList<>();
        for (int i = 2; i <= count; i++) {
            others.add(NodeSettings.of(member(shared, i, count, 0, List.of(seed))));
        }
        hosted.startAll(others, progress);
        return hosted;
    }

    /** The configuration of node {@code index}, from 1, of a cluster of {@code count} on this machine. */
    static Config member(final Config overlay, final int index, final int count, final int port, final List<String> seeds) {
        final Map<String, Object> own = new LinkedHashMap<>();
        own.put("drover.cluster.node-name", "node-" + index);
        own.put("drover.cluster.port", port);
        own.put("drover.cluster.seeds", seeds);
        own.put("drover.cluster.expected-nodes", count);
        return ConfigFactory.parseMap(own).withFallback(overlay);
    }

    /** A node's share of this machine. */
    static Config share(final int count) {
        final int cores = Math.max(1, Runtime.getRuntime().availableProcessors() / count);
        return ConfigFactory.parseMap(Map.of("drover.engine.compute-threads", cores, "drover.engine.loader-threads", cores));
    }

    private static @Nullable MediaDriverHost driver(final Config overlay, final int nodesHere) {
        final Config all = overlay.withFallback(ConfigFactory.load());
        if (!all.getString(AERON_DIRECTORY).isEmpty()) {
            return null;
        }
        checkSharedMemory(overlay, nodesHere);
        return MediaDriverHost.launch(DriverSettings.from(all));
    }

    /**
     * Refuses to launch a driver for so many nodes of this machine where its memory would not suffice, with both numbers.
     *
     * @throws IllegalStateException one sentence
     */
    static void checkSharedMemory(final Config overlay, final int nodesHere) {
        final Config all = overlay.withFallback(ConfigFactory.load());
        final int nodesElsewhere = Math.max(0, all.getInt("drover.cluster.expected-nodes") - nodesHere);
        TermPlan.of(DataPlaneSettings.from(all), nodesHere, nodesElsewhere)
                .withBulk(BulkSettings.from(all))
                .check(MediaDriverHost.place(DriverSettings.from(all)));
    }

    private Config withDriver(final Config overlay) {
        return driver == null
                ? overlay
                : ConfigFactory.parseMap(Map.of(AERON_DIRECTORY, driver.directory())).withFallback(overlay);
    }

    /** Begins now what the engine of a node will wait for: a founding cluster leaves the cores idle now and then. */
    private static void warmUp(final NodeSettings node) {
        final EngineSettings engine = node.engine();
        Thread.ofPlatform().daemon().name("drover-warm-up").start(() -> {
            try (Checkpoint checkpoint = Checkpoint.open(node.modelDirectory(), node.weights().required());
                    ComputeTeam team = new ComputeTeam(engine.computeThreads(), () -> {})) {
                KernelWarmUp.run(CpuKernels.create(team, engine.kernels()), checkpoint, engine.kvType(), engine.wireType(),
                        engine.warmUp());
            } catch (final RuntimeException e) {
                LOG.debug("the kernels were not warmed up early; the node's start will say why", e);
            }
        });
    }

    /** Starts them side by side; if one fails, all that run are stopped. */
    private void startAll(final List<NodeSettings> settings, final Consumer<Progress> progress) {
        settings.stream().findFirst().ifPresent(HostedNodes::warmUp);
        final List<CompletableFuture<DroverNode>> starting = settings.stream()
                .map(one -> DroverNode.start(one, progress).toCompletableFuture())
                .toList();
        RuntimeException failure = null;
        for (final CompletableFuture<DroverNode> node : starting) {
            try {
                nodes.add(node.get());
            } catch (final ExecutionException e) {
                failure = new CommandException(String.valueOf(e.getCause().getMessage()));
            } catch (final InterruptedException e) {
                Thread.currentThread().interrupt();
                failure = new CommandException("interrupted while the nodes started");
            }
        }
        if (failure != null) {
            stop(Duration.ZERO);
            throw failure;
        }
    }

    /** The node whose gateway serves this process's clients. */
    DroverNode first() {
        return nodes.getFirst();
    }

    List<DroverNode> all() {
        return List.copyOf(nodes);
    }

    /**
     * Waits until all nodes can serve.
     *
     * @return false if the process is to end before that
     * @throws CommandException if a node ended
     */
    boolean awaitReady(final Termination termination) throws InterruptedException {
        while (!nodes.stream().allMatch(node -> node.whenReady().toCompletableFuture().isDone())) {
            for (final DroverNode node : nodes) {
                if (node.whenStopped().toCompletableFuture().isDone()) {
                    throw new CommandException(
                            node.settings().nodeName() + " ended before it was ready: " + node.status().reason());
                }
            }
            if (termination.await(READY_POLL)) {
                return false;
            }
        }
        return true;
    }

    /** Ends the nodes, the founder last, then the driver. */
    void stop(final Duration grace) {
        final List<CompletionStage<Void>> stops = nodes.reversed().stream().map(node -> node.stop(grace)).toList();
        final Duration limit = grace.plus(STOP_MARGIN);
        try {
            CompletableFuture.allOf(stops.stream().map(CompletionStage::toCompletableFuture).toArray(CompletableFuture[]::new))
                    .get(limit.toMillis(), TimeUnit.MILLISECONDS);
        } catch (final ExecutionException | TimeoutException e) {
            LOG.warn("The nodes did not stop in order: {}", e.toString());
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (driver != null) {
            driver.close();
        }
    }
}
