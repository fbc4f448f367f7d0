package io.drover.actors;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;

import io.drover.model.Sampling;

/**
 * Copiers and keepers of four nodes over a network that loses, doubles and reorders, while nodes stop being heard, die, start anew,
 * need their memory, and sequences end, move, or come with other ids than were computed. A page is only ever taken over with the
 * contents that the sequence itself would have computed; after each event every page is accounted for, and in the end all are free.
 */
class PageCopySimulationTest {
    private static final int NODES = 4;
    private static final int PAGE = 4;
    private static final int PAGE_BYTES = 10;
    private static final int PART_BYTES = 4;
    private static final int TOTAL_PAGES = 40;
    private static final int MAX_KEPT = 20;
    private static final long KEEP_NS = 3_000;
    private static final long BYTES_PER_NS = 1;
    private static final long ID_HASH = 42;

    private record Message(long atNs, long order, int node, long incarnation, Runnable delivery) {}

    private static int id(final long key, final int position, final int variant) {
        return (int) Math.floorMod(new Random((key * 1_000 + position) * 7 + variant).nextLong(), 1_000L);
    }

    /** What a home computes for a page depends on all ids up to its end. */
    private static byte[] contents(final Sequence sequence, final int page) {
        final byte[] bytes = new byte[PAGE_BYTES];
        new Random(IdHash.extend(ID_HASH, sequence, 0, (page + 1) * PAGE)).nextBytes(bytes);
        return bytes;
    }

    /** What the gateway knows of a request. */
    private static final class Request {
        final long key;
        final int length;
        int home;
        long term = 1;
        int buddy = -1;
        /** Where its ids are others, and which; as if a client's request had been mixed up. */
        int variantFrom = Integer.MAX_VALUE;

        Request(final long key, final int length) {
            this.key = key;
            this.length = length;
        }

        Sequence sequence(final int known) {
            final int[] ids = IntStream.range(0, known).map(i -> id(key, i, i < variantFrom ? 0 : 1)).toArray();
            return new Sequence(new Sequence.Key(0, key), term, new GenerationRequest("r",
                    Arrays.stream(ids, 0, 1).boxed().toList(), Sampling.GREEDY, 10_000, 0, true, List.of()),
                    Arrays.copyOfRange(ids, 1, known));
        }
    }

    private static final class World {
        final Random random;
        final PriorityQueue<Message> network = new PriorityQueue<>(
                (a, b) -> a.atNs() != b.atNs() ? Long.compare(a.atNs(), b.atNs()) : Long.compare(a.order(), b.order()));
        final Node[] nodes = new Node[NODES];
        final Map<Long, Request> requests = new HashMap<>();
        final double loss;
        long nowNs;
        long order;
        long incarnations;
        long adopted;
        long mismatched;
        long evicted;
        long givenUp;

        World(final long seed) {
            random = new Random(seed);
            loss = random.nextInt(3) == 0 ? 0 : 0.1;
            Arrays.setAll(nodes, Node::new);
        }

        final class Node implements PageCopier.Actions, PageKeeper.Actions, PageKeeper.Memory {
            final int id;
            final long incarnation = ++incarnations;
            final PageCopier copier = new PageCopier(
                    new PageCopier.Limits(PAGE, PAGE_BYTES, PART_BYTES, BYTES_PER_NS * 1_000_000_000, ID_HASH), this);
            final PageKeeper keeper = new PageKeeper(
                    new PageKeeper.Limits(PAGE, PAGE_BYTES, MAX_KEPT, KEEP_NS, 200, 1_000, ID_HASH), this, this);
            final List<Sequence> running = new ArrayList<>();
            final Map<Sequence, List<Long>> own = new HashMap<>();
            final byte[][] memory = new byte[TOTAL_PAGES][PAGE_BYTES];
            final List<Long> free = new ArrayList<>();
            boolean heard = true;

            Node(final int id) {
                this.id = id;
                for (long page = 0; page < TOTAL_PAGES; page++) {
                    free.add(page);
                }
            }

            @Override
            public int[] candidates() {
                return IntStream.range(0, NODES).filter(node -> node != id && nodes[node].heard).toArray();
            }

            @Override
            public boolean usable(final int node) {
                return nodes[node].heard;
            }

            @Override
            public boolean sendPart(final int buddy, final Sequence sequence, final int page, final long idHash, final int before,
                    final int length) {
                assertThat((page + 1) * PAGE).isLessThanOrEqualTo(sequence.computed);
                if (random.nextInt(8) == 0) {
                    return false;
                }
                final byte[] bytes = Arrays.copyOfRange(contents(sequence, page), before, before + length);
                send(buddy, () -> {
                    final long target = nodes[buddy].keeper.onPart(id, sequence.key, sequence.ownerTerm, page, idHash, before,
                            length, nowNs);
                    if (target != PageKeeper.NONE) {
                        System.arraycopy(bytes, 0, nodes[buddy].memory[(int) target], before, length);
                    }
                });
                return true;
            }

