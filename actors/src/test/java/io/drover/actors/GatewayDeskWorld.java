package io.drover.actors;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;

import org.agrona.collections.IntArrayList;

import io.drover.model.Sampling;

/** A gateway's desk, homes, and the network between them; everything that happens comes from one seed. */
final class GatewayDeskWorld implements GatewayDesk.Actions {
    static final int HOMES = 3;
    static final int GATEWAY = 9;
    static final int PAGES = 40;
    static final int EOS = 100;
    static final int POISON = 1_000;
    static final long SUSPECT_AFTER_NS = 60;

    private record Message(long atNs, long order, int home, long incarnation, Runnable delivery) {}

    static int draw(final long key, final int index) {
        return EOS + (int) Math.floorMod(new Random(key * 1_000 + index).nextLong(), 12L);
    }

    /** What a home that nothing happens to generates. */
    static List<Integer> control(final long key, final GenerationRequest request) {
        final List<Integer> tokens = new ArrayList<>();
        do {
            tokens.add(draw(key, tokens.size()));
        } while (tokens.size() < request.maxTokens() && (request.ignoreEos() || tokens.getLast() != EOS));
        return tokens;
    }

    final Random random;
    final double loss;
    final PriorityQueue<Message> network = new PriorityQueue<>(
            (a, b) -> a.atNs() != b.atNs() ? Long.compare(a.atNs(), b.atNs()) : Long.compare(a.order(), b.order()));
    final GatewayDesk desk = new GatewayDesk(new GatewayDesk.Limits(100, 3, 20, 300, 900, 40, 8_000, 30), this);
    final Home[] homes = new Home[HOMES];
    final Map<Long, GenerationRequest> requests = new HashMap<>();
    final Map<Long, List<Integer>> received = new HashMap<>();
    final Map<Long, TokenEvent> ends = new HashMap<>();
    final Map<Long, Gateway.Reason> refusals = new HashMap<>();
    final Set<Long> cancelled = new HashSet<>();
    /** The latest owner term in which each request was offered. */
    final Map<Long, Long> terms = new HashMap<>();
    boolean linksRefuse = true;
    int syncs;
    final StringBuilder history = new StringBuilder();
    long nowNs;
    long order;
    long incarnations;

    GatewayDeskWorld(final long seed) {
        random = new Random(seed);
        loss = random.nextInt(3) * 0.1;
        for (int i = 0; i < HOMES; i++) {
            homes[i] = new Home(i);
        }
    }

    /** A home whose sequences get a token whenever they are asked to. */
    final class Home implements HomeDesk.Actions, Batcher.Actions {
        final int id;
        final long incarnation = ++incarnations;
        final Batcher batcher = new Batcher(new Batcher.Limits(2, 2, 64, 64, 10_000), this);
        final HomeDesk desk = new HomeDesk(batcher, this, Set.of(EOS), 2_000, 100);
        final Map<Sequence, Integer> pages = new HashMap<>();
        final ArrayDeque<Message> unread = new ArrayDeque<>();
        boolean lost;
        boolean known = true;
        long stillUntilNs;
        long crawlsUntilNs;

        Home(final int id) {
            this.id = id;
        }

        boolean stands() {
            return nowNs < stillUntilNs;
        }

        boolean heard() {
            return known && !lost && !stands();
        }

        void turn() {
            while (!unread.isEmpty()) {
                unread.poll().delivery().run();
            }
            batcher.schedule();
            for (final Sequence sequence : List.copyOf(desk.live())) {
                if (sequence.chunkLength > 0 && random.nextInt(3) > 0 && batcher.chunkDone(sequence)) {
                    desk.onToken(sequence, drawnBy(sequence), nowNs);
                }
            }
            desk.flush(nowNs);
        }

        /** What a home draws that has been taken over from must reach nobody. */
        private int drawnBy(final Sequence sequence) {
            final long key = sequence.key.requestKey();
            final int token = draw(key, sequence.generated());
            return sequence.ownerTerm < terms.get(key) ? token + POISON : token;
        }

        @Override
        public void sendAdmission(final Sequence.Key key, final long ownerTerm, final boolean accepted,
                final Gateway.Reason reason, final String detail, final long retryAfterMs) {
            toGateway(() -> GatewayDeskWorld.this.desk.onAdmission(id, key.requestKey(), ownerTerm, accepted, reason, detail,
                    retryAfterMs, nowNs));
        }

