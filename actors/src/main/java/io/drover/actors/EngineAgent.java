package io.drover.actors;

import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.drover.streams.Endpoint;

/**
 * The compute thread of a node: one turn polls frames, runs expert batches, takes one group of this home's chunks through a
 * layer, and sends what came of it. Everything else that concerns the engine happens on this thread too, as a command.
 */
final class EngineAgent implements Runnable, DeskLinks.HomeSide, BuddyLinks.Nodes {
    private static final Logger LOG = LoggerFactory.getLogger(EngineAgent.class);
    private static final int FRAGMENTS_PER_POLL = 64;
    /** Of the background: copying them takes some tens of microseconds. */
    private static final int BACKGROUND_FRAGMENTS = 16;
    private static final int DEVICE_TASKS_PER_TURN = 64;
    private static final long TICK_NS = TimeUnit.MILLISECONDS.toNanos(5);
    /** After a turn that took longer, answers may have waited for long; less is what a thread of a busy machine waits for its turn. */
    private static final long OWN_PAUSE_NS = TimeUnit.MILLISECONDS.toNanos(250);
    private static final long STATUS_NS = TimeUnit.MILLISECONDS.toNanos(100);

    private final EngineParts parts;
    private final int spins;
    private final Commands commands = new Commands();
    private final Map<Integer, Endpoint> peers = new HashMap<>();
    private final CompletableFuture<Void> stopped = new CompletableFuture<>();
    private volatile @Nullable Thread thread;
    private volatile boolean running = true;
    private volatile boolean parked;
    private volatile EngineStatus status;
    private long polledNs;
    private long nextTickNs;
    private long nextStatusNs;
    private int idleTurns;
    private @Nullable CompletableFuture<Void> drained;

    EngineAgent(final EngineParts parts, final int spins) {
        this.parts = parts;
        this.spins = spins;
        status = parts.status(List.of(), 0);
    }

    @Override
    public void run() {
        thread = Thread.currentThread();
        try {
            while (running) {
                idle(turn());
            }
        } catch (final Throwable failure) {
            LOG.error("the engine has failed and stops", failure);
            stopped.completeExceptionally(failure);
        } finally {
            running = false;
            try {
                commands.close();
                parts.clients().failAll("engine_stopped", "the engine of this node has stopped");
            } finally {
                stopped.complete(null);
            }
        }
    }

    /** One turn. Returns how much was done. */
    private int turn() {
        long nowNs = System.nanoTime();
        int work = poll(nowNs);
        work += parts.links().pollBackground(parts.buddies(), BACKGROUND_FRAGMENTS);
        work += commands.run();
        work += parts.intake().handleDeferred();
        work += parts.desks().deliverLocal();
        if (nowNs - nextTickNs >= 0) {
            tick(nowNs);
        }
        parts.batcher().schedule();
        work += parts.layers().advance(System.nanoTime()) ? 1 : 0;
        work += runExperts();
        work += parts.service().sendReturns();
        nowNs = System.nanoTime();
        parts.links().doWork(nowNs);
        return work;
    }

    /** Takes frames in and acknowledges them. Also called between the parts of a long kernel. */
    private int poll(final long nowNs) {
        if (nowNs - polledNs > OWN_PAUSE_NS) {
            parts.ledger().paused(nowNs);
        }
        polledNs = nowNs;
        final int polled = parts.links().poll(parts.intake(), FRAGMENTS_PER_POLL);
        if (polled > 0) {
            parts.service().answer();
        }
        return polled;
    }

    /** Called by kernels between parts, about every millisecond of a long one. */
    void breathe() {
        if (Thread.currentThread() == thread) {
            final long nowNs = System.nanoTime();
            poll(nowNs);
            parts.links().doWork(nowNs);
        }
    }

    private int runExperts() {
        final long startNs = System.nanoTime();
        final long rowsBefore = parts.completed().rows();
        final int tasks = parts.device().drain(DEVICE_TASKS_PER_TURN);
        final int rows = (int) (parts.completed().rows() - rowsBefore);
        if (rows > 0) {
            parts.service().observe(rows, System.nanoTime() - startNs);
        }
        return tasks;
    }

    private void tick(final long nowNs) {
        nextTickNs = nowNs + TICK_NS;
        refreshUsable(nowNs);
        parts.pace().poll(nowNs);
        parts.router().refreshLoad();
        parts.ledger().poll(nowNs, parts.calls());
        parts.calls().retryParked(nowNs);
        parts.calls().flush(nowNs);
        parts.gateway().poll(nowNs);
        parts.home().flush(nowNs);
        parts.copier().poll(parts.batcher().runningNow(), nowNs);
        parts.keeper().poll(nowNs);
        parts.service().answer();
        if (drained != null && parts.home().quiet() && parts.gateway().open() == 0) {
            drained.complete(null);
        }
        if (nowNs - nextStatusNs >= 0) {
            nextStatusNs = nowNs + STATUS_NS;
            parts.clients().dropUnread(nowNs);
            status = parts.status(peers.values(), nowNs);
        }
    }

