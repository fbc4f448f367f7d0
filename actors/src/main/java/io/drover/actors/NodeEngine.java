package io.drover.actors;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;
import java.util.function.Supplier;

import org.apache.pekko.stream.Materializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.drover.model.checkpoint.Checkpoint;
import io.drover.model.forward.KernelWarmUp;
import io.drover.model.forward.KvPool;
import io.drover.model.forward.Trunk;
import io.drover.model.kernel.ComputeTeam;
import io.drover.model.kernel.CpuKernels;
import io.drover.model.kernel.Kernels;
import io.drover.placement.RoutingStatistics;
import io.drover.streams.BulkPlane;
import io.drover.streams.BulkProvider;
import io.drover.streams.Endpoint;
import io.drover.streams.Links;

/**
 * A node's data plane and compute: owns the trunk's weights, the KV cache, the links to other nodes, and the one thread that
 * uses them. Life cycle: {@link #create} loads and warms up, {@link #start} begins to work, {@link #install} tells where experts
 * are, {@link #drain} and {@link #close} end.
 */
public final class NodeEngine implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(NodeEngine.class);
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(10);

    private final EngineParts parts;
    private final EngineAgent agent;
    private final ExpertEnvironment environment;
    private final ExecutorService loader;
    private final ComputeTeam team;
    private final Kernels kernels;
    private final Trunk trunk;
    private final KvPool pool;
    private final Endpoint endpoint;
    private boolean started;
    private boolean closed;

    private NodeEngine(final EngineParts parts, final EngineAgent agent, final ExpertEnvironment environment,
            final ExecutorService loader, final ComputeTeam team, final Kernels kernels, final Trunk trunk, final KvPool pool,
            final Endpoint endpoint) {
        this.parts = parts;
        this.agent = agent;
        this.environment = environment;
        this.loader = loader;
        this.team = team;
        this.kernels = kernels;
        this.trunk = trunk;
        this.pool = pool;
        this.endpoint = endpoint;
    }

    /**
     * Loads the trunk, warms the kernels up and allocates the KV cache; takes seconds. The links are opened last, because they do
     * not bear to be left alone, and belong to the engine: {@link #start} should follow soon.
     *
     * @param openLinks          opens this node's links
     * @param largestFrameLength bytes, as the links are configured
     * @param layersLoaded       told the number of layers loaded so far
     * @throws IllegalArgumentException if the KV cache is too small for a single page, naming both sizes
     */
    public static NodeEngine create(final EngineSettings settings, final Checkpoint checkpoint, final Supplier<Links> openLinks,
            final int largestFrameLength, final IntConsumer layersLoaded) {
        final EngineAgent[] self = new EngineAgent[1];
        final ComputeTeam team = new ComputeTeam(settings.computeThreads(), () -> {
            if (self[0] != null) {
                self[0].breathe();
            }
        });
        final Kernels kernels = CpuKernels.create(team, settings.kernels());
        final Trunk trunk = Trunk.load(checkpoint, kernels, settings.kvType(), settings.wireType(), layersLoaded);
        KernelWarmUp.run(kernels, checkpoint, settings.kvType(), settings.wireType(), settings.warmUp());
        EngineParts.wireType(settings).warmUp();
        final long pageBytes = KvPool.bytesPerPage(checkpoint.config(), settings.kvType());
        final int pages = (int) Math.min(Integer.MAX_VALUE, settings.kvCacheBytes() / pageBytes);
        if (pages < 1) {
            throw new IllegalArgumentException("drover.engine.kv-cache is " + settings.kvCacheBytes()
                    + " bytes; this model needs at least " + pageBytes + " for one page of " + KvPool.POSITIONS_PER_PAGE
                    + " positions");
        }
        final KvPool pool = new KvPool(checkpoint.config(), settings.kvType(), pages);
        final Links links = openLinks.get();
        final DeviceExecutor device = new DeviceExecutor(() -> self[0].wakeUp());
        final EngineParts parts = EngineParts.wire(settings, trunk, pool, links, largestFrameLength, device,
                links.self().incarnation() << 20);
        final EngineAgent agent = new EngineAgent(parts, settings.spins());
        self[0] = agent;
        parts.clients().connect(parts.gateway(), agent);
        parts.desks().connect(parts.clients(), agent);
        parts.buddies().connect(parts.clients(), agent);
        final Endpoint endpoint = links.self();
        final ThreadFactory daemon = Thread.ofPlatform().daemon().name("drover-loader-" + endpoint.name() + "-", 0).factory();
        final ExecutorService loader = Executors.newFixedThreadPool(settings.loaderThreads(), daemon);
        final ExpertEnvironment environment = new ExpertEnvironment(checkpoint, kernels, settings.wireType(), loader,
                parts.experts());
        return new NodeEngine(parts, agent, environment, loader, team, kernels, trunk, pool, endpoint);
    }

    /** Starts the compute thread. */
    public void start() {
        started = true;
        Thread.ofPlatform().daemon().name("drover-engine-" + endpoint.name()).start(agent);
    }

    /** What a dispatcher of this node's device executes on: tasks run on the compute thread. */
    public Executor deviceExecutor() {
        return parts.device();
    }

    /** What {@link ExpertActor#create} needs. */
    public ExpertEnvironment experts() {
        return environment;
    }

    /** What peers may have of this node over its bulk plane: the weights of its replicas and files. */
    public BulkProvider weights() {
        return environment.provider();
    }

    /**
     * From now on experts that the checkpoint cannot give are fetched from peers, and those that it gives are checked by them.
     *
     * @param plane        of this node; open until this engine is closed
     * @param materializer runs the streams
     * @param directory    knows whom to ask; may be called from any thread, must not block
     */
    public void fetchWeights(final BulkPlane plane, final Materializer materializer, final WeightsDirectory directory) {
        environment.askPeers(new PeerWeights(plane, materializer, directory, environment::receiver, environment.provider()));
    }

    /** What was fetched from peers. */
    public WeightsCounters fetchedWeights() {
        return environment.fetched();
    }

    /** What the kernels are and why they were chosen, in one line. */
    public String kernels() {
        return kernels.description();
    }

    /** Nodes of one family compute the same bits. */
    public String kernelFamily() {
        return kernels.family();
    }

    /**
     * Takes a routing table into use. Completes with false, and changes nothing, if its epoch comes before the one in use.
     */
    public CompletionStage<Boolean> install(final RoutingTable table) {
        final CompletableFuture<Boolean> installed = new CompletableFuture<>();
        if (!agent.execute(() -> installed.complete(agent.install(table)))) {
            installed.complete(false);
        }
        return installed;
    }

    /** An empty window for {@link #exchangeRouting}. @param seed of its sample of paths; another for each node and window */
    public RoutingStatistics emptyRouting(final long seed) {
        return RoutingCounter.emptyWindow(trunk.config(), seed);
    }

    /**
     * Takes what this home's gates chose since the last exchange, once per accepted position; any thread.
     *
     * @param empty from {@link #emptyRouting}, or one that was taken earlier and decayed to nothing; the engine's from now on
     * @return the caller's from now on; exceptionally if the engine has stopped
     */
    public CompletionStage<RoutingStatistics> exchangeRouting(final RoutingStatistics empty) {
        final CompletableFuture<RoutingStatistics> taken = new CompletableFuture<>();
        if (!agent.execute(() -> taken.complete(parts.counter().exchange(empty)))) {
            taken.completeExceptionally(new IllegalStateException("the engine has stopped"));
        }
        return taken;
    }

    /**
     * Records what this home's gates choose from now on, every accepted position once; any thread.
     *
     * @param maxBytes that may wait for the reader of the tape
     * @return exceptionally if a recording runs already, or the engine has stopped
     */
    public CompletionStage<RoutingTape> startRecording(final long maxBytes) {
        final CompletableFuture<RoutingTape> started = new CompletableFuture<>();
        final RoutingTape tape = new RoutingTape(maxBytes);
        final boolean taken = agent.execute(() -> {
            if (parts.counter().startRecording(tape)) {
                started.complete(tape);
            } else {
                started.completeExceptionally(new IllegalStateException("a recording runs already"));
            }
        });
        if (!taken) {
            started.completeExceptionally(new IllegalStateException("the engine has stopped"));
        }
        return started;
    }

    /** Ends the recording onto this tape, if it has not ended: what was counted until now comes onto it, then it ends. */
    public void stopRecording(final RoutingTape tape) {
        agent.execute(() -> parts.counter().stopRecording(tape, parts.batcher().live()));
    }

    /** This node as its peers are to know it. */
    public Endpoint endpoint() {
        return endpoint;
    }

    public Gateway gateway() {
        return parts.clients();
    }

    /** About a tenth of a second old. */
    public EngineStatus status() {
        return agent.status();
    }

    /** Refuses new sequences; completes when every sequence of this home and every stream of this gateway has ended. */
    public CompletionStage<Void> drain() {
        final CompletableFuture<Void> quiet = new CompletableFuture<>();
        if (!agent.execute(() -> agent.drain(quiet))) {
            quiet.complete(null);
        }
        return quiet;
    }

    /**
     * Refuses new sequences, and has other nodes go on with those whose home this is; their clients notice a pause. Clients of this
     * node's own gateway stay. Where no other node can take a sequence, its stream ends with an error after
     * {@code takeover-timeout}; so this is for a node that leaves while others stay.
     */
    public void handOver() {
        agent.execute(agent::handOver);
    }

    /** Completes when the compute thread has ended; exceptionally if it failed. */
    public CompletionStage<Void> stopped() {
        return agent.stopped();
    }

    /** Stops at once: open streams end with an error. Idempotent. Frees the memory of trunk, cache and links, but not of experts. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (started) {
            agent.stop();
            try {
                agent.stopped().exceptionally(failure -> null).orTimeout(STOP_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS).join();
            } catch (final CompletionException late) {
                LOG.error("the compute thread of {} did not end within {}; its memory is not freed", endpoint.name(),
                        STOP_TIMEOUT);
                return;
            }
        }
        parts.device().close();
        loader.shutdownNow();
        parts.links().close();
        team.close();
        trunk.close();
        pool.close();
    }
}
