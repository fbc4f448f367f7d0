package io.drover.actors;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

import org.agrona.collections.IntArrayList;
import org.agrona.collections.Long2ObjectHashMap;
import org.apache.pekko.stream.javadsl.Source;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The clients of this node's gateway: joins each open request of the {@link GatewayDesk} to the stream that its client reads.
 * {@link #submit} may be called by any thread; the rest runs on the compute thread.
 */
final class ClientStreams implements Gateway, GatewayDesk.Actions, DeskLinks.GatewaySide, BuddyLinks.GatewaySide {
    private static final Logger LOG = LoggerFactory.getLogger(ClientStreams.class);
    private static final long UNREAD_STREAM_NS = TimeUnit.SECONDS.toNanos(30);

    private static final class Client {
        final String requestId;
        final TokenBuffer buffer;
        final CompletableFuture<Admission> admission;
        boolean admitted;
        long admittedNs;

        Client(final String requestId, final TokenBuffer buffer, final CompletableFuture<Admission> admission) {
            this.requestId = requestId;
            this.buffer = buffer;
            this.admission = admission;
        }
    }

    private final DeskLinks desks;
    private final Router router;
    private final PeerPace pace;
    private final long slowHomeNs;
    private final int self;
    private final AtomicLong nextKey;
    private final Long2ObjectHashMap<Client> clients = new Long2ObjectHashMap<>();
    private GatewayDesk desk;
    private EngineAgent agent;

    /**
     * @param slowHomeNs a slow peer that needs longer than this for an expert call is no home to stay with
     * @param firstKey   larger than every key of an earlier process of this node
     */
    ClientStreams(final DeskLinks desks, final Router router, final PeerPace pace, final long slowHomeNs, final int self,
            final long firstKey) {
        this.desks = desks;
        this.router = router;
        this.pace = pace;
        this.slowHomeNs = slowHomeNs;
        this.self = self;
        nextKey = new AtomicLong(firstKey);
    }

    /** The two are built upon this object, so they come after the constructor, once. */
    void connect(final GatewayDesk gatewayDesk, final EngineAgent engineAgent) {
        desk = gatewayDesk;
        agent = engineAgent;
    }

    @Override
    public CompletionStage<Admission> submit(final GenerationRequest request) {
        final long key = nextKey.getAndIncrement();
        final CompletableFuture<Admission> admission = new CompletableFuture<>();
        final TokenBuffer buffer = new TokenBuffer(() -> agent.execute(() -> cancel(key)));
        final boolean taken = agent.execute(() -> {
            clients.put(key, new Client(request.requestId(), buffer, admission));
            desk.submit(key, request, System.nanoTime());
        });
        if (!taken) {
            admission.complete(new Admission.Refused(Reason.UNAVAILABLE, "the node has stopped", Duration.ofSeconds(1)));
        }
        return admission;
    }

    /** Usable nodes, slow ones last, then those with the fewest of this gateway's sequences first; this node wins a tie. */
    @Override
    public int[] homes() {
        final List<Integer> nodes = new ArrayList<>();
        if (router.placement().layers() > 0) {
            nodes.add(self);
            nodes.addAll(agent.usablePeers());
        }
        nodes.sort(Comparator.<Integer, Boolean>comparing(node -> !pace.trusted(node)).thenComparingInt(desk::openAt));
        return nodes.stream().mapToInt(Integer::intValue).toArray();
    }

    @Override
    public boolean usable(final int node) {
        return node == self || router.usable(node);
    }

    @Override
    public boolean crawls(final int node) {
        return pace.slow(node) && pace.typicalNs(node) > slowHomeNs;
    }

    private void cancel(final long key) {
        if (clients.remove(key) != null) {
            desk.cancel(key);
        }
    }

    /** Cancels streams that were admitted and that nobody has ever run. */
    void dropUnread(final long nowNs) {
        final List<Long> unread = new ArrayList<>();
        clients.forEach((key, client) -> {
            if (client.admitted && !client.buffer.isMaterialized() && nowNs - client.admittedNs > UNREAD_STREAM_NS) {
                unread.add(key);
            }
        });
        unread.forEach(this::cancel);
    }

    void failAll(final String code, final String message) {
        final List<Long> all = new ArrayList<>();
        clients.forEach((key, client) -> all.add(key));
        all.forEach(key -> ended(key, new TokenEvent.Failed(code, message)));
    }

    @Override
    public boolean sendSubmit(final int home, final long requestKey, final long ownerTerm, final GenerationRequest request,
            final IntArrayList generated) {
        return desks.sendSubmit(home, requestKey, ownerTerm, request, generated);
    }

    @Override
    public void sendCancel(final int home, final long requestKey, final long ownerTerm) {
        desks.sendCancel(home, requestKey, ownerTerm);
    }

    @Override
    public void sendSync(final int home, final long requestKey, final long ownerTerm, final int nextIndex) {
        LOG.info("asks node {} for sequence {} from token {}", home, requestKey, nextIndex);
        desks.sendSync(home, requestKey, ownerTerm, nextIndex);
    }

    @Override
    public void admitted(final long requestKey) {
        final Client client = clients.get(requestKey);
        if (client != null) {
            client.admitted = true;
            client.admittedNs = System.nanoTime();
            client.admission.complete(new Admission.Accepted(Source.fromGraph(client.buffer)));
        }
    }

    @Override
    public void refused(final long requestKey, final Reason reason, final String detail, final long retryAfterMs) {
        final Client client = clients.remove(requestKey);
        if (client != null) {
            client.admission.complete(new Admission.Refused(reason, detail, Duration.ofMillis(retryAfterMs)));
        }
    }

    @Override
    public void token(final long requestKey, final int index, final int id) {
        final Client client = clients.get(requestKey);
        if (client != null) {
            client.buffer.put(new TokenEvent.Token(index, id));
        }
    }

    @Override
    public void moving(final long requestKey, final int tokens, final String why) {
        final Client client = clients.get(requestKey);
        LOG.info("sequence {} ({}) goes on elsewhere after {} tokens: {}", requestKey,
                client == null ? "cancelled" : client.requestId, tokens, why);
    }

    @Override
    public void moved(final long requestKey, final int home, final long homelessNs) {
        LOG.info("sequence {} goes on at node {} after {} ms", requestKey, home, TimeUnit.NANOSECONDS.toMillis(homelessNs));
    }

    @Override
    public void ended(final long requestKey, final TokenEvent end) {
        final Client client = clients.remove(requestKey);
        if (client != null) {
            client.buffer.put(end);
            client.admission.complete(new Admission.Refused(Reason.UNAVAILABLE, end.toString(), Duration.ofSeconds(1)));
        }
    }

    @Override
    public void onAdmission(final int from, final long requestKey, final long ownerTerm, final boolean accepted,
            final Reason reason, final String detail, final long retryAfterMs) {
        desk.onAdmission(from, requestKey, ownerTerm, accepted, reason, detail, retryAfterMs, System.nanoTime());
    }

    @Override
    public void onToken(final int from, final long requestKey, final long ownerTerm, final int index, final int id) {
        desk.onToken(from, requestKey, ownerTerm, index, id, System.nanoTime());
    }

    @Override
    public void onEnd(final int from, final long requestKey, final long ownerTerm, final TokenEvent end) {
        desk.onEnd(from, requestKey, ownerTerm, end, System.nanoTime());
    }

    @Override
    public void onKeptBy(final int from, final long requestKey, final long ownerTerm, final int buddy) {
        desk.onKeptBy(from, requestKey, ownerTerm, buddy);
    }

    @Override
    public void onUnknown(final int from, final long requestKey, final long ownerTerm) {
        desk.onUnknown(from, requestKey, ownerTerm, System.nanoTime());
    }
}
