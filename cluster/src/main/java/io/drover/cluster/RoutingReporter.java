package io.drover.cluster;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Supplier;

import org.apache.pekko.util.ByteString;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.drover.actors.NodeEngine;
import io.drover.actors.RoutingTable;
import io.drover.placement.RoutingStatistics;

/**
 * Takes at each interval what this node's gates chose, adds it to the decayed window and sends that to the coordinator. On a thread of
 * its own, because a large model's window takes tens of milliseconds to pack.
 */
final class RoutingReporter implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(RoutingReporter.class);
    private static final long TAKE_TIMEOUT_S = 5;

    private final MemberId member;
    private final NodeEngine engine;
    private final StatisticsSettings settings;
    private final Supplier<@Nullable RoutingTable> installed;
    private final Consumer<RoutingReport> send;
    private final DecayedWindow window;
    private final ScheduledExecutorService thread;
    private RoutingStatistics spare;
    private @Nullable CompletableFuture<RoutingStatistics> pending;
    private long takenNs = System.nanoTime();
    private long serial;
    private volatile RoutingReport last;
    private volatile LoadBalance balance = LoadBalance.UNKNOWN;

    /**
     * @param installed what the node routes by
     * @param send      called on the reporter's thread; must not block
     */
    RoutingReporter(final String nodeName, final MemberId member, final NodeEngine engine, final StatisticsSettings settings,
            final Supplier<@Nullable RoutingTable> installed, final Consumer<RoutingReport> send) {
        this.member = member;
        this.engine = engine;
        this.settings = settings;
        this.installed = installed;
        this.send = send;
        // The samples of nodes are merged by keys that must not be alike.
        window = new DecayedWindow(engine.emptyRouting(member.uid()), settings.halfLife().toNanos() / 1e9);
        spare = engine.emptyRouting(~member.uid());
        last = report();
        thread = Executors.newSingleThreadScheduledExecutor(
                Thread.ofPlatform().daemon().name("drover-statistics-" + nodeName).factory());
    }

    void start() {
        final long intervalNs = settings.interval().toNanos();
        thread.scheduleWithFixedDelay(this::step, intervalNs, intervalNs, TimeUnit.NANOSECONDS);
    }

    private void step() {
        try {
            final RoutingStatistics taken = exchange();
            if (taken == null) {
                return;
            }
            final long nowNs = System.nanoTime();
            window.add(taken, (nowNs - takenNs) / 1e9);
            takenNs = nowNs;
            spare = taken;
            last = report();
            final RoutingTable now = installed.get();
            balance = now == null
                    ? LoadBalance.UNKNOWN
                    : LoadBalance.of(window.counts(), now.placement(), LoadBalance.devices(now));
            send.accept(last);
        } catch (final CompletionException e) {
            LOG.debug("the engine has stopped", e);
        } catch (final RuntimeException e) {
            LOG.error("this node's routing could not be reported", e);
        }
    }

    /** What the engine has counted; null if it stands still: it is asked only once, and its answer is taken when it comes. */
    private @Nullable RoutingStatistics exchange() {
        if (pending == null) {
            pending = engine.exchangeRouting(spare).toCompletableFuture();
        }
        try {
            final RoutingStatistics taken = pending.copy().orTimeout(TAKE_TIMEOUT_S, TimeUnit.SECONDS).join();
            pending = null;
            return taken;
        } catch (final CompletionException e) {
            if (e.getCause() instanceof TimeoutException) {
                return null;
            }
            throw e;
        }
    }

    private RoutingReport report() {
        final ByteString bytes = ByteString.fromArrayUnsafe(window.counts().toBytes(settings.maxBytes()));
        return new RoutingReport(member, ++serial, window.positionsPerSecond(), bytes);
    }

    /** What was reported last, whether anybody listened or not; any thread. */
    RoutingReport last() {
        return last;
    }

    /** How evenly this node's calls were spread; any thread. */
    LoadBalance balance() {
        return balance;
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
