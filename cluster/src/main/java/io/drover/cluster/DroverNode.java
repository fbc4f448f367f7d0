package io.drover.cluster;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

import org.apache.pekko.Done;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.drover.actors.EngineStatus;
import io.drover.actors.Gateway;
import io.drover.actors.NodeEngine;
import io.drover.actors.WeightsCounters;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.streams.BulkCounters;
import io.drover.streams.BulkPlane;
import io.drover.streams.BulkProvider;

/**
 * A node of the cluster: member, home of sequences, host of experts. Several may share a JVM; a media driver must be running in
 * {@code drover.streams.aeron-directory}.
 */
public final class DroverNode {
    private static final Logger LOG = LoggerFactory.getLogger(DroverNode.class);
    private static final Duration WISH_TIMEOUT = Duration.ofSeconds(5);
    private static final Duration LEAVE_TIMEOUT = Duration.ofSeconds(30);
    /** Without its engine a node cannot leave in order: its shards would wait for experts that ran there. The others down it. */
    private static final Duration FAILED_LEAVE_TIMEOUT = Duration.ofSeconds(2);
    private static final String STOPPED = "stopped on request";
    private static final String REMOVED = "the cluster removed this node, or its actor system failed";

    private record Leaving(String why) implements CoordinatedShutdown.Reason {}

    private final NodeSettings settings;
    private final ActorSystem<NodeGuardian.Command> system;
    private final NodeEngine engine;
    private final BulkPlane bulk;
    private final Checkpoint checkpoint;
    private final NodeWatch watch;
    private final ClusterRouting routing;
    private final ActorRef<Coordinator.Message> coordinator;
    private final Pulse pulse;
    private final String address;
    private final AtomicReference<String> ending = new AtomicReference<>("");
    private final CompletableFuture<String> stopped = new CompletableFuture<>();

    DroverNode(final NodeSettings settings, final ActorSystem<NodeGuardian.Command> system, final NodeEngine engine,
            final BulkPlane bulk,
            final Checkpoint checkpoint, final NodeWatch watch, final ClusterRouting routing,
            final ActorRef<Coordinator.Message> coordinator, final Pulse pulse) {
        this.pulse = pulse;
        this.coordinator = coordinator;
        this.settings = settings;
        this.system = system;
        this.engine = engine;
        this.bulk = bulk;
        this.checkpoint = checkpoint;
        this.watch = watch;
        this.routing = routing;
        address = Coordinator.id(org.apache.pekko.cluster.typed.Cluster.get(system).selfMember()).address();
    }

    /**
     * Starts a node. The stage completes when it is a member under its id and begins to load experts; {@link #whenReady} when it can
     * serve. It fails with a {@link StartException}, one sentence, and then has left nothing behind.
     *
     * @param progress told of each step, on threads of the node; must not block
     */
    public static CompletionStage<DroverNode> start(final NodeSettings settings, final Consumer<Progress> progress) {
        return start(settings, progress, UnaryOperator.identity());
    }

    /** @param provided changes what the node gives to its peers; for tests */
    static CompletionStage<DroverNode> start(final NodeSettings settings, final Consumer<Progress> progress,
            final UnaryOperator<BulkProvider> provided) {
        final CompletableFuture<DroverNode> started = new CompletableFuture<>();
        Thread.ofPlatform().daemon().name("drover-start-" + settings.nodeName()).start(() -> {
            try {
                final DroverNode node = new NodeStart(settings, progress, provided).run();
                node.guard();
                started.complete(node);
            } catch (final RuntimeException | Error e) {
                started.completeExceptionally(e);
            }
        });
        return started;
    }

    /** Ends the node when a part of it ends, whatever the cause. */
    private void guard() {
        engine.stopped().whenComplete((nothing, failure) -> {
            if (failure != null) {
                end("the engine failed: " + failure.getMessage(), Duration.ZERO, FAILED_LEAVE_TIMEOUT);
            }
        });
        final Duration period = settings.coordinatorTimeout().dividedBy(Pulse.CHECKS);
        system.scheduler().scheduleWithFixedDelay(period, period, () -> {
            if (pulse.check()) {
                end("its coordinator has handled no message for " + settings.coordinatorTimeout().toMillis() + " ms",
                        Duration.ZERO,
                        FAILED_LEAVE_TIMEOUT);
            }
        }, system.executionContext());
        watch.refusal().thenAccept(sentence -> end(sentence, Duration.ZERO, LEAVE_TIMEOUT));
        // One that the cluster has downed takes seconds to end.
        CoordinatedShutdown.get(system).addTask(CoordinatedShutdown.PhaseBeforeServiceUnbind(), "drover-removed", () -> {
            removed();
            return CompletableFuture.completedFuture(Done.getInstance());
        });
        system.getWhenTerminated().whenComplete((done, failure) -> {
            removed();
            release();
        });
    }

    private void removed() {
        if (ending.compareAndSet("", REMOVED)) {
            LOG.error("node '{}': {}", settings.nodeName(), REMOVED);
        }
    }

