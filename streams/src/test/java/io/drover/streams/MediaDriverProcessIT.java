package io.drover.streams;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The driver as a process of its own. */
class MediaDriverProcessIT {
    private final List<Process> processes = new ArrayList<>();

    @TempDir
    Path directory;

    @AfterEach
    void tearDown() {
        processes.forEach(Process::destroyForcibly);
    }

    @Test
    void servesNodesOfOtherProcessesAndCleansUpOnSigterm() throws Exception {
        final Path shared = directory.resolve("driver");
        final Process driver = start(shared);
        final DataPlaneSettings settings = LinkRig.settings("").withAeronDirectory(shared.toString());
        try (Links one = open(settings, 1); Links two = open(settings, 2)) {
            assertThat(one.self().hostId()).isEqualTo(two.self().hostId()).contains(":" + driver.pid());
            LinkRig.introduce(one, two);
            final long startNs = System.nanoTime();
            while (!one.isConnected(2) || !two.isConnected(1)) {
                assertThat(System.nanoTime() - startNs).isLessThan(TimeUnit.SECONDS.toNanos(60));
                one.doWork(System.nanoTime());
                two.doWork(System.nanoTime());
            }
            assertThat(one.describe(2)).contains("aeron:ipc");
        }
        driver.destroy();
        assertThat(driver.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(shared).doesNotExist();
    }

    @Test
    void takesTheDirectoryOfAKilledDriver() throws Exception {
        final Path shared = directory.resolve("driver");
        final Process killed = start(shared);
        killed.destroyForcibly().waitFor();
        assertThat(shared).exists();
        Thread.sleep(1100);
        start(shared);
        try (Links links = open(LinkRig.settings("").withAeronDirectory(shared.toString()), 1)) {
            assertThat(links.self().hostId()).doesNotContain(":" + killed.pid());
        }
    }

    private static Links open(final DataPlaneSettings settings, final int nodeId) {
        return Links.open(settings, Endpoint.unresolved(nodeId, 1, "node-" + nodeId, "127.0.0.1:0"), System.nanoTime());
    }

    private Process start(final Path shared) throws Exception {
        final Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow",
                "-XX:TieredStopAtLevel=1", "-Xmx64m", "-Ddrover.streams.aeron-directory=" + shared,
                "-Ddrover.streams.driver-timeout=1s", "-cp", System.getProperty("java.class.path"),
                MediaDriverHost.class.getName(), "--with-parent").redirectError(ProcessBuilder.Redirect.INHERIT).start();
        processes.add(process);
        final BufferedReader output = process.inputReader();
        String line = output.readLine();
        while (line != null && !line.startsWith("media driver ready in ")) {
            line = output.readLine();
        }
        assertThat(line).isEqualTo("media driver ready in " + shared);
        return process;
    }
}
