package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

import org.junit.jupiter.api.Test;

import io.drover.cluster.Progress;
import io.drover.cluster.Progress.Stage;

final class ConsoleTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private long nowNs;
    private final Console console = new Console(new PrintStream(out, true, StandardCharsets.UTF_8), () -> nowNs);

    @Test
    void whatAllNodesTellOfTheClusterIsSaidOnceAndWithoutAName() {
        for (final String node : new String[]{"node-1", "node-2"}) {
            console.progress(new Progress(node, Stage.WAITING, 0, 0, "1 of 2 nodes have joined"));
        }
        assertThat(said()).isEqualTo("drover: 1 of 2 nodes have joined\n");
    }

    @Test
    void eachStageOfEachNodeIsNewsAndCountsAreTwoASecond() {
        console.progress(new Progress("node-1", Stage.OPENING, 0, 0, "opening"));
        console.progress(new Progress("node-2", Stage.OPENING, 0, 0, "opening"));
        for (int loaded = 1; loaded <= 100; loaded++) {
            nowNs += 10_000_000;
            console.progress(new Progress("node-1", Stage.LOADING, loaded, 100, "experts: " + loaded + " of 100"));
        }
        assertThat(said()).isEqualTo("""
                drover: node-1: opening
                drover: node-2: opening
                drover: node-1: experts: 1 of 100
                drover: node-1: experts: 51 of 100
                """);
    }

    @Test
    void nothingIsSaidTwice() {
        console.progress(new Progress("node-1", Stage.WAITING, 0, 0, "waiting"));
        nowNs += 10_000_000_000L;
        console.progress(new Progress("node-1", Stage.WAITING, 0, 0, "waiting"));
        console.passOnce("drover: waiting");
        console.passOnce("drover: more");
        assertThat(said()).isEqualTo("drover: waiting\ndrover: more\n");
    }

    private String said() {
        return out.toString(StandardCharsets.UTF_8).replace(System.lineSeparator(), "\n");
    }
}