        @Override
        public boolean sendTokens(final Sequence sequence, final int from, final int count) {
            if (random.nextInt(10) == 0) {
                return false;
            }
            for (int i = from; i < from + count; i++) {
                final int index = i;
                final int token = sequence.token(sequence.promptLength + i);
                toGateway(
                        () -> GatewayDeskWorld.this.desk.onToken(id, sequence.key.requestKey(), sequence.ownerTerm, index, token,
                                nowNs));
            }
            return true;
        }

        @Override
        public boolean sendEnd(final Sequence.Key key, final long ownerTerm, final TokenEvent end) {
            toGateway(() -> GatewayDeskWorld.this.desk.onEnd(id, key.requestKey(), ownerTerm, end, nowNs));
            return random.nextInt(10) > 0;
        }

        @Override
        public void sendUnknown(final Sequence.Key key, final long ownerTerm) {
            toGateway(() -> GatewayDeskWorld.this.desk.onUnknown(id, key.requestKey(), ownerTerm, nowNs));
        }

        private void toGateway(final Runnable delivery) {
            post(HOMES, incarnation, () -> {
                if (homes[id] == this && known) {
                    delivery.run();
                }
            });
        }

        @Override
        public boolean reserve(final Sequence sequence, final int positions) {
            final int others = pages.values().stream().mapToInt(Integer::intValue).sum() - pages.getOrDefault(sequence, 0);
            if (others + positions > PAGES) {
                return false;
            }
            pages.merge(sequence, positions, Math::max);
            return true;
        }

        @Override
        public void release(final Sequence sequence) {
            pages.remove(sequence);
        }

        @Override
        public void start(final Sequence sequence) {
            // turn() finds it.
        }

        @Override
        public void abandon(final Sequence sequence) {
            // Nothing is on its way.
        }
    }

    void post(final int to, final long incarnation, final Runnable delivery) {
        for (int copies = random.nextDouble() < loss ? random.nextInt(3) : 1; copies > 0; copies--) {
            network.add(new Message(nowNs + 1 + random.nextInt(loss > 0 ? 60 : 10), order++, to, incarnation, delivery));
        }
    }

    void toHome(final int home, final Runnable delivery) {
        post(home, homes[home].incarnation, delivery);
    }

    void step() {
        nowNs += 5;
        while (!network.isEmpty() && network.peek().atNs() <= nowNs) {
            final Message message = network.poll();
            if (message.home() == HOMES) {
                message.delivery().run();
            } else if (homes[message.home()].incarnation == message.incarnation() && !homes[message.home()].lost) {
                homes[message.home()].unread.add(message);
            }
        }
        for (final Home home : homes) {
            if (!home.lost && !home.stands()) {
                home.turn();
            }
        }
        desk.poll(nowNs);
    }

    void submit(final long key) {
        final GenerationRequest request = new GenerationRequest("r", List.of(1, 2, 3), Sampling.GREEDY,
                1 + random.nextInt(14), 0, random.nextBoolean(), List.of());
        requests.put(key, request);
        received.put(key, new ArrayList<>());
        desk.submit(key, request, nowNs);
    }

    /** Something happens to a home; one that stays is always left. */
    void mishap() {
        final Home home = homes[random.nextInt(HOMES)];
        final boolean othersLive = Arrays.stream(homes)
                .anyMatch(other -> other != home && !other.lost && !other.desk.closed());
        switch (random.nextInt(6)) {
            case 5 -> {
                home.crawlsUntilNs = nowNs + random.nextInt(1_000);
                log("crawls " + home.id + " until " + home.crawlsUntilNs);
            }
            case 0, 1 -> {
                // Longer or shorter than it takes to be suspected, taken over from, and even the silence deadline.
                home.stillUntilNs = nowNs + random.nextInt(random.nextBoolean() ? 150 : 1_500);
                log("still " + home.id + " until " + home.stillUntilNs);
            }
            case 2 -> {
                if (othersLive && !home.lost) {
                    log("lost " + home.id);
                    home.lost = true;
                }
            }
            case 3 -> {
                if (home.lost) {
                    log("anew " + home.id);
                    if (home.known) {
                        desk.nodeLost(home.id, "node-" + home.id, nowNs);
                    }
                    homes[home.id] = new Home(home.id);
                } else if (othersLive && random.nextInt(4) == 0) {
                    log("hand over " + home.id);
                    home.desk.handOver(nowNs);
                }
            }
            default -> {
                if (home.known && (home.lost || random.nextInt(4) == 0 && othersLive)) {
                    // The cluster removes it, whether it is dead or only cut off.
                    log("removed " + home.id);
                    home.known = false;
                    home.lost = true;
                    desk.nodeLost(home.id, "node-" + home.id, nowNs);
                }
            }
        }
    }