            @Override
            public boolean sendRelease(final int buddy, final Sequence.Key key, final long ownerTerm) {
                if (random.nextInt(8) == 0) {
                    return false;
                }
                send(buddy, () -> nodes[buddy].keeper.onRelease(id, key, ownerTerm, nowNs));
                return true;
            }

            @Override
            public void keptBy(final Sequence sequence, final int buddy) {
                final Request request = requests.get(sequence.key.requestKey());
                if (request != null && request.home == id && request.term == sequence.ownerTerm) {
                    request.buddy = buddy;
                }
            }

            @Override
            public void resume(final int home, final Sequence.Key key, final long ownerTerm, final int pages) {
                send(home, () -> nodes[home].copier.onResume(id, key, ownerTerm, pages));
            }

            @Override
            public void dropped(final int home, final Sequence.Key key, final long ownerTerm) {
                send(home, () -> nodes[home].copier.onDropped(id, key, ownerTerm));
            }

            @Override
            public long take() {
                return free.isEmpty() ? PageKeeper.NONE : free.removeLast();
            }

            @Override
            public void giveBack(final long page) {
                Arrays.fill(memory[(int) page], (byte) -1);
                free.add(page);
            }

            /** Room for a position more, or the sequence stays where it is. */
            boolean reserve(final Sequence sequence, final int positions) {
                final List<Long> pages = own.get(sequence);
                while (pages.size() < (positions + PAGE - 1) / PAGE) {
                    if (free.isEmpty() && !keeper.giveUp(sequence.key, 1)) {
                        return false;
                    }
                    pages.add(free.removeLast());
                }
                return true;
            }

            void start(final Sequence sequence) {
                final List<Long> pages = new ArrayList<>();
                final int usable = keeper.usable(sequence);
                keeper.adopt(sequence, usable, page -> {
                    assertThat(memory[(int) page]).isEqualTo(contents(sequence, pages.size()));
                    pages.add(page);
                });
                assertThat(pages).hasSize(usable);
                sequence.computed = usable * PAGE;
                assertThat(sequence.computed).isLessThan(sequence.length());
                own.put(sequence, pages);
                running.add(sequence);
            }

            void stop(final Sequence sequence, final String code) {
                sequence.ending = Sequence.Ending.failure(code, "");
                running.remove(sequence);
                own.remove(sequence).forEach(this::giveBack);
            }

            void turn() {
                for (final Sequence sequence : running) {
                    final int next = Math.min(sequence.length(), sequence.computed + 1 + random.nextInt(6));
                    if (reserve(sequence, next)) {
                        sequence.computed = next;
                        final Request request = requests.get(sequence.key.requestKey());
                        if (request != null && next == sequence.length()) {
                            sequence.append(id(request.key, next, next < request.variantFrom ? 0 : 1));
                        }
                    }
                }
                copier.poll(running, nowNs);
                keeper.poll(nowNs);
            }

            void check() {
                assertThat(keeper.pages()).isBetween(0, MAX_KEPT);
                assertThat(free.size() + keeper.pages() + own.values().stream().mapToInt(List::size).sum())
                        .isEqualTo(TOTAL_PAGES);
                assertThat(free).doesNotHaveDuplicates();
                assertThat(copier.bytesCopied()).isLessThanOrEqualTo(BYTES_PER_NS * (nowNs + 20_000_000));
            }
        }

        void send(final int node, final Runnable delivery) {
            for (int copies = random.nextDouble() < loss ? 0 : random.nextDouble() < loss ? 2 : 1; copies > 0; copies--) {
                final long delayNs = loss == 0 ? 10 : 1 + random.nextInt(30);
                network.add(new Message(nowNs + delayNs, order++, node, nodes[node].incarnation, delivery));
            }
        }

        void step() {
            nowNs += 5;
            while (!network.isEmpty() && network.peek().atNs() <= nowNs) {
                final Message message = network.remove();
                if (nodes[message.node()].incarnation == message.incarnation()) {
                    message.delivery().run();
                    nodes[message.node()].check();
                }
            }
            for (final Node node : nodes) {
                node.turn();
                node.check();
            }
        }

        void begin(final long key) {
            final Request request = new Request(key, 2 + random.nextInt(60));
            request.home = random.nextInt(NODES);
            requests.put(key, request);
            nodes[request.home].start(request.sequence(1 + random.nextInt(request.length)));
        }

