package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;

import org.jspecify.annotations.Nullable;

import io.drover.actors.RoutingTable;
import io.drover.cluster.FormationEvent.MemberState;
import io.drover.placement.ComputeRate;
import io.drover.placement.ContiguousPlanner;
import io.drover.placement.CostModel;
import io.drover.placement.Epoch;
import io.drover.placement.Link;
import io.drover.placement.Mode;
import io.drover.placement.Placement;
import io.drover.placement.Rebalance;
import io.drover.placement.RebalanceEvent;
import io.drover.placement.RebalancePredictor;
import io.drover.placement.RebalanceSettings;
import io.drover.placement.Wire;
import io.drover.streams.Endpoint;

/**
 * Five node names, three of them expected, one coordinator on the oldest member, and a hand-moved clock. After every event the
 * promises are checked: an epoch means one table; nobody routes to what is not loaded; no node holds more than its budget; ids stay. In the end every expert is back.
 */
final class SimulatedCluster {
    private static final long MS = 1_000_000;
    private static final int NAMES = 5;
    private static final int LAYERS = 3;
    private static final int EXPERTS = 6;
    /** Any two nodes can hold all experts, one cannot. */
    private static final int FEWEST_SLOTS = 9;
    private static final int MOST_SLOTS = 15;
    /** Longer than a device is spared an expert whose load has failed there. */
    private static final int QUIET_STEPS = 1600;
    private static final Identity IDENTITY = new Identity("c", "w", "e", "t", "float32", "float32", "cpu", "1");

    /** One life of a node. */
    private static final class Life {
        final String name;
        final MemberId member;
        final int upNumber;
        final int slots;
        final Participant participant;
        MemberState state = MemberState.UP;
        boolean running = true;
        boolean leaving;
        long goneAtNs = Long.MAX_VALUE;
        Epoch lastWithout = Epoch.NONE;

        Life(final String name, final MemberId member, final int upNumber, final int slots, final long nowNs) {
            this.name = name;
            this.member = member;
            this.upNumber = upNumber;
            this.slots = slots;
            participant = new Participant(new NodeDescriptor(name, member.address(), member.uid(), "host", slots, IDENTITY),
                    new Residency(slots, 4, 3000 * MS, 2000 * MS), new Quorum(member.address(), 2000 * MS), new Rescue(500 * MS),
                    nowNs);
        }

        Endpoint endpoint() {
            return new Endpoint(participant.nodeId(), member.uid(), name, "host", member.address(), 1000);
        }
    }

    private record Delivery(long atNs, long order, Runnable action) {}

    private final Random random;
    private final Deque<String> history = new ArrayDeque<>();
    private final PriorityQueue<Delivery> network = new PriorityQueue<>(
            Comparator.comparingLong(Delivery::atNs).thenComparingLong(Delivery::order));
    private final List<Life> lives = new ArrayList<>();
    private final Map<Epoch, RoutingTable> everPublished = new HashMap<>();
    private final Map<RoutingTable, Map<Integer, ExpertSet>> named = new IdentityHashMap<>();
    private final Map<MemberId, Long> lastTerm = new HashMap<>();
    private @Nullable Formation coordinator;
    private @Nullable Life coordinatorHost;
    private boolean formed;
    private boolean faulty = true;
    private long nowNs;
    private long order;
    private int upNumbers;
    private int uids;
    private int coordinators;
    private int refusals;

    SimulatedCluster(final long seed) {
        random = new Random(seed);
        for (int name = 1; name <= 3; name++) {
            join(name);
        }
    }

    int refusals() {
        return refusals;
    }

    int coordinators() {
        return coordinators;
    }

    String history() {
        return String.join("\n", history);
    }

    void runWithFaults(final int steps) {
        for (int step = 0; step < steps; step++) {
            fault();
            step();
        }
    }

