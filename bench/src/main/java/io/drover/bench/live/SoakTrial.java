package io.drover.bench.live;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The load for {@code --count} minutes with a few moves in each; after each minute every node's heap after a collection, resident
 * memory, and open files. What grows without end shows as a last value above the first.
 */
final class SoakTrial implements LiveBench.Trial {
    private static final Pattern USED = Pattern.compile("used (\\d+)K");
    private static final Pattern RESIDENT = Pattern.compile("VmRSS:\\s+(\\d+) kB");
    private static final int MOVES = 5;

    /** Of a process: its heap after a collection, what it has of the memory, and its open files. */
    record Sample(double heapMiB, double residentMiB, int files) {}

    @Override
    public int run(final LiveBench bench) throws Exception {
        final TreeMap<Integer, List<Sample>> samples = new TreeMap<>();
        final Random random = new Random(bench.seed);
        try (LiveCluster cluster = bench.cluster(bench.nodes)) {
            try (Load load = bench.load("soak", cluster.url(1), cluster.url(bench.nodes))) {
                load.run(bench.warmUp);
                for (int minute = 0; minute < bench.count; minute++) {
                    final long untilNs = System.nanoTime() + 60_000_000_000L;
                    MigrateTrial.moves(cluster, bench.nodes, MOVES, random);
                    bench.pause(Math.max(0, (untilNs - System.nanoTime()) / 1e9));
                    for (final int node : cluster.running()) {
                        final Sample now = sample(cluster.process(node).pid());
                        samples.computeIfAbsent(node, key -> new ArrayList<>()).add(now);
                        bench.say("minute %d, node-%d: heap %.1f MiB, resident %.0f MiB, %d files", minute + 1, node, now.heapMiB,
                                now.residentMiB, now.files);
                    }
                }
            }
        }
        samples.forEach((node, all) -> {
            final Sample first = all.get(Math.min(1, all.size() - 1));
            final Sample last = all.getLast();
            bench.say("node-%d, minute 2 to the last: heap %.1f to %.1f MiB, resident %.0f to %.0f MiB, files %d to %d", node,
                    first.heapMiB, last.heapMiB, first.residentMiB, last.residentMiB, first.files, last.files);
        });
        return bench.judge("all", bench.verdict("soak"));
    }

    static Sample sample(final long pid) throws IOException, InterruptedException {
        jcmd(pid, "GC.run");
        final Matcher used = USED.matcher(jcmd(pid, "GC.heap_info"));
        double heapKiB = 0;
        if (used.find()) {
            heapKiB = Double.parseDouble(used.group(1));
        }
        final Matcher resident = RESIDENT.matcher(Files.readString(Path.of("/proc/" + pid + "/status")));
        resident.find();
        try (Stream<Path> files = Files.list(Path.of("/proc/" + pid + "/fd"))) {
            return new Sample(heapKiB / 1024, Double.parseDouble(resident.group(1)) / 1024, (int) files.count());
        }
    }

    private static String jcmd(final long pid, final String command) throws IOException, InterruptedException {
        final Process jcmd = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "jcmd").toString(),
                String.valueOf(pid),
                command).redirectErrorStream(true).start();
        final String said = new String(jcmd.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        jcmd.waitFor();
        return said;
    }
}
