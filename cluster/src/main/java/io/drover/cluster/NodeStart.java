package io.drover.cluster;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

import org.apache.pekko.actor.BootstrapSetup;
import org.apache.pekko.actor.setup.ActorSystemSetup;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.ClusterSingleton;
import org.apache.pekko.cluster.typed.SingletonActor;
import org.apache.pekko.stream.Materializer;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;

import io.drover.actors.ExpertActor;
import io.drover.actors.NodeEngine;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.model.checkpoint.CheckpointException;
import io.drover.streams.BulkPlane;
import io.drover.streams.BulkProvider;
import io.drover.streams.Endpoint;
import io.drover.streams.Links;

/**
 * Assembles a node, step by step on one thread: model, actor system, membership, id, engine, region. Whatever fails undoes the steps
 * before it and leaves one sentence.
 */
final class NodeStart {
    static final String SYSTEM_NAME = "drover";
    private static final long CLOSE_TIMEOUT_S = 15;
    private static final DispatcherSelector COORDINATOR = DispatcherSelector.fromConfig("drover-coordinator-dispatcher");

    private final NodeSettings settings;
    private final UnaryOperator<BulkProvider> provided;
    private final NodeWatch watch;
    private final Pulse pulse = new Pulse();
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();

    /** @param provided changes what this node gives to its peers; for tests */
    NodeStart(final NodeSettings settings, final Consumer<Progress> progress, final UnaryOperator<BulkProvider> provided) {
        this.settings = settings;
        this.provided = provided;
        watch = new NodeWatch(settings, progress);
    }

    /** @throws StartException with one sentence */
    DroverNode run() {
        try {
            return assemble();
        } catch (final StartException e) {
            undo(e);
            throw e;
        } catch (final CheckpointException e) {
            undo(e);
            throw new StartException(e.getMessage(), e);
        } catch (final InterruptedException e) {
            undo(e);
            Thread.currentThread().interrupt();
            throw new StartException("node '" + settings.nodeName() + "' was interrupted while it started", e);
        } catch (final RuntimeException | Error e) {
            undo(e);
            throw new StartException("node '" + settings.nodeName() + "' could not start: " + e.getMessage(), e);
        }
    }

    private DroverNode assemble() throws InterruptedException {
        watch.tell(Progress.Stage.OPENING, 0, 0, "opening " + settings.modelDirectory());
        final Checkpoint checkpoint = opened(Checkpoint.open(settings.modelDirectory(), settings.weights().required()));
        final Identity identity = ModelIdentity.of(checkpoint, settings.modelDirectory(), settings.engine());
        final DeviceExecutor.Handover handover = new DeviceExecutor.Handover();
        final ActorSystem<NodeGuardian.Command> system = startSystem(identity, checkpoint, handover);
        opened.push(() -> terminate(system));

        watch.tell(Progress.Stage.JOINING, 0, 0, settings.seeds().isEmpty()
                ? "founding a cluster"
                : "joining through " + String.join(", ", settings.seeds()));
        final long joinedByNs = System.nanoTime() + settings.joinTimeout().toNanos();
        final Joining joining = new Joining(system, settings, identity);
        joining.run(joinedByNs);
        joining.watch(watch.ready()::isDone, watch::refused);
        final NodeDescriptor descriptor = describe(system, identity);
        final ActorRef<Coordinator.Message> coordinator = coordinator(system, identity, checkpoint);
        system.tell(new NodeGuardian.Register(descriptor,
                new Quorum(descriptor.member().address(), settings.minorityAfter().toNanos()),
                new Rescue(settings.lostAfter().toNanos()), coordinator));
        final int nodeId = await(watch.nodeId(), joinedByNs, "the coordinator did not take this node in");

        watch.tell(Progress.Stage.STARTING, 0, 0, "starting the engine of node " + nodeId);
        final NodeEngine engine = startEngine(nodeId, checkpoint);
        final BulkPlane bulk = openBulk(nodeId, engine, system);
        handover.to(engine.deviceExecutor());
        final ActorRef<ExpertShards.Envelope> region = ExpertShards.start(system,
                (replica, host) -> ExpertActor.create(replica, engine.experts(), host));
        await(ExpertShards.own(system, nodeId), System.nanoTime() + settings.joinTimeout().toNanos(),
                "the device's location could not be recorded");
        system.tell(
                new NodeGuardian.EngineStarted(engine.endpoint(), bulk, engine::install, () -> engine.status().peers(), region));
        final RoutingReporter reporter = opened(new RoutingReporter(settings.nodeName(), descriptor.member(), engine,
                settings.statistics(), watch::installed, report -> coordinator.tell(new Coordinator.Routing(report))));
        reporter.start();
        system.systemActorOf(Recorder.create(settings.nodeName(), engine, settings.statistics().recordBytes()), Recorder.NAME,
                Props.empty());
        return new DroverNode(settings, system, engine, bulk, checkpoint, watch,
                new ClusterRouting(system, coordinator, reporter, watch,
                        settings.statistics().maxBytes()),
                coordinator, pulse);
    }

