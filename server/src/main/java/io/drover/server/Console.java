package io.drover.server;

import java.io.PrintStream;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;

import io.drover.cluster.Progress;

/**
 * What a command says to the person who started it: whole lines, no line of progress twice, and of each source no more than two a
 * second. Thread-safe.
 */
final class Console {
    /** What each line begins with. */
    static final String PREFIX = "drover: ";

    private static final long INTERVAL_NS = 500_000_000;
    /** The source of what each node tells of the whole cluster. */
    private static final String CLUSTER = "";

    private final PrintStream out;
    private final LongSupplier nanoClock;
    private final Map<String, Shown> shown = new HashMap<>();
    private final Set<String> said = new HashSet<>();

    private record Shown(Progress.Stage stage, long atNs) {}

    Console(final PrintStream out) {
        this(out, System::nanoTime);
    }

    Console(final PrintStream out, final LongSupplier nanoClock) {
        this.out = out;
        this.nanoClock = nanoClock;
    }

    synchronized void say(final String line) {
        pass(PREFIX + line);
    }

    /** A whole line, as it is. */
    synchronized void pass(final String line) {
        out.println(line);
        out.flush();
    }

    /** A line of progress that another process has said; nodes of one cluster say much of it alike. */
    synchronized void passOnce(final String line) {
        if (said.add(line)) {
            pass(line);
        }
    }

    /** A step of a node's start; steps in between may be left out. */
    synchronized void progress(final Progress progress) {
        final String source = progress.stage() == Progress.Stage.WAITING ? CLUSTER : progress.node();
        final long nowNs = nanoClock.getAsLong();
        final Shown last = shown.get(source);
        final boolean news = last == null || last.stage != progress.stage();
        if (news || nowNs - last.atNs >= INTERVAL_NS) {
            final String line = PREFIX + (source.equals(CLUSTER) ? "" : source + ": ") + progress.text();
            if (said.add(line)) {
                shown.put(source, new Shown(progress.stage(), nowNs));
                pass(line);
            }
        }
    }
}