    /** A quiet time: then all that lives agrees, and everything that can be served is. */
    void settle() {
        faulty = false;
        lives.stream().filter(life -> life.state == MemberState.UNREACHABLE && life.running).forEach(life -> {
            life.state = MemberState.UP;
            life.goneAtNs = Long.MAX_VALUE;
        });
        lives.stream()
                .filter(life -> life.running)
                .forEach(life -> tell(life, new Participant.Event.Suspected(List.of())));
        for (int step = 0; step < QUIET_STEPS; step++) {
            step();
        }
        final List<Life> alive = lives.stream().filter(life -> life.running).toList();
        final Formation brain = Objects.requireNonNull(coordinator);
        if (!formed && alive.size() < 3) {
            assertThat(brain.view().ready()).isFalse();
            return;
        }
        final RoutingTable last = Objects.requireNonNull(brain.published(), "nothing was published");
        assertThat(last.nodes()).extracting(Endpoint::incarnation)
                .containsExactlyInAnyOrderElementsOf(alive.stream().map(life -> life.member.uid()).toList());
        final int staying = alive.stream().filter(life -> !brain.moves().isLeaving(life.name)).mapToInt(life -> life.slots).sum();
        // A node that leaves is given nothing any more, even if nobody else has room.
        final boolean whole = staying >= LAYERS * EXPERTS;
        for (int layer = 0; layer < LAYERS; layer++) {
            for (int expert = 0; expert < EXPERTS && whole; expert++) {
                assertThat(last.placement().replicas(layer, expert)).as("L%s/E%s", layer, expert).isPositive();
            }
        }
        for (final Life life : alive) {
            final ExpertSet here = FirstPlacement.hold(last.placement(), life.participant.nodeId());
            assertThat(life.participant.epoch()).as(life.name).isEqualTo(last.epoch());
            if (whole || alive.stream().mapToInt(each -> each.slots).sum() < LAYERS * EXPERTS) {
                assertThat(life.participant.ready()).as("%s: %s", life.name, life.participant.view()).isEqualTo(whole);
            }
            assertThat(life.participant.residency().loaded()).isEqualTo(here);
            if (whole && brain.moves().isLeaving(life.name)) {
                assertThat(here).as("%s leaves", life.name).isEqualTo(ExpertSet.EMPTY);
                assertThat(life.participant.released() || !life.leaving).as("%s may stop", life.name).isTrue();
            }
        }
    }

    private void fault() {
        final List<Life> running = lives.stream().filter(life -> life.running && life.state == MemberState.UP).toList();
        switch (random.nextInt(400)) {
            case 0, 1 -> {
                if (running.size() > 1) {
                    crash(running.get(random.nextInt(running.size())));
                }
            }
            case 2, 3, 4, 5 -> {
                final int name = 1 + random.nextInt(NAMES);
                if (lives.stream().noneMatch(life -> life.name.equals("node-" + name))) {
                    join(name);
                }
            }
            case 6 -> running.stream().skip(random.nextInt(NAMES)).findFirst().ifPresent(life -> {
                life.state = MemberState.UNREACHABLE;
                log(life.name + " is unreachable for a while");
            });
            case 7 -> {
                coordinator = null;
                log("the coordinator fails");
            }
            case 8, 9, 10, 11 -> lives.stream()
                    .filter(life -> life.running && life.state == MemberState.UNREACHABLE)
                    .forEach(life -> life.state = MemberState.UP);
            case 12 -> running.stream().skip(random.nextInt(NAMES)).findFirst().ifPresent(life -> {
                life.leaving = true;
                log(life.name + " wants to leave");
                tell(life, new Participant.Event.LeaveRequested());
            });
            case 13, 14 -> {
                final int suspect = random.nextInt(NAMES);
                log("all suspect node id " + suspect);
                running.forEach(life -> tell(life, new Participant.Event.Suspected(
                        life.participant.nodeId() == suspect ? List.of() : List.of(suspect))));
            }
            case 15, 16, 17 -> running.forEach(life -> tell(life, new Participant.Event.Suspected(List.of())));
            case 18, 19, 20, 21, 22 -> tell(new FormationEvent.Placing(new RebalanceEvent.MoveRequested(random.nextInt(LAYERS),
                    random.nextInt(EXPERTS), random.nextInt(NAMES) - 1, random.nextInt(NAMES) - 1)));
            default -> {
            }
        }
    }

    private void crash(final Life life) {
        log(life.name + " crashes");
        life.running = false;
        life.state = MemberState.UNREACHABLE;
        life.goneAtNs = nowNs + 2000 * MS + random.nextInt(5000) * MS;
        lives.stream()
                .filter(other -> other.running)
                .forEach(other -> later(400, () -> tell(other,
                        new Participant.Event.Suspected(List.of(life.participant.nodeId())))));
    }

    private void join(final int name) {
        final Life life = new Life("node-" + name, new MemberId("host:" + name, ++uids), ++upNumbers,
                FEWEST_SLOTS + random.nextInt(MOST_SLOTS - FEWEST_SLOTS + 1), nowNs);
        lives.add(life);
        log(life.name + " joins as " + life.member + " with " + life.slots + " slots");
    }

