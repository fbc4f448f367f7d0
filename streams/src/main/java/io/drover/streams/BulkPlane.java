package io.drover.streams;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

import org.agrona.concurrent.ManyToOneConcurrentArrayQueue;
import org.apache.pekko.NotUsed;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Large things between nodes, beside the token frames and never before them: logs, queues and a thread of its own, and no more bytes per
 * second than {@code drover.streams.bulk.rate}.
 *
 * <p>
 * A transfer is a sequence of bytes of known length under a name. A node that wants one asks a peer for it ({@link #fetch}); the peer's
 * {@link BulkProvider} knows what the name means. Who wants to give something away tells the peer its name, in a message of its own, and
 * lets it fetch. The receiver has the initiative all along: it asks for as many bytes as it has room for, and asks again for what was
 * lost. So the consumer's pace is the sender's, and a node that sends holds nothing but a position for each transfer.
 *
 * <pre>
 *  receiver                                              sender
 *  fetch     -- ask: name, position 0, limit 1 MiB -->   opens it at its provider
 *            &lt;-- chunk, chunk, ... ------------------    read in place, at the allowed rate, to the limit
 *  consumed  -- ask: name, position, higher limit --->   goes on
 *  complete  -- stop -------------------------------->   closes it
 * </pre>
 *
 * Every method may be called from any thread.
 */
public final class BulkPlane implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(BulkPlane.class);
    private static final int COMMANDS = 1024;
    /** Chunks that are shorter than others because a limit cut them, at most two for each raise. */
    private static final int SHORT_CHUNKS = 8;
    private static final long BUSY_NAP_NS = 500_000;
    private static final long IDLE_NAP_NS = 5_000_000;
    private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(10);

    private final BulkSettings settings;
    private final Endpoint endpoint;
    private final BulkAgent agent;
    private final ManyToOneConcurrentArrayQueue<Runnable> commands = new ManyToOneConcurrentArrayQueue<>(COMMANDS);
    private final AtomicLong transfers = new AtomicLong();
    private final Thread thread;
    private volatile boolean running = true;

    private BulkPlane(final BulkSettings settings, final Links links, final BulkProvider provider) {
        this.settings = settings;
        endpoint = links.self();
        agent = new BulkAgent(settings, links, provider, this::execute, System.nanoTime());
        thread = Thread.ofPlatform().daemon().name("drover-bulk-" + endpoint.name()).unstarted(this::run);
    }

    /**
     * Opens the plane beside the links of a node and starts its thread.
     *
     * @param tokens settings of the node's links, with the driver's directory
     * @param self   the node with a UDP address of its own for this, {@link Endpoint#unresolved}; {@link #endpoint()} then is what to
     *               tell the peers. A port shared with the links would be held here while they register anew
     * @throws IllegalStateException as {@link Links#open}
     */
    public static BulkPlane open(final DataPlaneSettings tokens, final BulkSettings settings, final Endpoint self,
            final BulkProvider provider) {
        final Links links = Links.open(settings.plane(tokens), self, System.nanoTime());
        final BulkPlane opened = new BulkPlane(settings, links, provider);
        opened.thread.start();
        return opened;
    }

    /** Where this plane is reached. */
    public Endpoint endpoint() {
        return endpoint;
    }

    /** The {@link #endpoint}s of the nodes to talk to; this node may be among them. Others are forgotten. */
    public void peers(final List<Endpoint> current) {
        agent.peers(current);
    }

    /**
     * The bytes that a peer has under a name. Each run of the source is a transfer; it takes no more than the window ahead of its
     * consumer, and fails with a {@link BulkException} when the peer refuses, when nothing comes for {@code give-up}, or when this node
     * receives {@code max-transfers} already. Cancelling it tells the peer. Chunks are of any length from 1 byte.
     *
     * @param name at most {@link Text#MAX_BYTES} bytes of UTF-8
     */
    public Source<ByteString, NotUsed> fetch(final int peer, final String name) {
        final int chunks = settings.windowLength() / settings.chunkLength() + SHORT_CHUNKS;
        return Source.fromMaterializer((materializer, attributes) -> {
            final BulkConsumer consumer = new BulkConsumer(transfers.incrementAndGet(), peer, name, this::wake);
            return Source.<ByteString>queue(chunks).mapMaterializedValue(queue -> {
                consumer.queue(queue);
                if (!execute(() -> agent.begin(consumer))) {
                    consumer.fail("the bulk plane of this node is closed or overloaded");
                }
                return NotUsed.getInstance();
            }).map(consumer::consumed).watchTermination((nothing, done) -> {
                done.whenComplete((end, failure) -> consumer.cancel());
                return nothing;
            });
        }).mapMaterializedValue(nothing -> NotUsed.getInstance());
    }

    /** About a tenth of a second old. */
    public BulkCounters counters() {
        return agent.counters();
    }

    /** Fails all transfers and ends the thread. */
    @Override
    public void close() {
        running = false;
        wake();
        try {
            if (!thread.join(CLOSE_PATIENCE)) {
                LOG.error("{} did not end within {}", thread.getName(), CLOSE_PATIENCE);
            }
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        try {
            while (running) {
                final int work = commands.drain(Runnable::run, COMMANDS) + agent.doWork(System.nanoTime());
                if (work == 0) {
                    LockSupport.parkNanos(agent.isBusy() ? BUSY_NAP_NS : IDLE_NAP_NS);
                }
            }
        } catch (final RuntimeException e) {
            LOG.error("{} failed; nothing more is fetched from peers or given to them", thread.getName(), e);
        } finally {
            running = false;
            agent.close();
            commands.drain(Runnable::run, COMMANDS);
        }
    }

    /** False where nobody will run it. */
    private boolean execute(final Runnable command) {
        final boolean taken = running && commands.offer(command);
        wake();
        return taken && (running || thread.isAlive());
    }

    private void wake() {
        LockSupport.unpark(thread);
    }
}
