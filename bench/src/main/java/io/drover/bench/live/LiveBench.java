package io.drover.bench.live;

import static java.util.Map.entry;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;

import org.jspecify.annotations.Nullable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code bench live}: events against a cluster of processes that it starts itself. */
@Command(name = "live", description = {
    "Starts nodes as processes, loads them with a closed loop of streams of the embedded model, and lets"
            + " something happen.",
    "Every request and token is recorded and judged afterwards against the model's expected ids."}, mixinStandardHelpOptions = true, footer = {
        "",
        "Trials: migrate (back-to-back moves), kill (kill -9 of a node that is not the gateway), pause (SIGSTOP of one for a while),",
        "hedge (the same with hedging on and off), slow (one that answers up to 200 ms late, likewise), elastic (1, 2, 3, 5, 4, 2 nodes), coordinator (its node stopped), shift (of domains),",
        "owner (the homes of many copies of one request killed at all their tokens), paused-owner (stopped instead), soak,",
        "partition (cuts between network namespaces), faults (one after the other). The last two need root. Exit code 1 if a stream failed or differs, or an aim was missed."})
public final class LiveBench implements Callable<Integer> {
    /** Something to let happen; prints what it has seen. */
    interface Trial {
        /** @return how many streams failed or differ, where none may */
        int run(LiveBench bench) throws Exception;
    }

    private static final Map<String, Trial> TRIALS = new TreeMap<>(Map.ofEntries(entry("migrate", new MigrateTrial()),
            entry("kill", new KillTrial()), entry("pause", new PauseTrial(false)), entry("hedge", new PauseTrial(true)),
            entry("slow", new SlowTrial()),
            entry("elastic", new ElasticTrial()), entry("coordinator", new CoordinatorTrial()), entry("shift", new ShiftTrial()),
            entry("owner", new OwnerTrial(false)), entry("paused-owner", new OwnerTrial(true)), entry("soak", new SoakTrial()),
            entry("partition", new PartitionTrial()),
            entry("faults", new FaultsTrial())));

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Parameters(paramLabel = "TRIAL", description = "What happens: see below.")
    private String trial = "";

    @Option(names = "--nodes", defaultValue = "4", description = "Nodes; ${DEFAULT-VALUE} if left out.")
    int nodes;

    @Option(names = "--clients", defaultValue = "32", description = "Streams at once; ${DEFAULT-VALUE} if left out.")
    int clients;

    @Option(names = "--rounds", defaultValue = "5", description = "Rounds of event and control; ${DEFAULT-VALUE} if left out.")
    int rounds;

    @Option(names = "--count", defaultValue = "40", description = "Events: moves of a round, kills, tokens; ${DEFAULT-VALUE} if left out.")
    int count;

    @Option(names = "--seconds", defaultValue = "10", description = "Length of a phase without an event; ${DEFAULT-VALUE} if left out.")
    int seconds;

    @Option(names = "--warm-up", paramLabel = "S", defaultValue = "75", description = "Seconds of load before anything is measured, for code to be compiled in all processes; ${DEFAULT-VALUE} if left out.")
    int warmUp;

    @Option(names = "--seed", defaultValue = "1", description = "Of every choice; ${DEFAULT-VALUE} if left out.")
    long seed;

    @Option(names = "--record", paramLabel = "DIR", description = "Where records, configurations and logs go; a new temporary directory if left out.")
    private @Nullable Path record;

    @Option(names = "--set", paramLabel = "KEY=VALUE", description = "A configuration key for every node; may be repeated.")
    private List<String> overrides = List.of();

    private List<Load.Case> cases = List.of();
    private Path directory = Path.of("");

    @Override
    public Integer call() throws Exception {
        final Trial chosen = TRIALS.get(trial);
        if (chosen == null) {
            throw new ParameterException(spec.commandLine(),
                    "there is no trial '" + trial + "'; expected one of " + String.join(", ", TRIALS.keySet()));
        }
        if (nodes < 1 || nodes > 9 || clients < 1 || rounds < 1 || count < 1 || seconds < 1 || warmUp < 1) {
            throw new ParameterException(spec.commandLine(),
                    "--nodes is " + nodes + ", --clients " + clients + ", --rounds " + rounds + ", --count " + count
                            + ", --seconds "
                            + seconds + "; expected 1 to 9 nodes and at least 1 of the others");
        }
        directory = record == null ? Files.createTempDirectory("drover-live-") : Files.createDirectories(record);
        cases = Load.cases(LiveCluster.model());
        final int bad = chosen.run(this);
        say("records and logs: %s", directory);
        return bad == 0 ? 0 : 1;
    }