    private void step() {
        nowNs += 50 * MS;
        lives.removeIf(life -> nowNs >= life.goneAtNs);
        final Life oldest = lives.stream().min(Comparator.comparingInt(life -> life.upNumber)).orElseThrow();
        if (coordinatorHost != oldest) {
            coordinator = null;
            coordinatorHost = oldest;
        }
        if (coordinator == null && oldest.running && (!faulty || random.nextInt(10) == 0)) {
            coordinators++;
            coordinator = new Formation(new Formation.Settings(3, 10_000 * MS, 500 * MS, IDENTITY, SimulatedCluster::plan,
                    moves(new int[]{EXPERTS, EXPERTS, EXPERTS})), oldest.upNumber,
                    lastTerm.getOrDefault(oldest.member, 0L), nowNs);
            log("coordinator on " + oldest.name + ", number " + oldest.upNumber);
        }
        while (!network.isEmpty() && network.peek().atNs() <= nowNs) {
            network.poll().action().run();
        }
        for (final Life life : List.copyOf(lives)) {
            tell(life, new Participant.Event.Tick());
        }
        tell(new FormationEvent.Tick());
    }

    private void tell(final FormationEvent event) {
        final Formation brain = coordinator;
        if (brain == null || !Objects.requireNonNull(coordinatorHost).running) {
            return;
        }
        final List<FormationCommand> commands = new ArrayList<>();
        final Map<MemberId, MemberState> members = new HashMap<>();
        lives.forEach(life -> members.put(life.member, life.state));
        commands.addAll(brain.on(new FormationEvent.Members(members), nowNs));
        check(brain);
        commands.addAll(brain.on(event, nowNs));
        check(brain);
        for (final FormationCommand command : commands) {
            switch (command) {
                case FormationCommand.Send send -> lives.stream()
                        .filter(life -> life.member.equals(send.to()))
                        .forEach(life -> send(() -> tell(life, new Participant.Event.Ordered(send.orders()))));
                case FormationCommand.Refuse refuse -> lives.stream()
                        .filter(life -> life.member.equals(refuse.to()) && life.running)
                        .forEach(life -> refused(life, refuse.sentence()));
                case FormationCommand.Alert alert -> log(alert.toString());
                case FormationCommand.Plan plan -> log("a plan is asked for, and never made");
            }
        }
    }

    private void tell(final Life life, final Participant.Event event) {
        if (!life.running) {
            return;
        }
        final Epoch before = life.participant.epoch();
        final List<Participant.Command> commands = life.participant.on(event, nowNs);
        final Residency residency = life.participant.residency();
        if (residency.heldCount() > life.slots) {
            throw new AssertionError(life.name + " holds " + residency.heldCount() + " replicas in " + life.slots + " slots");
        }
        for (final Participant.Command command : commands) {
            switch (command) {
                case Participant.Command.Report report -> {
                    final Formation receiver = coordinator;
                    send(() -> {
                        if (receiver == coordinator) {
                            tell(new FormationEvent.Reported(report.state()));
                        }
                    });
                }
                case Participant.Command.StartEngine start -> later(random.nextInt(1000),
                        () -> tell(life, new Participant.Event.EngineStarted(life.endpoint(), life.endpoint())));
                case Participant.Command.Install install -> install(life, before, install.table());
                case Participant.Command.Reroute reroute -> reroute(life, reroute.table());
                case Participant.Command.Replica replica -> later(random.nextInt(800),
                        () -> tell(life, outcome(replica.command())));
            }
        }
    }

    /** Two coordinators gave ids out and the first one's orders came last: safe, but the node has to be started anew. */
    private void refused(final Life life, final String sentence) {
        assertThat(faulty).isTrue();
        assertThat(sentence).contains("which is not its id in this cluster");
        refusals++;
        crash(life);
    }

    private Participant.Event outcome(final Residency.Command command) {
        return switch (command) {
            case Residency.Command.Load load -> faulty && random.nextInt(20) == 0
                    ? new Participant.Event.ReplicaFailed(load.code(), "no luck")
                    : new Participant.Event.ReplicaReady(load.code());
            case Residency.Command.Drain drain -> new Participant.Event.ReplicaDrained(drain.code());
        };
    }

    private void install(final Life life, final Epoch before, final RoutingTable table) {
        log(life.name + " installs " + table.epoch());
        assertThat(table.epoch()).isGreaterThan(before);
        assertThat(everPublished.get(table.epoch())).as("an epoch is one table").isSameAs(table);
    }

    private void reroute(final Life life, final RoutingTable table) {
        log(life.name + " reroutes under " + table.epoch());
        final RoutingTable base = Objects.requireNonNull(life.participant.installed());
        assertThat(table.epoch()).isEqualTo(base.epoch());
        assertThat(table.nodes()).isEqualTo(base.nodes());
        for (int layer = 0; layer < LAYERS; layer++) {
            for (int expert = 0; expert < EXPERTS; expert++) {
                for (int i = 0; i < base.placement().replicas(layer, expert); i++) {
                    assertThat(table.placement().hosts(base.placement().device(layer, expert, i), layer, expert)).isTrue();
                }
            }
        }
    }

