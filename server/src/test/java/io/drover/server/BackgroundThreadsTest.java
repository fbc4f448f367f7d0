package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

@EnabledOnOs(OS.LINUX)
class BackgroundThreadsTest {
    @Test
    void theControlPlaneYieldsAndNobodyElse() throws Exception {
        final CountDownLatch end = new CountDownLatch(1);
        final Thread early = start("drover-pekko.early", end);
        final Thread tokens = start("drover-engine-x", end);
        Waiting.until(() -> niceness("drover-pekko.ea") != null && niceness("drover-engine-x") != null);
        final int own = niceness("drover-engine-x");

        BackgroundThreads.giveWay(1);
        Waiting.until(() -> Integer.valueOf(own + 1).equals(niceness("drover-pekko.ea")));
        final Thread late = start("drover-pekko.late", end);
        Waiting.until(() -> Integer.valueOf(own + 1).equals(niceness("drover-pekko.la")));

        assertThat(niceness("drover-engine-x")).isEqualTo(own);
        assertThat(niceness("C2 CompilerThre")).isEqualTo(own);
        end.countDown();
        for (final Thread each : new Thread[]{early, tokens, late}) {
            each.join();
        }
    }

    private static Thread start(final String name, final CountDownLatch end) {
        return Thread.ofPlatform().daemon().name(name).start(() -> {
            try {
                end.await();
            } catch (final InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    /** Of the thread of that name, by the kernel; null if there is none. */
    private static Integer niceness(final String name) throws IOException {
        try (DirectoryStream<Path> tasks = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
            for (final Path task : tasks) {
                final String stat = Files.exists(task) ? Files.readString(task.resolve("stat")) : "";
                if (stat.contains("(" + name + ")")) {
                    return Integer.valueOf(stat.substring(stat.lastIndexOf(')') + 2).split(" ")[16]);
                }
            }
        }
        return null;
    }
}
