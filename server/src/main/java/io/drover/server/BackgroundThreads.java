package io.drover.server;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets threads that no token waits for yield to those that one does. Where all cores are busy, every plan and every move of an expert takes
 * its time from tokens; Linux shares cores by the niceness of each thread, so those of the control plane get a higher one. Where cores are
 * free they are as fast as ever. What heartbeats run through does not yield, or a busy node would be taken for a dead one: it has
 * dispatchers with names of their own. Nor do the JVM's compilers: tokens wait for what they compile.
 *
 * <p>Threads are known by their names, because a niceness belongs to a thread of the kernel, and Pekko does not make it part of how it
 * creates its own. Only Linux has such a niceness; elsewhere nothing happens.
 */
final class BackgroundThreads {
    /** The highest niceness that there is. */
    static final int LEAST_URGENT = 19;

    private static final Logger LOG = LoggerFactory.getLogger(BackgroundThreads.class);
    private static final Path TASKS = Path.of("/proc/self/task");
    private static final Duration PERIOD = Duration.ofSeconds(1);

    /** How the names begin, of which Linux keeps 15 characters. */
    private static final String CONTROL_PLANE = "drover-pekko.";

    private static final int PRIO_PROCESS = 0;
    /** Field of {@code stat} behind the name, from 0. */
    private static final int NICENESS = 16;

    private final int niceness;
    private final MethodHandle setPriority;
    private final Set<Integer> seen = new HashSet<>();

    // The script allows native access.
    @SuppressWarnings("restricted")
    private BackgroundThreads(final int niceness) {
        final Linker linker = Linker.nativeLinker();
        setPriority = linker.downcallHandle(linker.defaultLookup().findOrThrow("setpriority"),
                FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
        this.niceness = niceness;
    }

    /**
     * To be called once a process serves: until then tokens wait for the control plane, too, and a thread passes its niceness on to those
     * that it starts.
     *
     * @param more what is added to the niceness of the calling thread, 0 to 19; 0 leaves all as it is
     */
    static void giveWay(final int more) {
        if (more > 0 && Files.isDirectory(TASKS)) {
            Thread.ofPlatform().daemon().name("drover-niceness").start(() -> watch(more));
        }
    }

    private static void watch(final int more) {
        try {
            final BackgroundThreads threads = new BackgroundThreads(Math.min(LEAST_URGENT, ownNiceness() + more));
            while (true) {
                threads.lower();
                Thread.sleep(PERIOD);
            }
        } catch (final InterruptedException | IOException | RuntimeException e) {
            LOG.warn("the control plane does not yield to tokens: {}", e.toString());
        }
    }

    private static int ownNiceness() throws IOException {
        final String stat = Files.readString(Path.of("/proc/thread-self/stat"));
        return Integer.parseInt(stat.substring(stat.lastIndexOf(')') + 2).split(" ")[NICENESS]);
    }

    private void lower() throws IOException {
        final Set<Integer> here = new HashSet<>();
        try (DirectoryStream<Path> tasks = Files.newDirectoryStream(TASKS)) {
            for (final Path task : tasks) {
                final int id = Integer.parseInt(task.getFileName().toString());
                here.add(id);
                if (!seen.contains(id) && isBackground(task)) {
                    set(id);
                }
            }
        }
        seen.clear();
        seen.addAll(here);
    }

    private static boolean isBackground(final Path task) throws IOException {
        try {
            return Files.readString(task.resolve("comm")).startsWith(CONTROL_PLANE);
        } catch (final IOException e) {
            if (Files.exists(task)) {
                throw e;
            }
            // It has ended, perhaps while it was read.
            return false;
        }
    }

    private void set(final int thread) throws IOException {
        final int result;
        try {
            result = (int) setPriority.invokeExact(PRIO_PROCESS, thread, niceness);
        } catch (final Throwable e) {
            throw new IllegalStateException("setpriority cannot be called", e);
        }
        if (result != 0 && Files.exists(TASKS.resolve(Integer.toString(thread)))) {
            throw new IOException("the niceness of thread " + thread + " cannot be set to " + niceness);
        }
    }
}