    private void check(final Formation brain) {
        lastTerm.merge(Objects.requireNonNull(coordinatorHost).member, brain.term(), Math::max);
        final Map<Life, ExpertSet> loaded = new HashMap<>();
        lives.stream().filter(life -> life.running).forEach(life -> loaded.put(life, life.participant.residency().loaded()));
        checkRoutes(loaded);
        final RoutingTable now = brain.published();
        final boolean remembered = lives.stream().anyMatch(life -> life.running && life.participant.installed() != null);
        if (formed && !remembered && now == null) {
            log("nobody is left who knows the cluster");
            formed = false;
        }
        if (now == null || everPublished.containsKey(now.epoch())) {
            return;
        }
        formed = true;
        log("published " + now.epoch() + " " + now.nodes().stream().map(Endpoint::name).toList() + " "
                + Arrays.deepToString(now.placement().toArray()));
        everPublished.put(now.epoch(), now);
        for (final Life life : lives) {
            if (life.running && life.participant.installed() != null) {
                assertThat(now.epoch()).as("epochs rise").isGreaterThan(life.participant.epoch());
            }
            if (!lists(now, life)) {
                life.lastWithout = now.epoch();
            }
        }
        checkLoaded(now, loaded, "the newest table");
        assertThat(now.nodes()).extracting(Endpoint::nodeId).doesNotHaveDuplicates();
        for (final Endpoint node : now.nodes()) {
            assertThat(brain.names().get(node.nodeId())).isEqualTo(node.name());
        }
    }

    /**
     * Nobody routes to what is not loaded, but for those that were left out of a table since the one that they route by: they are refused,
     * and route anew by the next that lists them.
     */
    private void checkRoutes(final Map<Life, ExpertSet> loaded) {
        for (final Life life : lives) {
            final RoutingTable table = life.participant.installed();
            if (life.running && table != null && table.epoch().compareTo(life.lastWithout) > 0) {
                checkLoaded(table, loaded, life.name);
            }
        }
    }

    private void checkLoaded(final RoutingTable table, final Map<Life, ExpertSet> loaded, final String who) {
        loaded.forEach((life, has) -> {
            if (lists(table, life)) {
                final ExpertSet named = named(table, life.participant.nodeId());
                assertThat(has.containsAll(named)
                        ? ""
                        : who + " routes by " + table.epoch() + " to " + life.name + ", which has "
                                + has + " and not " + named)
                        .isEmpty();
            }
        });
    }

    private static boolean lists(final RoutingTable table, final Life life) {
        return table.nodes().stream().anyMatch(node -> node.incarnation() == life.member.uid());
    }

    /** What a table names on a node; remembered, as it is asked after every event. */
    private ExpertSet named(final RoutingTable table, final int nodeId) {
        return named.computeIfAbsent(table, any -> new HashMap<>())
                .computeIfAbsent(nodeId, node -> FirstPlacement.hold(table.placement(), node));
    }

    /** Moves of experts of one byte. */
    static ExpertMoves.Settings moves(final int[] experts) {
        final CostModel cost = new CostModel(Mode.HOME, new Wire(1, 4, 0, 0, 1, false), 1, 1, 0);
        return new ExpertMoves.Settings(new Rebalance.Model(experts, null, cost, Link.FREE, Link.FREE), RebalanceSettings.DEFAULT,
                new ContiguousPlanner(), RebalancePredictor.of(cost, 1), new ComputeRate(0, 0), 1);
    }

    private static Placement plan(final SortedMap<Integer, NodeDescriptor> nodes) {
        final List<Integer> ids = new ArrayList<>(new TreeMap<>(nodes).keySet());
        final int[][][] devices = new int[LAYERS][EXPERTS][1];
        for (int layer = 0; layer < LAYERS; layer++) {
            for (int expert = 0; expert < EXPERTS; expert++) {
                devices[layer][expert][0] = ids.get(expert * ids.size() / EXPERTS);
            }
        }
        return Placement.of(Epoch.NONE, devices);
    }

    private void send(final Runnable delivery) {
        final int copies = !faulty || random.nextInt(10) > 1 ? 1 : random.nextInt(2) * 2;
        for (int copy = 0; copy < copies; copy++) {
            later(faulty ? random.nextInt(random.nextInt(20) == 0 ? 3000 : 100) : 1, delivery);
        }
    }

    private void later(final int ms, final Runnable action) {
        network.add(new Delivery(nowNs + ms * MS, order++, action));
    }

    private void log(final String what) {
        history.add(nowNs / MS + " ms: " + what);
        if (history.size() > 200) {
            history.removeFirst();
        }
    }
}
