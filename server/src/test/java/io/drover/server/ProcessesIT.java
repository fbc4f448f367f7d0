package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code serve --processes} as its own JVMs: exactness through every door, an orderly end, and no orphan in a disorderly one. */
final class ProcessesIT {
    private static final Duration START = Duration.ofSeconds(300);
    private static final Duration END = Duration.ofSeconds(120);
    private static final Pattern NODE = Pattern.compile("(node-\\d) is process (\\d+);");

    /** A supervisor that was started as a user would. */
    private record Cluster(Process supervisor, Path output, Path temporary, int port,
            List<ProcessHandle> children) implements AutoCloseable {

        static Cluster start(final Path directory) throws Exception {
            final int port = ServedClusterIT.freePort();
            final Path output = directory.resolve("output");
            final Path temporary = Files.createDirectory(directory.resolve("tmp"));
            final List<String> command = new ArrayList<>(
                    List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
            ManagementFactory.getRuntimeMXBean()
                    .getInputArguments()
                    .stream()
                    .filter(flag -> !flag.startsWith("-agent")
                            && !flag.startsWith("-javaagent"))
                    .forEach(command::add);
            command.addAll(List.of("-Djava.io.tmpdir=" + temporary, "-Ddrover.root=" + System.getProperty("drover.root"), "-cp",
                    System.getProperty("java.class.path"), Main.class.getName(), "serve", "--processes", "--nodes", "2", "--port",
                    String.valueOf(port)));
            final Process supervisor = new ProcessBuilder(command).redirectErrorStream(true)
                    .redirectOutput(output.toFile())
                    .start();
            final Cluster starting = new Cluster(supervisor, output, temporary, port, new ArrayList<>());
            Waiting.until(START, () -> !supervisor.isAlive() || starting.said().contains("drover: ready: "));
            assertThat(supervisor.isAlive()).as(starting.said()).isTrue();
            supervisor.descendants().forEach(starting.children::add);
            assertThat(starting.children).as("two nodes and a driver").hasSize(3);
            return starting;
        }

        String said() throws IOException {
            return Files.readString(output);
        }

        ProcessHandle node(final String name) throws IOException {
            return NODE.matcher(said())
                    .results()
                    .filter(match -> match.group(1).equals(name))
                    .map(match -> Long.parseLong(match.group(2)))
                    .flatMap(pid -> ProcessHandle.of(pid).stream())
                    .findFirst()
                    .orElseThrow();
        }

        void assertNoChildIsLeft() {
            Waiting.until(END, () -> children.stream().noneMatch(ProcessHandle::isAlive));
        }

        @Override
        public void close() {
            supervisor.destroyForcibly();
            children.forEach(ProcessHandle::destroyForcibly);
        }
    }

    @Test
    void everyDoorGivesTheKnownIdsAndATermSignalEndsInOrder(@TempDir final Path directory) throws Exception {
        try (Cluster cluster = Cluster.start(directory)) {
            final List<Demo.Case> cases = Demo.cases();
            Demo.judge("http://127.0.0.1:" + cluster.port, cases.subList(0, 8), 8);
            Demo.judge("http://127.0.0.1:" + (cluster.port + 1), cases.subList(8, 16), 8);
            cluster.supervisor.destroy();
            assertThat(cluster.supervisor.waitFor(END.toSeconds(), TimeUnit.SECONDS)).as(cluster.said()).isTrue();
            assertThat(cluster.supervisor.exitValue()).as(cluster.said()).isZero();
            assertThat(cluster.children).noneMatch(ProcessHandle::isAlive);
            try (Stream<Path> left = Files.list(cluster.temporary)) {
                assertThat(left.filter(path -> path.getFileName().toString().startsWith("drover-"))).isEmpty();
            }
        }
    }

    @Test
    void aDeadNodeIsReportedAndADeadSupervisorLeavesNoOrphan(@TempDir final Path directory) throws Exception {
        try (Cluster cluster = Cluster.start(directory)) {
            final ProcessHandle victim = cluster.node("node-2");
            victim.destroyForcibly();
            Waiting.until(() -> cluster.said().contains("node-2 (process " + victim.pid() + ") ended with exit code 137"));
            assertThat(cluster.node("node-1").isAlive()).isTrue();
            cluster.supervisor.destroyForcibly();
            cluster.assertNoChildIsLeft();
        }
    }
}
