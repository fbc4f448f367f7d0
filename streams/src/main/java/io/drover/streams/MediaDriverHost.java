package io.drover.streams;

import java.io.File;
import java.io.IOException;
import java.nio.MappedByteBuffer;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

import org.agrona.BufferUtil;
import org.agrona.IoUtil;
import org.agrona.SystemUtil;
import org.agrona.concurrent.BackoffIdleStrategy;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import com.typesafe.config.ConfigFactory;

import io.aeron.CncFileDescriptor;
import io.aeron.CommonContext;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;

/**
 * The media driver of a host: one thread that moves frames between the nodes' shared memory and the network. One process
 * with all its nodes embeds it; separate node processes use a driver process ({@link #main}), so that killing a node kills
 * nothing else.
 */
public final class MediaDriverHost implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(MediaDriverHost.class);
    private static final long SHORTEST_SLEEP_NS = 10_000;
    private static final int COUNTER_VALUES_LENGTH = 1 << 20;
    /** A directory without a driver's file may belong to a driver that is just starting. */
    private static final long STARTING_MS = 60_000;

    private final MediaDriver driver;

    private MediaDriverHost(final MediaDriver driver) {
        this.driver = driver;
    }

    /**
     * Starts a driver in this process. What a dead driver has left in its directory is removed.
     *
     * @throws IllegalStateException where a live driver has the directory
     */
    public static MediaDriverHost launch(final DriverSettings settings) {
        final String directory = settings.aeronDirectory().isEmpty() ? ownDirectory(settings) : settings.aeronDirectory();
        final long timeoutMs = TimeUnit.NANOSECONDS.toMillis(settings.driverTimeoutNs());
        if (CommonContext.isDriverActive(new File(directory), timeoutMs, LOG::debug)) {
            throw new IllegalStateException("a media driver already runs in " + directory
                    + "; stop it, or name another directory in drover.streams.aeron-directory");
        }
        final MediaDriver.Context context = new MediaDriver.Context().aeronDirectoryName(directory)
                .threadingMode(ThreadingMode.SHARED)
                .sharedIdleStrategy(new BackoffIdleStrategy(0, settings.idleYields(), SHORTEST_SLEEP_NS,
                        Math.max(SHORTEST_SLEEP_NS, settings.longestSleepNs())))
                .ipcMtuLength(DataPlaneSettings.MTU_MAX)
                // Memory is taken when a log is made, where the driver can still refuse, rather than when it is first written.
                .termBufferSparseFile(false)
                .performStorageChecks(true)
                // Enough counters for some hundred nodes; by default the driver takes 46 MiB before its first log.
                .counterValuesBufferLength(COUNTER_VALUES_LENGTH)
                .driverTimeoutMs(timeoutMs)
                .clientLivenessTimeoutNs(settings.clientLivenessNs())
                .publicationUnblockTimeoutNs(settings.clientLivenessNs() + settings.clientLivenessNs() / 2)
                .warnIfDirectoryExists(false)
                .dirDeleteOnShutdown(true)
                .errorHandler(error -> LOG.warn("media driver: {}", error.getMessage()));
        return new MediaDriverHost(MediaDriver.launch(context));
    }

    /** Whether the driver of a node has been heard within {@code driver-timeout}. */
    static boolean isAlive(final DataPlaneSettings settings) {
        return CommonContext.isDriverActive(new File(settings.aeronDirectory()),
                TimeUnit.NANOSECONDS.toMillis(settings.driverTimeoutNs()), LOG::debug);
    }

    /** Where clients find this driver. */
    public String directory() {
        return driver.aeronDirectoryName();
    }

    /** Stops the driver and removes its directory. Close its clients first. */
    @Override
    public void close() {
        driver.close();
    }

    /**
     * A driver in a process of its own, until SIGTERM or SIGINT. With the argument {@code --with-parent} it also ends when
     * the process that started it does. Prints {@code media driver ready in DIRECTORY} when nodes may connect.
     */
    public static void main(final String[] arguments) throws InterruptedException {
        final CountDownLatch stop = new CountDownLatch(1);
        final CountDownLatch stopped = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            stop.countDown();
            awaitQuietly(stopped);
        }, "media-driver-shutdown"));
        for (final String argument : arguments) {
            if (!"--with-parent".equals(argument)) {
                throw new IllegalArgumentException("unknown argument '" + argument + "'; expected --with-parent or nothing");
            }
            ProcessHandle.current().parent().ifPresent(parent -> parent.onExit().thenRun(stop::countDown));
        }
        try (MediaDriverHost host = launch(DriverSettings.from(ConfigFactory.load()))) {
            System.out.println("media driver ready in " + host.directory());
            System.out.flush();
            stop.await();
        } finally {
            stopped.countDown();
        }
    }

    private static void awaitQuietly(final CountDownLatch latch) {
        try {
            if (!latch.await(5, TimeUnit.SECONDS)) {
                LOG.warn("the media driver did not stop within 5 s");
            }
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Where a driver with these settings keeps its memory: its directory, or the folder in which it makes one of its own. */
    public static Path place(final DriverSettings settings) {
        if (!settings.aeronDirectory().isEmpty()) {
            return Path.of(settings.aeronDirectory());
        }
        final Path memory = Path.of("/dev/shm");
        final Path root = SystemUtil.isLinux() && Files.isWritable(memory) ? memory : Path.of(SystemUtil.tmpDirName());
        return root.resolve("drover-" + System.getProperty("user.name", "default"));
    }

    private static String ownDirectory(final DriverSettings settings) {
        final Path family = place(settings);
        removeStale(family, TimeUnit.NANOSECONDS.toMillis(settings.driverTimeoutNs()));
        return family.resolve(ProcessHandle.current().pid() + "-" + Long.toHexString(ThreadLocalRandom.current().nextLong()))
                .toString();
    }

    /** Removes the directories of drivers whose heartbeat has stopped and whose process is gone. */
    static void removeStale(final Path family, final long driverTimeoutMs) {
        if (!Files.isDirectory(family)) {
            return;
        }
        try (DirectoryStream<Path> directories = Files.newDirectoryStream(family, Files::isDirectory)) {
            for (final Path directory : directories) {
                if (isStale(directory, driverTimeoutMs)) {
                    LOG.info("removing what a killed media driver left in {}", directory);
                    IoUtil.delete(directory.toFile(), true);
                }
            }
        } catch (final IOException e) {
            LOG.warn("cannot look for stale media drivers in {}: {}", family, e.getMessage());
        }
    }

    private static boolean isStale(final Path directory, final long driverTimeoutMs) throws IOException {
        final File cnc = directory.resolve(CncFileDescriptor.CNC_FILE).toFile();
        if (!cnc.exists()) {
            return System.currentTimeMillis() - Files.getLastModifiedTime(directory).toMillis() > STARTING_MS;
        }
        if (CommonContext.isDriverActive(directory.toFile(), driverTimeoutMs, LOG::debug)) {
            return false;
        }
        final long pid = DriverIdentity.read(directory.toString()).pid();
        return pid == ProcessHandle.current().pid() || ProcessHandle.of(pid).isEmpty();
    }

    /** Who a driver is, from its command-and-control file. */
    record DriverIdentity(long pid, long startMs) {
        static DriverIdentity read(final String directory) {
            final MappedByteBuffer file = IoUtil.mapExistingFile(new File(directory, CncFileDescriptor.CNC_FILE),
                    CncFileDescriptor.CNC_FILE);
            try {
                final var metaData = CncFileDescriptor.createMetaDataBuffer(file);
                return new DriverIdentity(CncFileDescriptor.pid(metaData), CncFileDescriptor.startTimestampMs(metaData));
            } finally {
                BufferUtil.free(file);
            }
        }
    }
}
