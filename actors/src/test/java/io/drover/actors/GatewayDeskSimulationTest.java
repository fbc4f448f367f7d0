package io.drover.actors;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.Set;

import org.junit.jupiter.api.Test;

import io.drover.model.Sampling;

/**
 * A gateway's desk and the desks of three homes over a network that loses, doubles and delays messages: every stream ends
 * exactly once, with every token exactly once and in order, or with an explicit error.
 */
class GatewayDeskSimulationTest {
    private static final int HOMES = 3;
    private static final int GATEWAY = 9;

    private record Message(long atNs, long order, int home, Runnable delivery) {}

    private static final class World implements GatewayDesk.Actions {
        final Random random;
        final double loss;
        final PriorityQueue<Message> network = new PriorityQueue<>(
                (a, b) -> a.atNs() != b.atNs() ? Long.compare(a.atNs(), b.atNs()) : Long.compare(a.order(), b.order()));
        final GatewayDesk desk = new GatewayDesk(new GatewayDesk.Limits(100, 3, 300, 5_000), this);
        final Home[] homes = new Home[HOMES];
        final Map<Long, List<Integer>> received = new HashMap<>();
        final Map<Long, TokenEvent> ends = new HashMap<>();
        final Map<Long, Gateway.Reason> refusals = new HashMap<>();
        final Map<Long, Integer> wanted = new HashMap<>();
        long nowNs;
        long order;

        World(final long seed) {
            random = new Random(seed);
            loss = random.nextInt(3) * 0.1;
            for (int i = 0; i < HOMES; i++) {
                homes[i] = new Home(i);
            }
        }

        /** A home whose sequences get a token whenever they are asked to; its batcher has no pages to run out of. */
        final class Home implements HomeDesk.Actions, Batcher.Actions {
            final int id;
            final Batcher batcher = new Batcher(new Batcher.Limits(2, 2, 64, 64, 10_000), this);
            final HomeDesk desk = new HomeDesk(batcher, this, Set.of(), 2_000, 100);
            boolean lost;

            Home(final int id) {
                this.id = id;
            }

            void compute() {
                batcher.schedule();
                for (final Sequence sequence : List.copyOf(desk.live())) {
                    if (sequence.chunkLength > 0 && random.nextInt(3) > 0 && batcher.chunkDone(sequence)) {
                        desk.onToken(sequence, sequence.generated() + 100, nowNs);
                    }
                }
                desk.flush(nowNs);
            }

            @Override
            public void sendAdmission(final Sequence.Key key, final boolean accepted, final Gateway.Reason reason,
                    final String detail, final long retryAfterMs) {
                post(id, () -> World.this.desk.onAdmission(id, key.requestKey(), accepted, reason, detail, retryAfterMs, nowNs));
            }

            @Override
            public boolean sendTokens(final Sequence sequence, final int from, final int count) {
                if (random.nextInt(10) == 0) {
                    return false;
                }
                for (int i = from; i < from + count; i++) {
                    final int index = i;
                    final int token = sequence.token(sequence.promptLength + i);
                    post(id, () -> World.this.desk.onToken(id, sequence.key.requestKey(), sequence.ownerTerm, index, token,
                            nowNs));
                }
                return true;
            }

            @Override
            public boolean sendEnd(final Sequence.Key key, final long ownerTerm, final TokenEvent end) {
                post(id, () -> World.this.desk.onEnd(id, key.requestKey(), ownerTerm, end, nowNs));
                return random.nextInt(10) > 0;
            }

            @Override
            public boolean reserve(final Sequence sequence, final int positions) {
                return true;
            }

            @Override
            public void release(final Sequence sequence) {
                // Nothing is held.
            }

            @Override
            public void start(final Sequence sequence) {
                // compute() finds it.
            }

            @Override
            public void abandon(final Sequence sequence) {
                // Nothing is on its way.
            }
        }

        void post(final int home, final Runnable delivery) {
            for (int copies = random.nextDouble() < loss ? random.nextInt(3) : 1; copies > 0; copies--) {
                network.add(new Message(nowNs + 1 + random.nextInt(loss > 0 ? 60 : 10), order++, home, delivery));
            }
        }

