package io.drover.bench.live;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The load for {@code --count} minutes with a few moves in each; after each minute every node's heap after a collection, its memory and its
 * open files. What grows without end shows in the last quarter of the minutes against the second.
 */
final class SoakTrial implements LiveBench.Trial {
    private static final Pattern USED = Pattern.compile("used (\\d+)K");
    private static final Pattern RESIDENT = Pattern.compile("Rss:\\s+(\\d+) kB");
    private static final Pattern ANONYMOUS = Pattern.compile("Anonymous:\\s+(\\d+) kB");
    private static final int MOVES = 5;
    /** Minutes in which code is still compiled and caches fill. */
    private static final int UNSETTLED = 2;
    private static final int FEWEST = 3;

    /** What may grow, and how far: by a part of itself and by so much besides. */
    private enum Limit {
        /** A collection leaves what it likes. */
        HEAP("heap after a collection, MiB", Sample::heapMiB, 0.25, 10),
        /** The heap's spare room is part of it. */
        RESIDENT("resident memory, MiB", Sample::residentMiB, 0.1, 32),
        /** A few connections more or less. */
        FILES("open files", Sample::files, 0, 16);

        private final String what;
        private final ToDoubleFunction<Sample> value;
        private final double part;
        private final double besides;

        Limit(final String what, final ToDoubleFunction<Sample> value, final double part, final double besides) {
            this.what = what;
            this.value = value;
            this.part = part;
            this.besides = besides;
        }
    }

    /**
     * Of a process.
     *
     * @param heapMiB      after a collection
     * @param residentMiB  what it has of the machine's memory
     * @param anonymousMiB of that, what is no file's: heap, code, threads' stacks, and what is allocated off the heap
     * @param mappedMiB    the rest: files that it has mapped, those of the media driver among them
     * @param files        that it has open
     */
    record Sample(double heapMiB, double residentMiB, double anonymousMiB, double mappedMiB, int files) {}

    /** Medians of the second and of the last quarter of at least three samples. */
    record Quarters(double second, double last) {
        static Quarters of(final double... samples) {
            final int quarter = Math.max(1, samples.length / 4);
            return new Quarters(Verdict.median(Arrays.copyOfRange(samples, quarter, 2 * quarter)),
                    Verdict.median(Arrays.copyOfRange(samples, samples.length - quarter, samples.length)));
        }

        /** @param part of the second quarter's that the last may be above it, with something besides */
        boolean flat(final double part, final double besides) {
            return last <= second * (1 + part) + besides;
        }
    }

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
                        bench.say("minute %d, node-%d: heap %.1f MiB, resident %.0f MiB, of which anonymous %.0f and mapped files"
                                + " %.0f MiB, %d files", minute + 1, node, now.heapMiB, now.residentMiB, now.anonymousMiB,
                                now.mappedMiB, now.files);
                    }
                }
            }
        }
        int bad = 0;
        for (final Map.Entry<Integer, List<Sample>> node : samples.entrySet()) {
            bad += judge(bench, node.getKey(), node.getValue());
        }
        return bad + bench.judge("all", bench.verdict("soak"));
    }

    /** @return how many limits were passed */
    private static int judge(final LiveBench bench, final int node, final List<Sample> all) {
        final List<Sample> settled = all.subList(Math.min(UNSETTLED, all.size()), all.size());
        if (settled.size() < FEWEST) {
            bench.say("node-%d: too few minutes to tell whether anything grows; at least %d are needed", node,
                    UNSETTLED + FEWEST);
            return 0;
        }
        int bad = 0;
        for (final Limit limit : Limit.values()) {
            final Quarters quarters = Quarters.of(settled.stream().mapToDouble(limit.value).toArray());
            final boolean flat = quarters.flat(limit.part, limit.besides);
            bench.say("node-%d: %s, medians of the second and the last quarter of minutes %d to %d: %.1f, %.1f: %s", node,
                    limit.what, UNSETTLED + 1, all.size(), quarters.second, quarters.last, flat ? "flat" : "GROWS");
            bad += flat ? 0 : 1;
        }
        return bad;
    }

    static Sample sample(final long pid) throws IOException, InterruptedException {
        jcmd(pid, "GC.run");
        final String heap = jcmd(pid, "GC.heap_info");
        final String memory = Files.readString(Path.of("/proc/" + pid + "/smaps_rollup"));
        final double residentMiB = mebibytes(RESIDENT, memory);
        final double anonymousMiB = mebibytes(ANONYMOUS, memory);
        try (Stream<Path> files = Files.list(Path.of("/proc/" + pid + "/fd"))) {
            return new Sample(mebibytes(USED, heap), residentMiB, anonymousMiB, residentMiB - anonymousMiB, (int) files.count());
        }
    }

    private static double mebibytes(final Pattern kibibytes, final String told) {
        final Matcher found = kibibytes.matcher(told);
        if (!found.find()) {
            throw new IllegalStateException("expected '" + kibibytes + "' in: " + told);
        }
        return Double.parseDouble(found.group(1)) / 1024;
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
