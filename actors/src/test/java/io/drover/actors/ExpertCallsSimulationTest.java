package io.drover.actors;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.stream.IntStream;

import org.agrona.collections.IntArrayList;
import org.agrona.collections.LongArrayList;
import org.junit.jupiter.api.Test;

import io.drover.model.StorageType;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.model.forward.ExpertBatch;
import io.drover.model.forward.ExpertWeights;
import io.drover.model.forward.Rows;
import io.drover.model.kernel.ComputeTeam;
import io.drover.model.kernel.CpuKernels;
import io.drover.placement.Epoch;
import io.drover.placement.Placement;
import io.drover.streams.Endpoint;

/**
 * Expert calls of one node against the services of two others, over a network that loses, doubles and delays frames, with
 * replicas that come and go, peers that become slow, stand still or die: every call comes back exactly once with the right bits, or
 * its chunk is failed within the call timeout; and second calls stay within their budget.
 */
class ExpertCallsSimulationTest {
    private static final int NODES = 4;
    private static final int LAYER = 1;
    private static final long CALL_TIMEOUT = 4_000;
    private static final double BUDGET = 0.1;
    private static final int BURST = 4;

    private static final Checkpoint CHECKPOINT = Checkpoint.open(
            Path.of(System.getProperty("drover.root"), "model", "src", "test", "resources", "fixtures", "mixtral"));
    private static final List<ExpertWeights> WEIGHTS = IntStream.range(0, CHECKPOINT.config().expertsPerLayer()[LAYER])
            .mapToObj(expert -> ExpertWeights.load(CHECKPOINT, LAYER, expert,
                    CpuKernels.create(new ComputeTeam(1, () -> {}), "plain"), StorageType.FLOAT32))
            .toList();

    private record Message(long atNs, long order, Runnable delivery) {}

    private static final class World implements ExpertCalls.Listener {
        final Random random;
        final double loss;
        final PriorityQueue<Message> network = new PriorityQueue<>(
                (a, b) -> a.atNs() != b.atNs() ? Long.compare(a.atNs(), b.atNs()) : Long.compare(a.order(), b.order()));
        final Rows rows = new Rows(CHECKPOINT.config(), 24);
        final PeerPace pace = new PeerPace(new PeerPace.Limits(0.95, 50, 180, 3, 1_000));
        final Router router = new Router(0, pace);
        final CallLedger ledger = new CallLedger(new CallLedger.Limits(100, 200, 4, CALL_TIMEOUT, 20, 64));
        final LocalExperts[] experts = new LocalExperts[NODES];
        final ExpertService[] services = new ExpertService[NODES];
        final Completed[] completed = new Completed[NODES];
        final ArrayDeque<Runnable> device = new ArrayDeque<>();
        final ExpertCalls calls;
        final FakeSender sender = new FakeSender();
        final List<Chunk> open = new ArrayList<>();
        final Map<Chunk, Long> since = new HashMap<>();
        final ArrayDeque<Integer> freeSlots = new ArrayDeque<>();
        final boolean[] dead = new boolean[NODES];
        final long[] delayNs = new long[NODES];
        final boolean[] suspected = new boolean[NODES];
        int[][][] devices;
        long epoch;
        long nowNs;
        long order;
        int ready;
        int failed;

        World(final long seed) {
            random = new Random(seed);
            loss = random.nextInt(3) * 0.15;
            IntStream.range(0, rows.capacity()).forEach(freeSlots::add);
            for (int node = 0; node < NODES; node++) {
                completed[node] = new Completed();
                experts[node] = new LocalExperts(CHECKPOINT.config().expertsPerLayer(), 4, completed[node]);
                services[node] = new ExpertService(16, rows.hidden(), rows.maxTopK(), experts[node], new FakeServiceSender(node));
            }
            calls = new ExpertCalls(0, rows, router, experts[0], ledger, pace, new HedgeBudget(BUDGET, BURST), CALL_TIMEOUT,
                    sender, this);
            for (int node = 0; node < NODES; node++) {
                completed[node].connect(calls, services[node]);
            }
            place();
        }