    void log(final String line) {
        history.append(nowNs).append(' ').append(line).append('\n');
    }

    int settled() {
        return ends.size() + refusals.size() + cancelled.size();
    }

    @Override
    public int[] homes() {
        return IntStream.range(0, HOMES).map(i -> (i + (int) order) % HOMES).filter(this::usable).toArray();
    }

    @Override
    public boolean usable(final int node) {
        final Home home = homes[node];
        return home.known && !home.lost && (!home.stands() || home.stillUntilNs - nowNs < SUSPECT_AFTER_NS);
    }

    @Override
    public boolean crawls(final int node) {
        return nowNs < homes[node].crawlsUntilNs;
    }

    @Override
    public boolean sendSubmit(final int home, final long key, final long ownerTerm, final GenerationRequest request,
            final IntArrayList generated) {
        terms.put(key, ownerTerm);
        if (random.nextInt(20) == 0 && linksRefuse) {
            return false;
        }
        final int[] tokens = generated.toIntArray();
        final HomeDesk target = homes[home].desk;
        toHome(home, () -> target.onSubmit(new Sequence.Key(GATEWAY, key), ownerTerm, request, tokens, "", nowNs));
        return true;
    }

    @Override
    public void sendCancel(final int home, final long key, final long ownerTerm) {
        final HomeDesk target = homes[home].desk;
        toHome(home, () -> target.onCancel(new Sequence.Key(GATEWAY, key), ownerTerm, nowNs));
    }

    @Override
    public void sendSync(final int home, final long key, final long ownerTerm, final int nextIndex) {
        syncs++;
        final HomeDesk target = homes[home].desk;
        toHome(home, () -> target.onSync(new Sequence.Key(GATEWAY, key), ownerTerm, nextIndex));
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
    public void moved(final long key, final int home, final long homelessNs) {
        assertThat(homelessNs).isNotNegative();
    }

    @Override
    public void moving(final long key, final int tokens, final String why) {
        assertThat(tokens).isEqualTo(received.get(key).size());
    }

    @Override
    public void token(final long key, final int index, final int id) {
        assertThat(ends).doesNotContainKey(key);
        assertThat(cancelled).doesNotContain(key);
        assertThat(index).isEqualTo(received.get(key).size());
        assertThat(id).isEqualTo(draw(key, index));
        received.get(key).add(id);
    }

    @Override
    public void ended(final long key, final TokenEvent end) {
        assertThat(cancelled).doesNotContain(key);
        assertThat(ends.put(key, end)).isNull();
        if (end instanceof TokenEvent.Finished finished) {
            final List<Integer> control = control(key, requests.get(key));
            assertThat(received.get(key)).isEqualTo(control);
            assertThat(finished).isEqualTo(new TokenEvent.Finished(
                    !requests.get(key).ignoreEos() && control.getLast() == EOS, 3, control.size()));
        }
    }

    /** Requests come, and if so wanted all kinds of things happen meanwhile. */
    void run(final int requestCount, final boolean mishaps) {
        final int pace = 1 + random.nextInt(8);
        for (int i = 0; i < 6_000 && settled() < requestCount; i++) {
            if (i < requestCount * pace && i % pace == 0) {
                submit(i / pace);
            }
            if (mishaps && i < 1_000 && random.nextInt(25) == 0) {
                mishap();
            }
            if (random.nextInt(60) == 0) {
                cancelOne();
            }
            step();
        }
        assertThat(settled()).as("requests that ended").isEqualTo(requestCount);
        assertThat(desk.open()).isZero();
        for (int i = 0; i < 500; i++) {
            step();
        }
        for (final Home home : homes) {
            if (!home.lost) {
                assertThat(home.desk.live()).as("sequences left at home %s", home.id).isEmpty();
                assertThat(home.pages).isEmpty();
            }
        }
    }

    private void cancelOne() {
        final long key = random.nextInt(Math.max(1, requests.size()));
        if (requests.containsKey(key) && !ends.containsKey(key) && !refusals.containsKey(key) && cancelled.add(key)) {
            desk.cancel(key);
        }
    }
}
