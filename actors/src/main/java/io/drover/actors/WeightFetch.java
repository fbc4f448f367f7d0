package io.drover.actors;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

import org.jspecify.annotations.Nullable;

/**
 * Decides where one replica's weights come from and whether they are right: {@code on(event) -> commands}, without clock or wire.
 *
 * <pre>
 *  the files gave weights         ask others what they remember of the digest; used unless at least as many deny as confirm
 *  the files gave none            fetch from the first source
 *  a source broke off             the next one
 *  a source gave weights          ask others for the digest, as remembered or from their files, and the source for what it was when the
 *                                 source loaded them; used if more confirm than deny
 *  weights are not used           discarded; the next source
 *  no source is left              failed
 * </pre>
 *
 * Bytes are never vouched for by themselves: a digest is what a node computed when it loaded from its files, or checked when it fetched.
 * What this node remembers counts as a voice. Each question and each fetch is answered once, in time; an answer nobody waits for is
 * ignored.
 */
final class WeightFetch {
    /** What the machine is told. */
    sealed interface Event {
        record FilesGave(String digest) implements Event {}

        record FilesFailed(String reason) implements Event {}

        record Received(int node, String digest) implements Event {}

        record Broken(int node, String reason) implements Event {}

        /** @param digest null where the node does not know */
        record Told(int node, @Nullable String digest) implements Event {}
    }

    /** What the machine wants done. */
    sealed interface Command {
        record Fetch(int node) implements Command {}

        /** @param compute whether the node may read its files to answer */
        record AskDigest(int node, boolean compute) implements Command {}

        /** The weights at hand are right. */
        record Use() implements Command {}

        /** The weights at hand are wrong. */
        record Discard() implements Command {}

        record Fail(String reason) implements Command {}
    }

    /** Others that are asked about weights at hand. */
    static final int WITNESSES = 3;

    private static final int FILES = -1;

    private final List<Integer> nodes;
    private final @Nullable String remembered;
    private final Deque<Integer> sources;
    private final Set<Integer> asked = new HashSet<>();
    private int origin = FILES;
    private @Nullable String atHand;
    private int confirmed;
    private int denied;
    private boolean ended;
    private String problem = "";

    /**
     * @param nodes      that may have the weights or know their digest, the likeliest first, without this one
     * @param remembered what this node knows of the digest; null for nothing
     */
    WeightFetch(final List<Integer> nodes, final @Nullable String remembered) {
        this.nodes = List.copyOf(nodes);
        this.remembered = remembered;
        sources = new ArrayDeque<>(nodes);
    }

    List<Command> on(final Event event) {
        final List<Command> commands = new ArrayList<>();
        if (!ended) {
            switch (event) {
                case Event.FilesGave gave -> judge(FILES, gave.digest(), commands);
                case Event.FilesFailed failed -> {
                    problem = failed.reason();
                    next(commands);
                }
                case Event.Received received -> {
                    if (fetchesFrom(received.node())) {
                        judge(origin, received.digest(), commands);
                    }
                }
                case Event.Broken broken -> {
                    if (fetchesFrom(broken.node())) {
                        problem = broken.reason();
                        next(commands);
                    }
                }
                case Event.Told told -> {
                    if (asked.remove(told.node())) {
                        count(told.digest());
                        decide(commands);
                    }
                }
            }
        }
        return commands;
    }

    private boolean fetchesFrom(final int node) {
        return atHand == null && origin == node;
    }

    private void judge(final int from, final String digest, final List<Command> commands) {
        origin = from;
        atHand = digest;
        confirmed = 0;
        denied = 0;
        count(remembered);
        nodes.stream().filter(node -> node != from).limit(WITNESSES).forEach(node -> ask(node, from != FILES, commands));
        if (from != FILES) {
            ask(from, true, commands);
        }
        decide(commands);
    }

    private void ask(final int node, final boolean compute, final List<Command> commands) {
        asked.add(node);
        commands.add(new Command.AskDigest(node, compute));
    }

    private void count(final @Nullable String digest) {
        if (digest != null) {
            confirmed += digest.equals(atHand) ? 1 : 0;
            denied += digest.equals(atHand) ? 0 : 1;
        }
    }

    private void decide(final List<Command> commands) {
        if (!asked.isEmpty()) {
            return;
        }
        if (confirmed > denied || confirmed + denied == 0 && origin == FILES) {
            ended = true;
            commands.add(new Command.Use());
        } else {
            problem = (origin == FILES ? "this node's files" : "node " + origin) + " gave weights with digest " + brief()
                    + ", which " + confirmed + " confirmed and " + denied + " denied";
            atHand = null;
            commands.add(new Command.Discard());
            next(commands);
        }
    }

    private void next(final List<Command> commands) {
        final Integer source = sources.poll();
        if (source == null) {
            ended = true;
            commands.add(new Command.Fail(nodes.isEmpty() ? problem : problem + "; no other node has them"));
        } else {
            origin = source;
            atHand = null;
            commands.add(new Command.Fetch(source));
        }
    }

    private String brief() {
        final String digest = String.valueOf(atHand);
        return digest.substring(0, Math.min(12, digest.length()));
    }
}