    private ActorSystem<NodeGuardian.Command> startSystem(final Identity identity, final Checkpoint checkpoint,
            final DeviceExecutor.Handover handover) {
        final Residency residency = new Residency(settings.memoryBudgetBytes() / PlacementModel.largestExpertBytes(checkpoint),
                settings.parallelLoads(), settings.replicaTimeout().toNanos(),
                settings.replicaRetry().toNanos());
        try {
            return ActorSystem.create(NodeGuardian.create(identity, residency, watch), SYSTEM_NAME,
                    ActorSystemSetup.create(BootstrapSetup.create(pekkoConfig()), handover));
        } catch (final RuntimeException e) {
            throw new StartException(
                    "node '" + settings.nodeName() + "' cannot listen on " + settings.host() + ":" + settings.port()
                            + ": " + rootMessage(e),
                    e);
        }
    }

    private Config pekkoConfig() {
        final Map<String, Object> own = new HashMap<>();
        own.put("pekko.remote.artery.canonical.hostname", settings.host());
        own.put("pekko.remote.artery.canonical.port", settings.port());
        return ConfigFactory.parseMap(own)
                .withFallback(settings.config())
                .withFallback(ConfigFactory.parseResources("drover-pekko.conf"))
                .withFallback(ConfigFactory.defaultReferenceUnresolved())
                .resolve();
    }

    private ActorRef<Coordinator.Message> coordinator(final ActorSystem<?> system, final Identity identity,
            final Checkpoint checkpoint) {
        final Formation.Settings formation = new Formation.Settings(settings.expectedNodes(), settings.learnTimeout().toNanos(),
                settings.lostAfter().toNanos(), identity, new ContiguousHomes(checkpoint),
                PlacementModel.of(checkpoint, settings));
        // A dispatcher without an actor gives its thread up.
        system.systemActorOf(Behaviors.empty(), "coordinator-thread", COORDINATOR);
        return ClusterSingleton.get(system)
                .init(SingletonActor.of(
                        Behaviors.supervise(Coordinator.create(formation, new AtomicLong(), pulse,
                                settings.statistics().silenceNs()))
                                .onFailure(SupervisorStrategy.restart()),
                        Coordinator.NAME).withProps(COORDINATOR));
    }

    private NodeDescriptor describe(final ActorSystem<?> system, final Identity identity) {
        final MemberId member = Coordinator.id(Cluster.get(system).selfMember());
        return new NodeDescriptor(settings.nodeName(), member.address(), member.uid(), hostName(), settings.memoryBudgetBytes(),
                identity);
    }

    private Links openLinks(final int nodeId) {
        try {
            return Links.open(settings.plane(), Endpoint.unresolved(nodeId, System.currentTimeMillis(), settings.nodeName(),
                    settings.dataHost() + ":" + settings.dataPort()), System.nanoTime());
        } catch (final IllegalStateException e) {
            throw new StartException("node '" + settings.nodeName() + "': " + e.getMessage(), e);
        }
    }

    private NodeEngine startEngine(final int nodeId, final Checkpoint checkpoint) {
        final int layers = checkpoint.config().layers().size();
        final NodeEngine engine = opened(NodeEngine.create(settings.engine(), checkpoint, () -> openLinks(nodeId),
                settings.plane().largestFrameLength(),
                loaded -> watch.tell(Progress.Stage.STARTING, loaded, layers, "layers: " + loaded + " of " + layers)));
        engine.start();
        return engine;
    }

    private BulkPlane openBulk(final int nodeId, final NodeEngine engine, final ActorSystem<?> system) {
        try {
            final BulkPlane bulk = opened(BulkPlane.open(settings.plane(), settings.weights().bulk(),
                    Endpoint.unresolved(nodeId, engine.endpoint().incarnation(), settings.nodeName() + "/bulk",
                            settings.dataHost() + ":" + settings.weights().bulkPort()),
                    provided.apply(engine.weights())));
            if (settings.weights().fromPeers()) {
                engine.fetchWeights(bulk, Materializer.createMaterializer(system), watch::weightSources);
            }
            return bulk;
        } catch (final IllegalStateException e) {
            throw new StartException("node '" + settings.nodeName() + "': " + e.getMessage(), e);
        }
    }

    private <T> T await(final CompletionStage<T> stage, final long deadlineNs, final String otherwise)
            throws InterruptedException {
        try {
            return stage.toCompletableFuture().get(Math.max(1, deadlineNs - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (final ExecutionException e) {
            if (e.getCause() instanceof final StartException refused) {
                throw refused;
            }
            throw new StartException("node '" + settings.nodeName() + "': " + otherwise + ": " + e.getCause().getMessage(), e);
        } catch (final TimeoutException e) {
            throw new StartException("node '" + settings.nodeName() + "': " + otherwise + " within "
                    + settings.joinTimeout().toMillis() / 1000.0 + " s", e);
        }
    }

    private <T extends AutoCloseable> T opened(final T resource) {
        opened.push(resource);
        return resource;
    }

    private void undo(final Throwable failure) {
        while (!opened.isEmpty()) {
            try {
                opened.pop().close();
            } catch (final Exception e) {
                failure.addSuppressed(e);
            }
        }
    }

    private static void terminate(final ActorSystem<?> system) throws Exception {
        system.terminate();
        system.getWhenTerminated().toCompletableFuture().get(CLOSE_TIMEOUT_S, TimeUnit.SECONDS);
    }

    private static String rootMessage(final Throwable e) {
        Throwable cause = e;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return String.valueOf(cause.getMessage());
    }

    private static String hostName() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (final UnknownHostException e) {
            return "localhost";
        }
    }
}