        private void place() {
            final int[] counts = CHECKPOINT.config().expertsPerLayer();
            devices = new int[counts.length][][];
            for (int layer = 0; layer < counts.length; layer++) {
                devices[layer] = new int[counts[layer]][];
                for (int expert = 0; expert < counts[layer]; expert++) {
                    final int first = random.nextInt(NODES);
                    devices[layer][expert] = random.nextBoolean() ? new int[]{first} : new int[]{first, (first + 1) % NODES};
                    if (layer == LAYER) {
                        for (final int node : devices[layer][expert]) {
                            register(node, expert);
                        }
                    }
                }
            }
            publish();
        }

        private void register(final int node, final int expert) {
            final ExpertPort[] port = new ExpertPort[1];
            port[0] = experts[node].register(new ReplicaId(LAYER, expert, node), WEIGHTS.get(expert),
                    () -> device.add(() -> port[0].runBatch()));
        }

        private void publish() {
            final List<Endpoint> nodes = new ArrayList<>();
            for (int node = 0; node < NODES; node++) {
                if (!dead[node]) {
                    nodes.add(new Endpoint(node, 1, "node-" + node, "host", "127.0.0.1:1", 1 + node));
                }
            }
            router.install(new RoutingTable(nodes, Placement.of(new Epoch(1, ++epoch), devices),
                    IntStream.range(0, NODES).map(node -> dead[node] ? -1 : node).boxed().toList()));
            for (int node = 1; node < NODES; node++) {
                router.setUsable(node, !dead[node]);
            }
        }

        void step() {
            nowNs += 10;
            if (random.nextInt(4) == 0 && freeSlots.size() >= 4) {
                startChunk();
            }
            if (random.nextInt(30) == 0 && !open.isEmpty()) {
                abandon(open.get(random.nextInt(open.size())));
            }
            while (!network.isEmpty() && network.peek().atNs() <= nowNs) {
                network.poll().delivery().run();
            }
            for (int tasks = random.nextInt(6); tasks > 0 && !device.isEmpty(); tasks--) {
                device.poll().run();
            }
            for (int node = 1; node < NODES; node++) {
                services[node].answer();
                services[node].sendReturns();
            }
            pace.poll(nowNs);
            router.refreshLoad();
            ledger.poll(nowNs, calls);
            calls.retryParked(nowNs);
            calls.flush(nowNs);
            check();
        }

        private void startChunk() {
            final Chunk chunk = new Chunk(rows.capacity());
            chunk.count = 1 + random.nextInt(4);
            for (int i = 0; i < chunk.count; i++) {
                final int slot = freeSlots.poll();
                chunk.slots[i] = slot;
                for (int h = 0; h < rows.hidden(); h++) {
                    rows.expertInput()[slot * rows.hidden() + h] = random.nextFloat() - 0.5f;
                }
                final int first = random.nextInt(WEIGHTS.size());
                rows.experts()[slot * rows.maxTopK()] = first;
                rows.experts()[slot * rows.maxTopK() + 1] = (first + 1 + random.nextInt(WEIGHTS.size() - 1)) % WEIGHTS.size();
            }
            open.add(chunk);
            since.put(chunk, nowNs);
            calls.dispatch(chunk, LAYER, 2, nowNs);
            calls.flush(nowNs);
        }

        private void abandon(final Chunk chunk) {
            calls.abandon(chunk);
            close(chunk);
        }

        private void close(final Chunk chunk) {
            assertThat(open.remove(chunk)).as("a chunk ends once").isTrue();
            for (int i = 0; i < chunk.count; i++) {
                freeSlots.add(chunk.slots[i]);
            }
        }

        @Override
        public void chunkReady(final Chunk chunk) {
            ready++;
            final float[] expected = new float[rows.hidden()];
            for (int i = 0; i < chunk.count; i++) {
                for (int rank = 0; rank < 2; rank++) {
                    final int at = chunk.slots[i] * rows.maxTopK() + rank;
                    final ExpertBatch batch = new ExpertBatch(1);
                    batch.add(rows.expertInput(), chunk.slots[i] * rows.hidden(), expected, 0);
                    WEIGHTS.get(rows.experts()[at]).run(batch);
                    assertThat(Arrays.copyOfRange(rows.expertOutput(), at * rows.hidden(), (at + 1) * rows.hidden()))
                            .isEqualTo(expected);
                }
            }
            close(chunk);
        }