        void step() {
            nowNs += 5;
            while (!network.isEmpty() && network.peek().atNs() <= nowNs) {
                final Message message = network.poll();
                if (!homes[message.home()].lost) {
                    message.delivery().run();
                }
            }
            for (final Home home : homes) {
                if (!home.lost) {
                    home.compute();
                }
            }
            desk.poll(nowNs);
            check();
        }

        void submit(final long key) {
            final int tokens = 1 + random.nextInt(12);
            wanted.put(key, tokens);
            received.put(key, new ArrayList<>());
            final int first = random.nextInt(HOMES);
            desk.submit(key, new GenerationRequest("r", List.of(1, 2, 3), Sampling.GREEDY, tokens, 0, true, List.of()),
                    new int[]{first, (first + 1) % HOMES, (first + 2) % HOMES}, nowNs);
        }

        void lose(final int home) {
            homes[home].lost = true;
            desk.nodeLost(home, "node-" + home, nowNs);
        }

        void check() {
            received.forEach((key, tokens) -> {
                for (int i = 0; i < tokens.size(); i++) {
                    assertThat(tokens.get(i)).as("token %s of request %s", i, key).isEqualTo(100 + i);
                }
            });
        }

        @Override
        public void sendSubmit(final int home, final long key, final long ownerTerm, final GenerationRequest request) {
            post(home, () -> homes[home].desk.onSubmit(new Sequence.Key(GATEWAY, key), ownerTerm, request, ""));
        }

        @Override
        public void sendCancel(final int home, final long key, final long ownerTerm) {
            post(home, () -> homes[home].desk.onCancel(new Sequence.Key(GATEWAY, key), nowNs));
        }

        @Override
        public void sendSync(final int home, final long key, final int nextIndex) {
            post(home, () -> homes[home].desk.onSync(new Sequence.Key(GATEWAY, key), nextIndex));
        }

        @Override
        public void admitted(final long key) {
            assertThat(refusals).doesNotContainKey(key);
        }

        @Override
        public void refused(final long key, final Gateway.Reason reason, final String detail, final long retryAfterMs) {
            assertThat(refusals.put(key, reason)).isNull();
            assertThat(received.get(key)).isEmpty();
        }

        @Override
        public void token(final long key, final int index, final int id) {
            assertThat(ends).doesNotContainKey(key);
            assertThat(index).isEqualTo(received.get(key).size());
            received.get(key).add(id);
        }

        @Override
        public void ended(final long key, final TokenEvent end) {
            assertThat(ends.put(key, end)).isNull();
            if (end instanceof TokenEvent.Finished) {
                assertThat(received.get(key)).hasSize(wanted.get(key));
            }
        }
    }

    @Test
    void everyStreamEndsOnceWithEveryTokenOnce() {
        int finished = 0;
        int failed = 0;
        int refused = 0;
        for (long seed = 0; seed < 1_000; seed++) {
            final World world = new World(seed);
            try {
                final int requests = 20;
                final int pace = 1 + world.random.nextInt(8);
                final boolean kill = world.random.nextInt(4) == 0;
                for (int i = 0; i < 3_000 && world.ends.size() + world.refusals.size() < requests; i++) {
                    if (i < requests * pace && i % pace == 0) {
                        world.submit(i / pace);
                    }
                    if (kill && i == 10) {
                        world.lose(world.random.nextInt(HOMES));
                    }
                    world.step();
                }
                assertThat(world.ends.size() + world.refusals.size()).as("requests that ended").isEqualTo(requests);
                assertThat(world.desk.open()).isZero();
                finished += (int) world.ends.values().stream().filter(TokenEvent.Finished.class::isInstance).count();
                failed += (int) world.ends.values().stream().filter(TokenEvent.Failed.class::isInstance).count();
                refused += world.refusals.size();
                if (!kill) {
                    assertThat(world.ends.values()).as("without a lost node").allMatch(TokenEvent.Finished.class::isInstance);
                }
            } catch (final AssertionError | RuntimeException failure) {
                throw new AssertionError("seed " + seed, failure);
            }
        }
        assertThat(finished).isGreaterThan(10_000);
        assertThat(failed).as("streams whose home was lost").isGreaterThan(10);
        assertThat(refused).as("requests that met full queues").isGreaterThan(10);
    }
}
