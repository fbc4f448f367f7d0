package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What goes wrong on the command line is one sentence on standard error and an exit code. */
final class CommandLineTest {

    /** What a command has said. */
    private record Said(int code, String out, String err) {}

    @Test
    void helpAndVersion() {
        assertThat(run("--help").out).contains("serve").contains("node").contains("status").doesNotContain("media-driver");
        assertThat(run("--help").code).isZero();
        assertThat(run("serve", "--help").out).contains("--nodes").contains("--processes").contains("--wire");
        assertThat(run("--version").out).matches("drover \\d.*\\s");
    }

    @Test
    void aWrongCommandLineIsExitCode2() {
        assertThat(run().code).isEqualTo(2);
        assertThat(run("fly").code).isEqualTo(2);
        assertThat(run("serve", "--wings").code).isEqualTo(2);
        assertThat(run("node").code).isEqualTo(2);
    }

    @Test
    void aPortInUseIsToldBeforeTheModelIsLoaded() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            final String port = String.valueOf(taken.getLocalPort());
            for (final List<String> how : List.of(List.of("serve", "--port", port),
                    List.of("serve", "--processes", "--port", port))) {
                final Said said = run(how.toArray(String[]::new));
                assertThat(said.code).isEqualTo(1);
                assertThat(said.err).startsWith("drover: cannot listen on 127.0.0.1:" + port).contains("in use").hasLineCount(1);
                assertThat(said.out).isEmpty();
            }
        }
    }

    @Test
    void aModelThatIsNotThereIsOneSentence(@TempDir final Path empty) throws Exception {
        for (final String where : List.of("serve", "serve --processes")) {
            final Said said = run((where + " --port " + ServedClusterIT.freePort() + " --model " + empty).split(" "));
            assertThat(said.code).isEqualTo(1);
            assertThat(said.err).startsWith("drover: ").contains(empty.toString()).hasLineCount(1);
        }
    }

    @Test
    void aCheckpointWithoutATokenizerIsOneSentence(@TempDir final Path directory) throws Exception {
        Files.copy(Demo.DIRECTORY.resolve("config.json"), directory.resolve("config.json"));
        final Said said = run("serve", "--port", "0", "--model", directory.toString());
        assertThat(said.code).isEqualTo(1);
        assertThat(said.err).contains("tokenizer.json is missing").hasLineCount(1);
    }

    @Test
    void aBadConfigurationIsOneSentence(@TempDir final Path directory) throws Exception {
        final Path conf = Files.writeString(directory.resolve("node.conf"),
                "drover.http.port = 99999\ndrover.cluster.model-directory = x");
        assertThat(run("node", "--conf", conf.toString()).err).contains("drover.http.port is 99999; expected 0 to 65535");
        Files.writeString(conf, "drover {");
        assertThat(run("node", "--conf", conf.toString()).err).contains("malformed").contains(conf.toString());
        assertThat(run("node", "--conf", directory.resolve("absent").toString()).err).contains("cannot read the configuration");
        assertThat(run("serve", "--port", "0", "--wire", "int8").err).contains("int8").contains("float32");
        assertThat(run("serve", "--nodes", "0").err).contains("--nodes is 0; expected 1 to 64");
    }

    @Test
    void theExampleConfigurationIsOne() {
        final Path example = Path.of(System.getProperty("drover.root"), "conf", "node.conf");
        assertThat(io.drover.cluster.NodeSettings.of(NodeOptions.read(example)).nodeName()).isEqualTo("node-1");
    }

    @Test
    void aServerThatIsNotThereIsOneSentence() throws Exception {
        final Said said = run("status", "--url", "http://127.0.0.1:" + ServedClusterIT.freePort());
        assertThat(said.code).isEqualTo(1);
        assertThat(said.err).startsWith("drover: cannot reach http://127.0.0.1:").hasLineCount(1);
    }

    private static Said run(final String... arguments) {
        final ByteArrayOutputStream out = new ByteArrayOutputStream();
        final ByteArrayOutputStream err = new ByteArrayOutputStream();
        final int code = Main.run(arguments, new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8), new Termination(false));
        return new Said(code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }
}
