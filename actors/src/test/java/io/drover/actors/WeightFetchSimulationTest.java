package io.drover.actors;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import io.drover.actors.WeightFetch.Command;
import io.drover.actors.WeightFetch.Event;

/**
 * Loads among nodes that are honest, know nothing, give wrong bytes, or are gone, with answers in any order, repeated, and from nodes that
 * were not asked. Wrong weights are never used while only one node is bad, every load ends, and it ends well where an honest node has the
 * weights.
 */
class WeightFetchSimulationTest {
    private static final int RUNS = 20_000;
    private static final String RIGHT = "right-digest-000";
    private static final String WRONG = "wrong-digest-000";

    private enum Kind {
        /** Has the weights and knows their digest. */
        HONEST,
        /** Has the weights, and knows a digest only when it may read its files. */
        FORGETFUL,
        /** Has neither. */
        IGNORANT,
        /** Gives wrong bytes, and remembers the right digest: its memory is damaged. */
        DAMAGED,
        /** Gives wrong bytes and a digest that fits them. */
        LIAR,
        /** Answers nothing. */
        GONE
    }

    @Test
    void wrongWeightsAreNeverUsed() {
        int used = 0;
        int discarded = 0;
        for (int seed = 0; seed < RUNS; seed++) {
            final Run run = new Run(seed);
            run.play();
            used += run.used ? 1 : 0;
            discarded += run.discarded;
        }
        assertThat(used).isGreaterThan(RUNS / 2);
        assertThat(discarded).isGreaterThan(RUNS / 20);
    }

    private static final class Run {
        private final int seed;
        private final Random random;
        private final List<Kind> kinds = new ArrayList<>();
        private final List<Event> wire = new ArrayList<>();
        private final @Nullable String remembered;
        private final @Nullable String files;
        private final WeightFetch machine;
        private @Nullable String atHand;
        private boolean used;
        private boolean failed;
        private int discarded;

        Run(final int seed) {
            this.seed = seed;
            random = new Random(seed);
            final int nodes = random.nextInt(6);
            final Kind[] good = {Kind.HONEST, Kind.HONEST, Kind.FORGETFUL, Kind.IGNORANT, Kind.GONE};
            for (int node = 0; node < nodes; node++) {
                kinds.add(good[random.nextInt(good.length)]);
            }
            // One bad node at most, and a liar only where two honest ones outvote it.
            if (nodes > 0 && random.nextBoolean()) {
                kinds.set(random.nextInt(nodes), Kind.DAMAGED);
            } else if (nodes > 2 && random.nextInt(3) == 0) {
                Collections.fill(kinds, Kind.HONEST);
                kinds.set(random.nextInt(nodes), Kind.LIAR);
            }
            remembered = random.nextInt(4) == 0 ? RIGHT : null;
            // Files that are wrong are found out only by somebody who remembers.
            final boolean witness = kinds.stream().limit(WeightFetch.WITNESSES).anyMatch(Kind.HONEST::equals)
                    && kinds.stream().noneMatch(Kind.LIAR::equals);
            files = random.nextInt(3) == 0 ? RIGHT : witness && random.nextInt(3) == 0 ? WRONG : null;
            machine = new WeightFetch(IntStream.range(0, nodes).boxed().toList(), remembered);
        }

        void play() {
            if (files != null) {
                atHand = files;
                act(machine.on(new Event.FilesGave(files)));
            } else {
                act(machine.on(new Event.FilesFailed("no such file")));
            }
            while (!used && !failed) {
                assertThat(wire).as("seed %d waits for nothing", seed).isNotEmpty();
                final Event event = wire.remove(random.nextInt(wire.size()));
                if (random.nextInt(5) == 0) {
                    strange();
                }
                act(machine.on(event));
            }
            final boolean source = kinds.stream().anyMatch(kind -> kind == Kind.HONEST || kind == Kind.FORGETFUL);
            assertThat(used).as("seed %d: %s, files %s", seed, kinds, files).isEqualTo(source || RIGHT.equals(files));
            assertThat(machine.on(new Event.Told(0, WRONG))).as("seed %d: after the end", seed).isEmpty();
        }

