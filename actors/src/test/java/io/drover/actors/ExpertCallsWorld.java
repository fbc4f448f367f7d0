package io.drover.actors;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
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
import org.agrona.collections.LongArrayList;

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

/** The calls of one node, the services of others, and the network between them; everything that happens comes from one seed. */
final class ExpertCallsWorld implements ExpertCalls.Listener {
    static final int NODES = 4;
    static final int LAYER = 1;
    static final long CALL_TIMEOUT = 4_000;
    /** Another node that calls, and dies with its calls under way. */
    static final int STRANGER = NODES;

    static final Checkpoint CHECKPOINT = Checkpoint.open(
            Path.of(System.getProperty("drover.root"), "model", "src", "test", "resources", "fixtures", "mixtral"));
    static final List<ExpertWeights> WEIGHTS = IntStream.range(0, CHECKPOINT.config().expertsPerLayer()[LAYER])
            .mapToObj(expert -> ExpertWeights.load(CHECKPOINT, LAYER, expert,
                    CpuKernels.create(new ComputeTeam(1, () -> {}), "plain"), StorageType.FLOAT32))
            .toList();

    private record Message(long atNs, long order, Runnable delivery) {}

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
    final long[] refusesUntilNs = new long[NODES];
    final boolean[] suspected = new boolean[NODES];
    final double budget;
    final int burst;
    final Set<List<Long>> firstCalls = new HashSet<>();
    final Map<List<Integer>, ExpertPort> ports = new HashMap<>();
    final List<ExpertPort> draining = new ArrayList<>();
    final long[] strangersLife = new long[NODES];
    boolean churn;
    boolean closing;
    long busyUntilNs;
    int[][][] devices;
    long epoch;
    long nowNs;
    long order;
    int ready;
    int failed;