        /** The gateway has the buddy go on, or another node. */
        void goOn(final Request request, final int known) {
            request.term += 1 + random.nextInt(2);
            request.home = request.buddy >= 0 && random.nextInt(5) > 0 ? request.buddy : random.nextInt(NODES);
            request.buddy = -1;
            if (random.nextInt(3) == 0) {
                request.variantFrom = random.nextInt(known);
            }
            nodes[request.home].start(request.sequence(1 + random.nextInt(known)));
        }

        void mishap() {
            final Node node = nodes[random.nextInt(NODES)];
            switch (random.nextInt(5)) {
                case 0 -> node.heard = !node.heard;
                case 1 -> die(node);
                default -> {
                    if (!node.running.isEmpty()) {
                        leave(node, node.running.get(random.nextInt(node.running.size())));
                    }
                }
            }
        }

        private void leave(final Node node, final Sequence sequence) {
            final Request request = requests.get(sequence.key.requestKey());
            switch (random.nextInt(4)) {
                case 0 -> {
                    node.stop(sequence, GatewayDesk.HANDED_OVER);
                    goOn(request, sequence.length());
                }
                case 1 -> {
                    node.stop(sequence, "cancelled");
                    goOn(request, sequence.length());
                }
                default -> {
                    node.stop(sequence, "");
                    requests.remove(request.key);
                }
            }
        }

        private void die(final Node dead) {
            collect(dead);
            nodes[dead.id] = new Node(dead.id);
            for (final Node other : nodes) {
                if (other.id != dead.id) {
                    other.copier.peerLost(dead.id);
                    other.keeper.peerLost(dead.id, nowNs);
                }
            }
            for (final Sequence sequence : dead.running) {
                if (dead.id == 0) {
                    // The gateway is among the dead, and its clients with it.
                    requests.remove(sequence.key.requestKey());
                } else {
                    goOn(requests.get(sequence.key.requestKey()), sequence.length());
                }
            }
        }

        void collect(final Node node) {
            adopted += node.keeper.positionsAdopted();
            mismatched += node.keeper.mismatched();
            evicted += node.keeper.evicted();
            givenUp += node.copier.givenUp();
        }

        void run() {
            for (int i = 0; i < 400; i++) {
                if (i % 8 == 0) {
                    begin(i);
                }
                if (random.nextInt(12) == 0) {
                    mishap();
                }
                step();
            }
            for (final Node node : nodes) {
                node.heard = true;
                List.copyOf(node.running).forEach(sequence -> node.stop(sequence, ""));
            }
            final long endNs = nowNs;
            while (nowNs - endNs < KEEP_NS + 100) {
                step();
            }
            for (final Node node : nodes) {
                assertThat(node.keeper.sequences()).isZero();
                assertThat(node.free).hasSize(TOTAL_PAGES);
                assertThat(node.copier.copies()).isZero();
                collect(node);
            }
        }
    }

    @Test
    void nothingIsGivenUpForASequenceThatCannotFit() {
        final World world = new World(1);
        final World.Node node = world.nodes[1];
        final Sequence.Key own = new Sequence.Key(0, 1);
        for (int key = 1; key <= 3; key++) {
            for (int page = 0; page < 2; page++) {
                assertThat(node.keeper.onPart(0, new Sequence.Key(0, key), 1, page, page, 0, PAGE_BYTES, 0))
                        .isNotEqualTo(PageKeeper.NONE);
            }
        }
        assertThat(node.keeper.giveUp(own, 5)).isFalse();
        assertThat(node.keeper.sequences()).isEqualTo(3);
        assertThat(node.keeper.giveUp(own, 3)).isTrue();
        assertThat(node.keeper.sequences()).isEqualTo(1);
        assertThat(node.keeper.pages()).isEqualTo(2);
        assertThat(node.keeper.giveUp(own, 1)).isFalse();
    }

    @Test
    void onlyThePagesThatTheSequenceWouldComputeAreTakenOverAndNoneIsLost() {
        long adopted = 0;
        long mismatched = 0;
        long evicted = 0;
        long givenUp = 0;
        for (long seed = 0; seed < 250; seed++) {
            final World world = new World(seed);
            try {
                world.run();
            } catch (final AssertionError | RuntimeException failure) {
                throw new AssertionError("seed " + seed + " at " + world.nowNs, failure);
            }
            adopted += world.adopted;
            mismatched += world.mismatched;
            evicted += world.evicted;
            givenUp += world.givenUp;
        }
        assertThat(adopted).as("positions taken over").isGreaterThan(3_000);
        assertThat(mismatched).as("pages of other ids").isGreaterThan(30);
        assertThat(evicted).as("sequences dropped for room").isGreaterThan(50);
        assertThat(givenUp).as("homes that were told so").isGreaterThan(20);
    }
}