    List<Load.Case> cases() {
        return cases;
    }

    Path file(final String name) {
        return directory.resolve(name);
    }

    /** Nodes 1 to {@code count}, all serving. */
    LiveCluster cluster(final int count, final String... more) throws IOException, InterruptedException {
        return cluster(count, new LiveSite() {
        }, more);
    }

    LiveCluster cluster(final int count, final LiveSite site, final String... more) throws IOException, InterruptedException {
        final List<String> keys = new ArrayList<>(
                List.of("drover.engine.compute-threads = 1", "drover.engine.loader-threads = 1"));
        keys.addAll(List.of(more));
        keys.addAll(overrides);
        final LiveCluster cluster = new LiveCluster(directory, count, keys, site);
        try {
            for (int node = 1; node <= count; node++) {
                cluster.start(node);
                // Not all at once: the first seconds of a JVM are the dearest.
                cluster.awaitDoor(node);
            }
            cluster.awaitWhole();
        } catch (final IOException | InterruptedException | RuntimeException e) {
            cluster.close();
            throw e;
        }
        say("%d nodes serve", count);
        return cluster;
    }

    /** A load through some gateways over all cases, one after the other. */
    Load load(final String name, final String... urls) throws IOException {
        final int[] next = {0};
        return new Load(cases, List.of(urls), clients, () -> {
            synchronized (next) {
                return next[0]++;
            }
        }, file(name + ".jsonl"));
    }

    Verdict verdict(final String name) throws IOException {
        return Verdict.read(file(name + ".jsonl"), cases);
    }

    /** The same where error events and refusals may be: counts streams that were cut without a word, or differ. */
    int judgeEnds(final String what, final Verdict verdict) {
        final int silent = verdict.silent().size();
        final int wrong = verdict.wrong().size() + verdict.wrongBeginnings().size();
        final List<StreamRecord> failed = verdict.failed();
        final long told = failed.stream().filter(stream -> stream.fault().startsWith(StreamRecord.ERROR_EVENT)).count();
        say("%s: %d streams, %d with an error event, %d refused, %d cut without a word, %d differ", what, verdict.streams(), told,
                failed.size() - told - silent, silent, wrong);
        verdict.silent()
                .stream()
                .limit(3)
                .forEach(stream -> say("  request %d after %d tokens: %s", stream.request(),
                        stream.tokens().size(), stream.fault()));
        return silent + wrong;
    }

    /** Prints what must not be, and counts it. */
    int judge(final String what, final Verdict verdict) {
        final List<StreamRecord> failed = verdict.failed();
        final List<StreamRecord> wrong = verdict.wrong();
        final int begun = verdict.wrongBeginnings().size();
        say("%s: %d streams, %d failed, %d of the others differ%s", what, verdict.streams(), failed.size(), wrong.size(),
                begun == 0 ? "" : ", " + begun + " of the failed had differed before");
        failed.stream()
                .limit(3)
                .forEach(stream -> say("  request %d after %d tokens: %s", stream.request(), stream.tokens().size(),
                        stream.fault().isEmpty() ? "no proper end" : stream.fault()));
        return failed.size() + wrong.size();
    }

    void say(final String format, final Object... values) {
        final PrintWriter out = spec.commandLine().getOut();
        out.printf(format + "%n", values);
        out.flush();
    }

    void pause(final double s) throws InterruptedException {
        Thread.sleep(Math.round(s * 1000));
    }

    /** Prints whether an aim is met. @return 1 if it is not */
    int aim(final String what, final double value, final double most) {
        final boolean met = value <= most;
        say("aim %s: %s at most %.2f: %.2f", met ? "met" : "MISSED", what, most, value);
        return met ? 0 : 1;
    }

    /** Median of the rounds' ratios, with the smallest and the largest. @return the median */
    double ratios(final String what, final double[] event, final double[] control) {
        final double[] ratios = new double[event.length];
        for (int i = 0; i < ratios.length; i++) {
            ratios[i] = event[i] / control[i];
        }
        final double[] sorted = ratios.clone();
        Arrays.sort(sorted);
        say("%s: median %.2f against %.2f, ratio %.2f (%.2f to %.2f over %d rounds)", what, Verdict.median(event),
                Verdict.median(control), Verdict.median(ratios), sorted[0], sorted[sorted.length - 1], sorted.length);
        return Verdict.median(ratios);
    }
}