        @Override
        public void chunkFailed(final Chunk chunk, final String code, final String message) {
            failed++;
            assertThat(nowNs - since.get(chunk)).isGreaterThanOrEqualTo(1_000);
            abandon(chunk);
        }

        /** A peer becomes slow, or as fast as before. */
        void slow(final int node) {
            delayNs[node] = delayNs[node] > 0 ? 0 : 100 + random.nextInt(600);
        }

        void suspect(final int node) {
            suspected[node] = !suspected[node];
            router.setUsable(node, !suspected[node] && !dead[node]);
            if (suspected[node]) {
                ledger.peerSuspected(node, calls);
            }
        }

        void kill(final int node) {
            dead[node] = true;
            publish();
            ledger.peerLost(node, calls);
        }

        void check() {
            for (final Chunk chunk : open) {
                assertThat(chunk.awaiting).isPositive();
                assertThat(nowNs - since.get(chunk)).as("age of a chunk").isLessThanOrEqualTo(CALL_TIMEOUT + 500);
            }
            for (int node = 1; node < NODES; node++) {
                assertThat(services[node].staged()).isBetween(0, 16);
            }
            assertThat((double) calls.counters().hedgedCalls)
                    .isLessThanOrEqualTo(BURST + BUDGET * calls.counters().remoteCalls);
        }

        void post(final int node, final Runnable delivery) {
            for (int copies = random.nextDouble() < loss ? random.nextInt(3) : 1; copies > 0; copies--) {
                network.add(new Message(nowNs + 1 + random.nextInt(loss > 0 ? 150 : 30) + delayNs[node], order++, () -> {
                    if (!dead[node]) {
                        delivery.run();
                    }
                }));
            }
        }

        /** One frame for each row, so that parts of a chunk are lost independently. */
        final class FakeSender implements ExpertCalls.Sender {
            private record Row(int node, int attempt, long firstNs, int slot, long callId, IntArrayList experts,
                    IntArrayList ranks) {}

            private final List<Row> rowsToSend = new ArrayList<>();
            private long sequence;

            @Override
            public void addRow(final int node, final int layer, final int attempt, final long firstSentNs, final int slot,
                    final long callId, final int rankCount) {
                rowsToSend.add(new Row(node, attempt, firstSentNs, slot, callId, new IntArrayList(), new IntArrayList()));
            }

            @Override
            public void addExpert(final int node, final int slot, final int expert, final int rank) {
                rowsToSend.getLast().experts().addInt(expert);
                rowsToSend.getLast().ranks().addInt(rank);
            }

            @Override
            public void endRow(final int node, final int slot) {
                assertThat(rowsToSend.getLast().slot()).isEqualTo(slot);
            }

            @Override
            public void flush(final long now) {
                final List<Row> sending = List.copyOf(rowsToSend);
                rowsToSend.clear();
                sending.forEach(this::send);
            }

            private void send(final Row row) {
                if (!ledger.hasRoom() || random.nextInt(20) == 0) {
                    row.ranks().forEachInt(rank -> calls.unsent(row.slot(), rank, row.attempt(), row.firstNs()));
                    return;
                }
                final long frame = ++sequence;
                final int shipment = ledger.open(row.node(), frame, row.ranks().size(), row.attempt(), row.firstNs(),
                        PeerPace.FRAME_UNITS + row.ranks().size(),
                        pace.deadlineNs(row.node(), PeerPace.FRAME_UNITS + row.ranks().size()), nowNs);
                row.ranks().forEachInt(rank -> calls.shipped(row.slot(), rank, shipment));
                final float[] input = Arrays.copyOfRange(rows.expertInput(), row.slot() * rows.hidden(),
                        (row.slot() + 1) * rows.hidden());
                post(row.node(), () -> deliver(row, frame, input));
            }