    ExpertCallsWorld(final long seed) {
        random = new Random(seed);
        loss = random.nextInt(3) * 0.15;
        budget = random.nextBoolean() ? 0.1 : 1;
        burst = budget < 1 ? 4 : 32;
        IntStream.range(0, rows.capacity()).forEach(freeSlots::add);
        for (int node = 0; node < NODES; node++) {
            completed[node] = new Completed();
            experts[node] = new LocalExperts(CHECKPOINT.config().expertsPerLayer(), 4, completed[node]);
            services[node] = new ExpertService(16, rows.hidden(), rows.maxTopK(), experts[node], new FakeServiceSender(node));
        }
        calls = new ExpertCalls(0, rows, router, experts[0], ledger, pace, new HedgeBudget(budget, burst), CALL_TIMEOUT,
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
        final ReplicaId id = new ReplicaId(LAYER, expert, node);
        port[0] = experts[node].register(id, WEIGHTS.get(expert), () -> device.add(() -> {
            port[0].runBatch();
            if (draining.contains(port[0]) && port[0].queued() == 0) {
                draining.remove(port[0]);
                experts[node].unregister(id, port[0], WEIGHTS.get(expert));
            }
        }));
        ports.put(List.of(node, expert), port[0]);
    }

    /** A replica goes, while rows wait at it and nodes still believe that it is there; or it comes again. */
    void drainOrRegister() {
        final int expert = random.nextInt(WEIGHTS.size());
        final int[] hosts = devices[LAYER][expert];
        final int node = hosts[random.nextInt(hosts.length)];
        final ExpertPort port = ports.remove(List.of(node, expert));
        if (port == null) {
            register(node, expert);
        } else {
            draining.add(port);
            experts[node].unregister(new ReplicaId(LAYER, expert, node), port, WEIGHTS.get(expert));
            if (port.queued() == 0) {
                draining.remove(port);
            }
        }
    }

    void registerAll() {
        for (int expert = 0; expert < WEIGHTS.size(); expert++) {
            for (final int node : devices[LAYER][expert]) {
                if (!ports.containsKey(List.of(node, expert))) {
                    register(node, expert);
                }
            }
        }
    }

    /** Another node calls for the services' experts, and soon its process is gone. */
    private void strangerCallsOrDies(final int node) {
        final ExpertService service = services[node];
        if (random.nextInt(3) == 0) {
            service.peerLost(STRANGER);
            strangersLife[node]++;
            return;
        }
        final int at = service.beginRow(STRANGER, LAYER, strangersLife[node] << 8 | random.nextInt(1 << 8));
        if (at >= 0) {
            Arrays.fill(service.inputs(), at, at + rows.hidden(), 1);
            service.addExpert(random.nextInt(WEIGHTS.size()), 0);
            service.endRow();
        }
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
        if (!closing && random.nextInt(4) == 0 && freeSlots.size() >= 4) {
            startChunk();
        }
        if (!closing && random.nextInt(30) == 0 && !open.isEmpty()) {
            abandon(open.get(random.nextInt(open.size())));
        }
        while (!network.isEmpty() && network.peek().atNs() <= nowNs) {
            network.poll().delivery().run();
        }
        if (churn && random.nextInt(6) == 0) {
            drainOrRegister();
        }
        if (churn && random.nextInt(6) == 0) {
            strangerCallsOrDies(1 + random.nextInt(NODES - 1));
        }
        if (churn && random.nextInt(80) == 0) {
            busyUntilNs = nowNs + random.nextInt(400);
        }
        for (int tasks = nowNs < busyUntilNs ? 0 : random.nextInt(6); tasks > 0 && !device.isEmpty(); tasks--) {
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
            // The same slots are used again at once, as the engine does.
            freeSlots.push(chunk.slots[i]);
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

    /** The link to a peer takes nothing for a while. */
    void refuse(final int node) {
        refusesUntilNs[node] = nowNs + 50 + random.nextInt(400);
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
                .isLessThanOrEqualTo(burst + budget * firstCalls.size());
        assertThat(calls.counters().repeatedCalls + calls.counters().hedgedCalls + firstCalls.size())
                .as("calls of each kind")
                .isGreaterThanOrEqualTo(calls.counters().remoteCalls);
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

    /** Small frames of few rows, which the link to a peer takes or refuses; one for each peer is open. */
    final class FakeSender implements ExpertCalls.Sender {
        private static final int FRAME_CALLS = 3;

        private record Row(int slot, long callId, IntArrayList experts, IntArrayList ranks) {}

        private record Frame(int attempt, long firstNs, List<Row> rows) {
            int calls() {
                return rows.stream().mapToInt(row -> row.ranks().size()).sum();
            }

            void forEachCall(final CallAction action) {
                rows.forEach(row -> row.ranks().forEachInt(rank -> action.accept(row.slot(), rank)));
            }
        }

        private interface CallAction {
            void accept(int slot, int rank);
        }

        private final Frame[] open = new Frame[NODES];
        private long sequence;

        @Override
        public void addRow(final int node, final int layer, final int attempt, final long firstSentNs, final int slot,
                final long callId, final int rankCount) {
            if (open[node] != null && (open[node].attempt() != attempt || open[node].calls() + rankCount > FRAME_CALLS)) {
                send(node);
            }
            if (open[node] == null) {
                open[node] = new Frame(attempt, firstSentNs, new ArrayList<>());
            }
            // As old as its oldest row.
            open[node] = new Frame(attempt, Math.min(open[node].firstNs(), firstSentNs), open[node].rows());
            open[node].rows().add(new Row(slot, callId, new IntArrayList(), new IntArrayList()));
        }

        @Override
        public void addExpert(final int node, final int slot, final int expert, final int rank) {
            open[node].rows().getLast().experts().addInt(expert);
            open[node].rows().getLast().ranks().addInt(rank);
        }

        @Override
        public void endRow(final int node, final int slot) {
            assertThat(open[node].rows().getLast().slot()).isEqualTo(slot);
        }

        @Override
        public void flush(final long now) {
            for (int node = 0; node < NODES; node++) {
                if (open[node] != null) {
                    send(node);
                }
            }
        }

        private void send(final int node) {
            final Frame frame = open[node];
            open[node] = null;
            if (!ledger.hasRoom() || nowNs < refusesUntilNs[node] || random.nextInt(20) == 0) {
                frame.forEachCall((slot, rank) -> calls.unsent(slot, rank, frame.attempt()));
                return;
            }
            final long frameSequence = ++sequence;
            final int units = PeerPace.FRAME_UNITS + frame.calls();
            final int shipment = ledger.open(node, frameSequence, frame.calls(), frame.attempt(), frame.firstNs(), units,
                    pace.deadlineNs(node, units), nowNs);
            frame.forEachCall((slot, rank) -> calls.shipped(slot, rank, shipment));
            frame.rows().forEach(row -> row.ranks().forEachInt(rank -> firstCalls.add(List.of(row.callId(), (long) rank))));
            final List<float[]> inputs = frame.rows()
                    .stream()
                    .map(row -> Arrays.copyOfRange(rows.expertInput(), row.slot() * rows.hidden(),
                            (row.slot() + 1) * rows.hidden()))
                    .toList();
            post(node, () -> {
                for (int i = 0; i < inputs.size(); i++) {
                    deliver(services[node], 0, frame.rows().get(i), inputs.get(i));
                }
                services[node].received(0, frameSequence);
            });
        }

        private void deliver(final ExpertService service, final int from, final Row row, final float[] input) {
            final int at = service.beginRow(from, LAYER, row.callId());
            if (at < 0) {
                row.ranks().forEachInt(rank -> service.busy(from, row.callId(), rank));
                return;
            }
            System.arraycopy(input, 0, service.inputs(), at, input.length);
            for (int i = 0; i < row.experts().size(); i++) {
                service.addExpert(row.experts().getInt(i), row.ranks().getInt(i));
            }
            service.endRow();
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
            if (to == STRANGER) {
                return true;
            }
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
            if (to == STRANGER) {
                assertThat(callId >>> 8).as("the life of the process that is answered").isEqualTo(strangersLife[node]);
                return true;
            }
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
