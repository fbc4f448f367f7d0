package io.drover.server;

import java.io.PrintStream;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

import io.drover.cluster.Progress;

/** What a command says to the person who started it: whole lines, progress once and no more than a few times a second. Thread-safe. */
final class Console {
    /** What each line begins with. */
    static final String PREFIX = "drover: ";

    private static final long INTERVAL_NS = 500_000_000;

    private final PrintStream out;
    private final Map<String, Shown> shown = new HashMap<>();

    private final Set<String> said = new HashSet<>();

    private record Shown(Progress.Stage stage, long atNs) {}

    Console(final PrintStream out) {
        this.out = out;
    }

    synchronized void say(final String line) {
        out.println(PREFIX + line);
        out.flush();
    }

    /** A line that another process has said. */
    synchronized void pass(final String line) {
        out.println(line);
        out.flush();
    }

    /** A step of a node's start; counted steps in between may be left out. */
    synchronized void progress(final Progress progress) {
        final long nowNs = System.nanoTime();
        final Shown last = shown.get(progress.node());
        final boolean news = last == null || last.stage != progress.stage() || progress.done() == progress.total();
        if ((news || nowNs - last.atNs >= INTERVAL_NS) && said.add(progress.node() + progress.text())) {
            shown.put(progress.node(), new Shown(progress.stage(), nowNs));
            say(progress.node() + ": " + progress.text());
        }
    }
}
