package io.drover.model.forward;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;

import io.drover.model.Fixture;

/** The interpreter, each compiler and each vector width compute the same bits. */
class KernelModesIT {
    private static final List<String> COMPILED = List.of("plain", "vector-256", "vector-512");

    @Test
    void everyWayToRunTheSameCodeGivesTheSameBits() throws Exception {
        final Map<String, List<String>> lines = new LinkedHashMap<>();
        lines.put("interpreter", digests(0, List.of("-Xint"), List.of("plain", "vector-512")));
        lines.put("C1", digests(3, List.of("-XX:TieredStopAtLevel=1"), COMPILED));
        lines.put("C2 only", digests(0, List.of("-XX:-TieredCompilation", "-XX:CompileThreshold=200"), List.of("vector-256")));
        lines.put("C1 and C2", digests(60, List.of(), COMPILED));
        lines.put("AVX2", digests(60, List.of("-XX:UseAVX=2"), List.of("plain", "vector-256", "auto")));
        System.out.println(lines);
        final String expected = lines.get("interpreter").getFirst().split(" ")[1];
        assertThat(expected).hasSize(64);
        lines.forEach((how, digests) -> assertThat(digests).as(how).isNotEmpty().allMatch(line -> line.endsWith(" " + expected)));
        assertThat(lines.values().stream().mapToInt(List::size).sum()).isEqualTo(12);
    }

    private static List<String> digests(final int repetitions, final List<String> flags, final List<String> modes)
            throws IOException, InterruptedException {
        final List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m", "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"));
        command.addAll(flags);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), KernelDigest.class.getName(),
                Fixture.of("olmoe").directory().getParent().toString(), Integer.toString(repetitions)));
        command.addAll(modes);
        final Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        final String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("%s ends", flags).isTrue();
        assertThat(process.exitValue()).as("%s: %s", flags, output).isZero();
        return output.lines().filter(line -> line.matches("\\S+ [0-9a-f]{64}")).toList();
    }
}