    /** Where requests enter. It refuses while the node is not ready. */
    public Gateway gateway() {
        return engine.gateway();
    }

    public ClusterStatus status() {
        return watch.status(ending.get());
    }

    /** Gives an operator's wish to the coordinator; fails if that does not answer within seconds. */
    public CompletionStage<MovesView> wish(final Wish wish) {
        return AskPattern.ask(coordinator, replyTo -> new Coordinator.Ask(wish, replyTo), WISH_TIMEOUT, system.scheduler());
    }

    /** What this node's engine is doing. */
    public EngineStatus engineStatus() {
        return engine.status();
    }

    /** What this node fetched from others because its own files did not have it. */
    public WeightsCounters fetchedWeights() {
        return engine.fetchedWeights();
    }

    /** What this node's bulk plane carries. */
    public BulkCounters bulk() {
        return bulk.counters();
    }

    /**
     * What the gates chose lately in the whole cluster, and under which placement; this node's part alone if the coordinator does not
     * answer within a few seconds. Never completes exceptionally.
     */
    public CompletionStage<RoutingView> routing() {
        return routing.view();
    }

    /**
     * Records what all gates of the cluster choose from now on, as the lines that {@link TraceLines} describes. The source may be run
     * once, in any actor system; cancelling it ends the recording, and {@link #stopRecording} lets it complete with the last records.
     *
     * @return exceptionally, with an IllegalStateException that says why, if nothing can be recorded
     */
    public CompletionStage<Source<ByteString, NotUsed>> record() {
        return recording().start();
    }

    /** Ends what {@link #record} of any node began. */
    public void stopRecording() {
        recording().stop();
    }

    private ClusterRecording recording() {
        return new ClusterRecording(system, () -> status().nodes());
    }

    /** How evenly the calls of this node's sequences were spread over devices lately. */
    public LoadBalance balance() {
        return routing.ownBalance();
    }

    /** What the kernels are and why they were chosen, in one line. */
    public String kernels() {
        return engine.kernels();
    }

    public NodeSettings settings() {
        return settings;
    }

    /** The node's actor system, for what else is to run in it, such as an HTTP server. */
    public ActorSystem<?> system() {
        return system;
    }

    /** {@code host:port} that other nodes can name as a seed. */
    public String address() {
        return address;
    }

    /** Completes when this node first can serve; never if it does not come to that. */
    public CompletionStage<Void> whenReady() {
        return watch.ready().minimalCompletionStage();
    }

    /** Completes with the reason, in one sentence, when the node has ended, on request or not. */
    public CompletionStage<String> whenStopped() {
        return stopped.minimalCompletionStage();
    }

    /**
     * Ends the node: refuses new sequences, lets open ones end and others take over the experts that only it has, leaves the cluster,
     * stops its actors, engine and links.
     *
     * @param grace how long open sequences may take; with zero, nobody takes anything over either
     * @return completes when all is closed; may be called again
     */
    public CompletionStage<Void> stop(final Duration grace) {
        end(STOPPED, grace, LEAVE_TIMEOUT);
        return stopped.thenAccept(why -> {});
    }

    private void end(final String why, final Duration grace, final Duration leaveTimeout) {
        if (!ending.compareAndSet("", why)) {
            return;
        }
        if (!why.equals(STOPPED)) {
            LOG.error("node '{}': {}", settings.nodeName(), why);
        }
        final CompletableFuture<Void> quiet = engine.drain()
                .toCompletableFuture()
                .orTimeout(grace.toMillis(), TimeUnit.MILLISECONDS);
        final CompletableFuture<Void> released = watch.released().copy();
        if (grace.isZero() || !watch.ready().isDone()) {
            released.complete(null);
        } else {
            system.tell(NodeGuardian.Leave.INSTANCE);
        }
        released.orTimeout(settings.leaveTimeout().toMillis(), TimeUnit.MILLISECONDS).exceptionally(late -> {
            LOG.warn("node '{}' leaves before others have taken over what only it has", settings.nodeName());
            return null;
        }).thenRun(this::handOver).thenCombine(quiet, (nothing, done) -> done).whenComplete((nothing, late) -> {
            CoordinatedShutdown.get(system).runAll(new Leaving(why));
            system.getWhenTerminated()
                    .toCompletableFuture()
                    .copy()
                    .orTimeout(leaveTimeout.toMillis(), TimeUnit.MILLISECONDS)
                    .whenComplete((done, failure) -> release());
        });
    }

    /** Long streams do not hold up a node that leaves while others stay. */
    private void handOver() {
        final boolean others = status().nodes()
                .stream()
                .anyMatch(node -> node.state() == NodeView.State.SERVING && !node.name().equals(settings.nodeName()));
        if (others && watch.ready().isDone()) {
            engine.handOver();
        }
    }

    private void release() {
        Thread.ofPlatform().daemon().name("drover-stop-" + settings.nodeName()).start(() -> {
            synchronized (stopped) {
                if (!stopped.isDone()) {
                    routing.close();
                    bulk.close();
                    engine.close();
                    checkpoint.close();
                    stopped.complete(ending.get());
                }
            }
        });
    }
}