    private void refreshUsable(final long nowNs) {
        for (final int node : peers.keySet()) {
            final boolean was = parts.router().usable(node);
            final boolean is = !parts.links().suspected(node, nowNs);
            parts.router().setUsable(node, is);
            if (was && !is) {
                parts.ledger().peerSuspected(node, parts.calls());
            }
        }
    }

    private void idle(final int work) {
        if (work > 0) {
            idleTurns = 0;
            return;
        }
        idleTurns++;
        if (idleTurns <= spins) {
            Thread.onSpinWait();
        } else if (idleTurns <= spins + 50) {
            Thread.yield();
        } else {
            parked = true;
            if (commands.isEmpty() && parts.device().isEmpty()) {
                final boolean waiting = parts.layers().rowsInFlight() > 0;
                LockSupport.parkNanos(waiting || idleTurns < spins + 2000 ? 50_000 : 500_000);
            }
            parked = false;
        }
    }

    /** Makes a parked engine look at its queues; any thread. */
    void wakeUp() {
        if (parked) {
            LockSupport.unpark(thread);
        }
    }

    /** Runs a command on the compute thread; any thread. False once the engine stops. */
    boolean execute(final Runnable command) {
        if (!running || !commands.add(command)) {
            return false;
        }
        wakeUp();
        return true;
    }

    /** Takes a routing table; compute thread. Returns false, and takes nothing, if its epoch comes before the one in use. */
    boolean install(final RoutingTable table) {
        if (table.epoch().compareTo(parts.router().epoch()) < 0) {
            return false;
        }
        final long nowNs = System.nanoTime();
        final Map<Integer, Endpoint> members = table.byNodeId();
        final int self = parts.links().self().nodeId();
        peers.values()
                .stream()
                .filter(peer -> !peer.equals(members.get(peer.nodeId())))
                .toList()
                .forEach(peer -> lose(peer, nowNs));
        parts.router().install(table);
        for (final Endpoint member : table.nodes()) {
            if (member.nodeId() != self && !peers.containsKey(member.nodeId())) {
                peers.put(member.nodeId(), member);
                parts.links().connect(member);
            }
        }
        refreshUsable(nowNs);
        return true;
    }

    private void lose(final Endpoint peer, final long nowNs) {
        peers.remove(peer.nodeId());
        parts.links().disconnect(peer.nodeId());
        parts.router().setUsable(peer.nodeId(), false);
        parts.pace().forget(peer.nodeId());
        parts.service().peerLost(peer.nodeId());
        parts.serviceSender().peerLost(peer.nodeId());
        parts.ledger().peerLost(peer.nodeId(), parts.calls());
        parts.desks().peerLost(peer.nodeId());
        parts.home().gatewayLost(peer.nodeId(), nowNs);
        parts.copier().peerLost(peer.nodeId());
        parts.keeper().peerLost(peer.nodeId(), nowNs);
        parts.gateway().nodeLost(peer.nodeId(), peer.name(), nowNs);
    }

    @Override
    public void onSubmit(final Sequence.Key key, final long ownerTerm, final GenerationRequest request, final int[] generated) {
        parts.home().onSubmit(key, ownerTerm, request, generated, " at " + parts.links().self().name(), System.nanoTime());
    }

    @Override
    public void onCancel(final Sequence.Key key, final long ownerTerm) {
        parts.home().onCancel(key, ownerTerm, System.nanoTime());
    }

    @Override
    public void onSync(final Sequence.Key key, final long ownerTerm, final int nextIndex) {
        parts.home().onSync(key, ownerTerm, nextIndex);
    }

    /** The other nodes that a sequence may be offered to now. */
    @Override
    public Collection<Integer> usablePeers() {
        return peers.keySet().stream().filter(parts.router()::usable).toList();
    }

    EngineStatus status() {
        return status;
    }

    /** Refuses new sequences and completes when none is left; compute thread. */
    void drain(final CompletableFuture<Void> whenQuiet) {
        parts.home().close(true);
        drained = whenQuiet;
    }

    /** Compute thread. */
    void handOver() {
        parts.home().handOver(System.nanoTime());
    }

    /** Stops the thread; any thread. */
    void stop() {
        running = false;
        LockSupport.unpark(thread);
    }

    CompletableFuture<Void> stopped() {
        return stopped;
    }
}