            private void deliver(final Row row, final long frame, final float[] input) {
                final ExpertService service = services[row.node()];
                final int at = service.beginRow(0, LAYER, row.callId());
                if (at < 0) {
                    row.ranks().forEachInt(rank -> service.busy(0, row.callId(), rank));
                } else {
                    System.arraycopy(input, 0, service.inputs(), at, input.length);
                    for (int i = 0; i < row.experts().size(); i++) {
                        service.addExpert(row.experts().getInt(i), row.ranks().getInt(i));
                    }
                    service.endRow();
                }
                service.received(0, frame);
            }
        }

        final class FakeServiceSender implements ExpertService.Sender {
            private final int node;

            FakeServiceSender(final int node) {
                this.node = node;
            }

            @Override
            public boolean acknowledge(final int to, final LongArrayList frames, final int queuedRows, final long predictedNs) {
                final long[] sequences = frames.toLongArray();
                post(node, () -> Arrays.stream(sequences).forEach(frame -> ledger.acknowledged(node, frame, 50, nowNs)));
                return true;
            }

            @Override
            public boolean refuse(final int to, final LongArrayList callIds, final IntArrayList ranks, final boolean busy) {
                final long[] ids = callIds.toLongArray();
                final int[] refusedRanks = ranks.toIntArray();
                post(node, () -> {
                    for (int i = 0; i < ids.length; i++) {
                        calls.refused(node, ids[i], refusedRanks[i], nowNs);
                    }
                });
                return true;
            }

            @Override
            public boolean addReturn(final int to, final int layer, final long callId, final int rank, final float[] outputs,
                    final int offset) {
                if (random.nextInt(20) == 0) {
                    return false;
                }
                final float[] output = Arrays.copyOfRange(outputs, offset, offset + rows.hidden());
                post(node, () -> {
                    final int at = calls.outputOffset(callId, rank);
                    if (at >= 0) {
                        System.arraycopy(output, 0, rows.expertOutput(), at, output.length);
                        calls.returned(node, callId, rank, nowNs);
                    }
                });
                return true;
            }

            @Override
            public void flushReturns(final int to) {
                // Each output was posted by itself.
            }
        }
    }

    @Test
    void everyCallComesBackOnceOrFailsInTime() {
        int ready = 0;
        int failed = 0;
        long hedged = 0;
        long won = 0;
        for (long seed = 0; seed < 150; seed++) {
            final World world = new World(seed);
            try {
                final boolean kill = world.random.nextInt(5) == 0;
                final boolean slow = world.random.nextInt(2) == 0;
                final boolean suspect = world.random.nextInt(4) == 0;
                for (int i = 0; i < 600; i++) {
                    if (kill && i == 200) {
                        world.kill(1 + world.random.nextInt(NODES - 1));
                    }
                    if (slow && world.random.nextInt(60) == 0) {
                        world.slow(1 + world.random.nextInt(NODES - 1));
                    }
                    if (suspect && world.random.nextInt(60) == 0) {
                        world.suspect(1 + world.random.nextInt(NODES - 1));
                    }
                    world.step();
                }
                if (!kill && !suspect) {
                    assertThat(world.failed).as("without a dead node").isZero();
                }
                ready += world.ready;
                failed += world.failed;
                hedged += world.calls.counters().hedgedCalls;
                won += world.calls.counters().hedgesWon;
                assertThat(world.calls.counters().hedgesWon).isLessThanOrEqualTo(world.calls.counters().hedgedCalls);
            } catch (final AssertionError | RuntimeException failure) {
                throw new AssertionError("seed " + seed, failure);
            }
        }
        assertThat(ready).isGreaterThan(8_000);
        assertThat(failed).as("chunks whose experts died").isPositive();
        assertThat(hedged).as("second calls").isGreaterThan(500);
        assertThat(won).as("second calls that were answered first").isGreaterThan(hedged / 10);
        System.out.printf("%d chunks, %d second calls, %d of them won%n", ready, hedged, won);
    }
}
