package io.drover.model.forward;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import io.drover.model.Fixture;

/** The interpreter, each compiler and each vector width compute the same bits. */
class KernelModesIT {
    private static final long TIMEOUT_S = 180;
    private static final List<String> COMPILED = List.of("plain", "vector-256", "vector-512");

    @TempDir
    private Path directory;

    @Test
    void everyWayToRunTheSameCodeGivesTheSameBits() throws Exception {
        final Map<String, List<String>> lines = new LinkedHashMap<>();
        lines.put("interpreter", digests(0, List.of("-Xint"), List.of("vector-512")));
        lines.put("C1", digests(3, List.of("-XX:TieredStopAtLevel=1"), COMPILED));
        lines.put("C2 only", digests(0, List.of("-XX:-TieredCompilation", "-XX:CompileThreshold=200"), List.of("vector-256")));
        lines.put("C1 and C2", digests(30, List.of(), COMPILED));
        lines.put("AVX2", digests(30, List.of("-XX:UseAVX=2"), List.of("vector-256", "auto")));
        System.out.println(lines);
        final String expected = lines.get("interpreter").getFirst().split(" ")[1];
        assertThat(expected).hasSize(64);
        lines.forEach((how, digests) -> assertThat(digests).as(how).isNotEmpty().allMatch(line -> line.endsWith(" " + expected)));
        assertThat(lines.values().stream().mapToInt(List::size).sum()).isEqualTo(10);
    }

    private List<String> digests(final int repetitions, final List<String> flags, final List<String> modes)
            throws IOException, InterruptedException {
        final List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m", "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"));
        command.addAll(flags);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), KernelDigest.class.getName(),
                Fixture.of("olmoe").directory().getParent().toString(), Integer.toString(repetitions)));
        command.addAll(modes);
        final Path output = Files.createTempFile(directory, "digests", ".txt");
        final Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT)
                .redirectOutput(output.toFile())
                .start();
        if (!process.waitFor(TIMEOUT_S, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new AssertionError(flags + " did not end within " + TIMEOUT_S + " s");
        }
        final String printed = Files.readString(output);
        assertThat(process.exitValue()).as("%s: %s", flags, printed).isZero();
        return printed.lines().filter(line -> line.matches("\\S+ [0-9a-f]{64}")).toList();
    }
}
