package io.drover.streams;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

import org.agrona.CloseHelper;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;

/**
 * Drivers and nodes of a test, all turned by the test's thread. The nodes' clock goes on by at most {@link #STEP} from one look to the
 * next, so that a pause of a loaded machine is no silence of a peer.
 */
final class LinkRig implements AutoCloseable {
    static final int LARGEST_FRAME = 16 << 10;
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Duration STEP = Duration.ofMillis(20);

    private final List<AutoCloseable> closeables = new ArrayList<>();
    private final List<Links> turning = new ArrayList<>();
    private boolean readingBackground = true;
    private long lookedNs = System.nanoTime();
    private long clockNs = lookedNs;

    /** Small logs, so that a test takes little shared memory and meets back pressure soon. */
    static Config config(final String overrides) {
        return ConfigFactory.parseString(overrides)
                .withFallback(ConfigFactory.parseString("drover.streams { largest-frame = " + LARGEST_FRAME
                        + ", peer-queue = 128 KiB, driver.longest-sleep = 200us }"))
                .withFallback(ConfigFactory.load());
    }

    static DataPlaneSettings settings(final String overrides) {
        return DataPlaneSettings.from(config(overrides));
    }

    MediaDriverHost driver(final Path directory) {
        return driver(directory, "");
    }

    MediaDriverHost driver(final Path directory, final String overrides) {
        final MediaDriverHost driver = MediaDriverHost
                .launch(DriverSettings.from(config(overrides)).withAeronDirectory(directory.resolve("driver").toString()));
        closeables.addFirst(driver);
        return driver;
    }

    Links node(final MediaDriverHost driver, final int nodeId, final long incarnation, final String overrides,
            final @Nullable FrameAuthenticator authenticator) {
        final Links links = Links.open(settings(overrides).withAeronDirectory(driver.directory()),
                Endpoint.unresolved(nodeId, incarnation, "node-" + nodeId, "127.0.0.1:0"), nowNs(), authenticator);
        closeables.addFirst(links);
        turning.add(links);
        return links;
    }

    Links node(final MediaDriverHost driver, final int nodeId, final long incarnation) {
        return node(driver, nodeId, incarnation, "", null);
    }

    /** The time by the nodes' clock. */
    long nowNs() {
        final long realNs = System.nanoTime();
        clockNs += Math.min(realNs - lookedNs, STEP.toNanos());
        lookedNs = realNs;
        return clockNs;
    }

    /** From now on nobody turns this node: it is stalled. */
    void stall(final Links links) {
        turning.remove(links);
    }

    void resume(final Links links) {
        turning.add(links);
    }

    /** Whether nodes read what comes in the background. */
    void readBackground(final boolean reading) {
        readingBackground = reading;
    }

    static void introduce(final Links one, final Links other) {
        one.connect(other.self());
        other.connect(one.self());
    }

    /** Both directions are up. */
    void join(final Links one, final Links other) {
        introduce(one, other);
        until(() -> one.isConnected(other.self().nodeId()) && other.isConnected(one.self().nodeId()), frame -> {});
    }

    void turn(final Heard heard) {
        for (final Links links : turning) {
            final int node = links.self().nodeId();
            links.doWork(nowNs());
            final FrameHandler handler = (from, type, buffer, offset, length) -> {
                final UnsafeBuffer copy = new UnsafeBuffer(new byte[length]);
                copy.putBytes(0, buffer, offset, length);
                heard.on(new Frame(node, from, type, copy));
            };
            links.poll(handler, 10);
            if (readingBackground) {
                links.pollBackground(handler, 10);
            }
        }
    }

    void until(final BooleanSupplier done, final Heard heard) {
        final long startNs = System.nanoTime();
        while (!done.getAsBoolean()) {
            if (System.nanoTime() - startNs > PATIENCE.toNanos()) {
                throw new AssertionError("not within " + PATIENCE);
            }
            turn(heard);
            LockSupport.parkNanos(20_000);
        }
    }

    void turnFor(final Duration time, final Heard heard) {
        final long startNs = nowNs();
        until(() -> nowNs() - startNs > time.toNanos(), heard);
    }

    @Override
    public void close() {
        CloseHelper.closeAll(closeables);
    }

    /** A copy of what a node was handed. */
    record Frame(int at, int from, int type, UnsafeBuffer bytes) {}

    /** What a test does with it. */
    interface Heard {
        void on(Frame frame);
    }
}