        /** What nobody asked for changes nothing. */
        private void strange() {
            final int stranger = kinds.size() + 7;
            assertThat(machine.on(new Event.Told(stranger, WRONG))).as("seed %d", seed).isEmpty();
            assertThat(machine.on(new Event.Broken(stranger, "?"))).as("seed %d", seed).isEmpty();
            assertThat(machine.on(new Event.Received(stranger, WRONG))).as("seed %d", seed).isEmpty();
        }

        private void act(final List<Command> commands) {
            for (final Command command : commands) {
                assertThat(used || failed).as("seed %d: a command after the end", seed).isFalse();
                switch (command) {
                    case Command.Fetch fetch -> fetch(fetch.node());
                    case Command.AskDigest ask -> wire.add(new Event.Told(ask.node(), digest(ask)));
                    case Command.Use use -> {
                        assertThat(atHand).as("seed %d: %s", seed, kinds).isEqualTo(RIGHT);
                        used = true;
                    }
                    case Command.Discard discard -> {
                        assertThat(atHand).as("seed %d: nothing right is thrown away: %s", seed, kinds).isEqualTo(WRONG);
                        discarded++;
                    }
                    case Command.Fail fail -> {
                        assertThat(fail.reason()).as("seed %d", seed).isNotEmpty();
                        failed = true;
                    }
                }
            }
        }

        private void fetch(final int node) {
            switch (kinds.get(node)) {
                case HONEST, FORGETFUL -> receive(node, RIGHT);
                case DAMAGED, LIAR -> receive(node, WRONG);
                case IGNORANT -> wire.add(new Event.Broken(node, "is not here"));
                case GONE -> wire.add(new Event.Broken(node, "no progress"));
            }
        }

        private void receive(final int node, final String digest) {
            atHand = digest;
            wire.add(new Event.Received(node, digest));
        }

        private @Nullable String digest(final Command.AskDigest ask) {
            return switch (kinds.get(ask.node())) {
                case HONEST, DAMAGED -> RIGHT;
                case FORGETFUL -> ask.compute() ? RIGHT : null;
                case LIAR -> WRONG;
                case IGNORANT, GONE -> null;
            };
        }
    }

    @Test
    void whatNobodyCanConfirmIsRefused() {
        final WeightFetch alone = new WeightFetch(List.of(4), null);
        assertThat(alone.on(new Event.FilesFailed("the file is truncated"))).containsExactly(new Command.Fetch(4));
        assertThat(alone.on(new Event.Received(4, WRONG))).containsExactly(new Command.AskDigest(4, true));
        assertThat(alone.on(new Event.Told(4, null))).containsExactly(new Command.Discard(), new Command.Fail(
                "node 4 gave weights with digest wrong-digest, which 0 confirmed and 0 denied; no other node has them"));
    }

    @Test
    void oneVoiceAgainstOneIsNoConfirmation() {
        final WeightFetch torn = new WeightFetch(List.of(1, 2, 3), null);
        torn.on(new Event.FilesFailed("gone"));
        assertThat(torn.on(new Event.Received(1, RIGHT))).containsExactly(new Command.AskDigest(2, true),
                new Command.AskDigest(3, true), new Command.AskDigest(1, true));
        assertThat(torn.on(new Event.Told(1, RIGHT))).isEmpty();
        assertThat(torn.on(new Event.Told(2, null))).isEmpty();
        assertThat(torn.on(new Event.Told(3, WRONG))).containsExactly(new Command.Discard(), new Command.Fetch(2));
    }

    @Test
    void aNodeAloneTrustsItsFiles() {
        assertThat(new WeightFetch(List.of(), null).on(new Event.FilesGave(RIGHT))).containsExactly(new Command.Use());
        assertThat(new WeightFetch(List.of(), WRONG).on(new Event.FilesGave(RIGHT))).contains(new Command.Discard());
        assertThat(new WeightFetch(List.of(), null).on(new Event.FilesFailed("no file")))
                .containsExactly(new Command.Fail("no file"));
    }
}
