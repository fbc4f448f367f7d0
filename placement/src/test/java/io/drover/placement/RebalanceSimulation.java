package io.drover.placement;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Consumer;

import org.jspecify.annotations.Nullable;

import io.drover.placement.RebalanceEvent.NodeReport;
import io.drover.placement.RebalanceEvent.Replica;

/**
 * A small cluster around one {@link Rebalance}, driven by a seed: nodes that load, drop and route after random times, a network that
 * loses, delays, reorders and repeats messages, nodes that join, leave and die, coordinators that are replaced. What must hold is checked
 * on the nodes, not on what the machine believes, after every event.
 */
final class RebalanceSimulation {
    static final long MS = 1_000_000;
    private static final String[] FAMILIES = {"cpu", "cuda"};
    private static final long STORM_NS = 8_000 * MS;
    private static final long QUIET_NS = 60_000 * MS;

    private record Due(long atNs, long order, Runnable action) implements Comparable<Due> {
        @Override
        public int compareTo(final Due other) {
            final int byTime = Long.compare(atNs, other.atNs);
            return byTime != 0 ? byTime : Long.compare(order, other.order);
        }
    }

    final SplittableRandom random;
    final List<Object> history = new ArrayList<>();
    final TreeMap<String, RebalanceSimulationNode> nodes = new TreeMap<>();
    final Rebalance.Model model;
    final RebalanceSettings settings;
    private final RebalanceSimulationChecks checks;
    private final PriorityQueue<Due> agenda = new PriorityQueue<>();
    private final double loss;
    private final Map<Integer, RebalanceSimulationNode> ofDevice = new HashMap<>();
    private final Planner planner;
    private final RebalancePredictor predictor;
    private final Set<String> told = new HashSet<>();
    private @Nullable Rebalance machine;
    private Rebalance.Saved saved = Rebalance.Saved.NOTHING;
    private long term = 1;
    private long nowNs = 1;
    private long scheduled;
    private int nextDevice;
    private int nextNode;
    private boolean quiet;
    private int commandsSinceQuiet;
    private long lastCommandNs;

    RebalanceSimulation(final long seed) {
        random = new SplittableRandom(seed);
        final int layers = 1 + random.nextInt(2);
        final int[] experts = new int[layers];
        Arrays.setAll(experts, layer -> 3 + random.nextInt(3));
        final int total = Arrays.stream(experts).sum();
        final CostModel cost = new CostModel(Mode.WALK, new Wire(8, 4, 0, 0, 1, false), 100, 16, 0.1);
        model = new Rebalance.Model(experts, random.nextInt(4) == 0 ? pins(experts) : null, cost, Link.FREE, new Link(1e6, 0));
        final int f = random.nextInt(4) == 0 ? 2 : 1;
        settings = new RebalanceSettings(f, 2, random.nextInt(2), 1 + random.nextInt(6), 1 + random.nextInt(2), 3_000 * MS,
                0.0, 0.0, random.nextBoolean() ? 0 : 1, 0.5, 500 * MS, random.nextInt(2) * 150 * MS, 100 * MS, 2_000 * MS, 4,
                700 * MS, 5_000 * MS, 0.5, 1,
                256);
        loss = random.nextInt(3) * 0.1;
        planner = random.nextInt(3) == 0 ? EplbPlanner.global() : new WhimsicalPlanner(random.nextLong());
        predictor = random.nextBoolean() ? RebalanceSimulation::slowest : whim(random.nextLong());
        checks = new RebalanceSimulationChecks(this);
        machine = newMachine();
        final int count = 2 + random.nextInt(3);
        final int slots = (total * f + count - 1) / count + 1 + random.nextInt(3);
        // Each second node gives the next one a part of its room, so that together they have what they need.
        int given = 0;
        for (int i = 0; i < count; i++) {
            final int room = slots + given;
            given = i % 2 == 0 && i + 1 < count ? random.nextInt(slots) : 0;
            join(room - given);
        }
        tick();
        storm(slots);
    }

    private String[][] pins(final int[] experts) {
        final String[][] pins = new String[experts.length][];
        for (int layer = 0; layer < experts.length; layer++) {
            pins[layer] = new String[experts[layer]];
            Arrays.setAll(pins[layer], expert -> FAMILIES[random.nextInt(2)]);
        }
        return pins;
    }

    private Rebalance newMachine() {
        return new Rebalance(model, settings, planner, predictor, term, 1);
    }

    /** Time of the slowest device when replicas share evenly. */
    private static double slowest(final RoutingStatistics statistics, final Topology topology, final Placement placement) {
        double sum = 0;
        for (int layer = 0; layer < placement.layers(); layer++) {
            final double[] load = new double[topology.ordinals()];
            for (int expert = 0; expert < placement.experts(layer); expert++) {
                for (int i = 0; i < placement.replicas(layer, expert); i++) {
                    load[placement.device(layer, expert, i)] += (1 + statistics.calls(layer, expert))
                            / placement.replicas(layer, expert);
                }
            }
            sum += Arrays.stream(load).max().orElse(0);
        }
        return sum;
    }

    /** A time that has nothing to do with the load, so that many plans are taken and many do not pay. */
    private static RebalancePredictor whim(final long salt) {
        return (statistics, topology, placement) -> 1
                + new SplittableRandom(salt ^ placement.hashCode() * 31L ^ (long) statistics.positions()).nextDouble();
    }

    /** Runs to the end of the quiet time. @throws AssertionError at the first thing that does not hold */
    void run() {
        while (!agenda.isEmpty()) {
            final Due due = agenda.poll();
            nowNs = due.atNs();
            due.action().run();
            checks.afterEvent();
        }
        checks.settled();
    }

    Rebalance machine() {
        return machine;
    }

    long nowNs() {
        return nowNs;
    }

    boolean knows(final String nodeId) {
        return told.contains(nodeId);
    }

    int commandsSinceQuiet() {
        return commandsSinceQuiet;
    }

    long lastCommandNs() {
        return lastCommandNs;
    }

    boolean fails() {
        return !quiet && random.nextInt(12) == 0;
    }

    void checkDrop(final Replica replica) {
        checks.dropped(replica);
    }

    void at(final long delayNs, final Runnable action) {
        agenda.add(new Due(nowNs + delayNs, scheduled++, action));
    }

    /** A message over the network: lost, late or twice, as chance will have it. */
    void send(final Runnable delivery) {
        if (!quiet && random.nextDouble() < loss) {
            return;
        }
        at(latency(), delivery);
        if (!quiet && random.nextInt(12) == 0) {
            at(latency(), delivery);
        }
    }

    private long latency() {
        return (random.nextInt(20) == 0 && !quiet ? random.nextInt(3_000) : 1 + random.nextInt(30)) * MS;
    }

    void tell(final RebalanceEvent event) {
        final Rebalance now = machine;
        if (now == null) {
            return;
        }
        history.add(event);
        checks.told(event);
        final List<RebalanceCommand> commands = now.on(event, nowNs);
        for (final RebalanceCommand command : commands) {
            history.add(command);
            if (!(command instanceof RebalanceCommand.Alert) && !(command instanceof RebalanceCommand.Replan)) {
                commandsSinceQuiet++;
                lastCommandNs = nowNs;
            }
            obey(command);
        }
        if (random.nextInt(4) == 0) {
            saved = now.save();
        }
    }

    private void obey(final RebalanceCommand command) {
        checks.ordered(command);
        switch (command) {
            case RebalanceCommand.Expand expand -> order(expand.device(), node -> node.load(expand.move(),
                    new Replica(expand.layer(), expand.expert(), expand.device())));
            case RebalanceCommand.Migrate migrate -> order(migrate.to(), node -> node.load(migrate.move(),
                    new Replica(migrate.layer(), migrate.expert(), migrate.to())));
            case RebalanceCommand.Shrink shrink -> order(shrink.device(), node -> node.drop(shrink.move(),
                    new Replica(shrink.layer(), shrink.expert(), shrink.device())));
            case RebalanceCommand.Rollback rollback -> order(rollback.device(), node -> node.drop(rollback.move(),
                    new Replica(rollback.layer(), rollback.expert(), rollback.device())));
            case RebalanceCommand.Publish publish -> publish.nodeIds().forEach(id -> {
                final RebalanceSimulationNode node = nodes.get(id);
                if (node != null) {
                    send(() -> node.route(publish.placement()));
                }
            });
            case RebalanceCommand.Released released -> {
                final RebalanceSimulationNode node = nodes.get(released.nodeId());
                if (node != null) {
                    at(100 * MS, () -> stop(node));
                }
            }
            case RebalanceCommand.Replan replan -> {
                final Placement plan = distant(replan.request());
                at(latency(),
                        () -> tell(plan == null ? new RebalanceEvent.Unplanned("a whim") : new RebalanceEvent.Planned(plan)));
            }
            case RebalanceCommand.Alert alert -> {
                // For people.
            }
        }
    }

    private static @Nullable Placement distant(final PlanRequest request) {
        try {
            return EplbPlanner.global().plan(request);
        } catch (final PlanningException ignored) {
            return null;
        }
    }

    private void order(final int device, final Consumer<RebalanceSimulationNode> action) {
        final RebalanceSimulationNode node = nodeOf(device);
        if (node != null) {
            send(() -> action.accept(node));
        }
    }

    private void join(final int slots) {
        final String id = "n" + nextNode++;
        final List<Device> devices = new ArrayList<>();
        for (int i = 0; i <= random.nextInt(2); i++) {
            devices.add(new Device(nextDevice++, id, id, FAMILIES[random.nextInt(model.pins() == null ? 1 : 2)], Long.MAX_VALUE,
                    slots, new ComputeRate(1, 1)));
        }
        final RebalanceSimulationNode node = new RebalanceSimulationNode(this, id, devices);
        nodes.put(id, node);
        devices.forEach(device -> ofDevice.put(device.ordinal(), node));
        history.add("node " + id + " starts with " + devices.size() + " devices of " + slots + " slots");
        if (machine != null) {
            told.add(id);
            tell(new RebalanceEvent.Joined(NodeReport.empty(id, devices)));
        }
    }

    private void stop(final RebalanceSimulationNode node) {
        if (node.alive) {
            history.add("node " + node.id + " stops");
            node.alive = false;
            nodes.remove(node.id);
            at((100 + random.nextInt(500)) * MS, () -> learnOfLoss(node.id));
        }
    }

    private void learnOfLoss(final String id) {
        if (machine != null && told.remove(id)) {
            tell(new RebalanceEvent.Lost(id));
        }
    }

    private void tick() {
        tell(new RebalanceEvent.Tick());
        if (nowNs < STORM_NS + QUIET_NS && !(quiet && machine != null && checks.calm())) {
            at(quiet ? 400 * MS : 120 * MS, this::tick);
        }
    }

    private void storm(final int slots) {
        final int windows = 3 + random.nextInt(5);
        for (int i = 0; i < windows; i++) {
            at(1_000 * MS + random.nextInt(7_000) * MS, () -> tell(new RebalanceEvent.Window(skew(), 1_000)));
        }
        final int blows = random.nextInt(6);
        for (int i = 0; i < blows; i++) {
            at(500 * MS + random.nextInt(7_500) * MS, () -> blow(slots));
        }
        at(STORM_NS, () -> {
            quiet = true;
            commandsSinceQuiet = 0;
            if (machine == null) {
                takeOver();
            }
        });
    }

    private void blow(final int slots) {
        switch (nodes.isEmpty() ? 0 : random.nextInt(9)) {
            case 0 -> join(1 + random.nextInt(2 * slots));
            case 1, 2 -> {
                if (nodes.size() > 1) {
                    stop(anyNode());
                }
            }
            case 3 -> tell(new RebalanceEvent.Left(anyNode().id));
            case 4 -> crash();
            case 5 -> {
                final int layer = random.nextInt(model.experts().length);
                tell(new RebalanceEvent.MoveRequested(layer, random.nextInt(model.experts()[layer]),
                        random.nextInt(nextDevice + 1) - 1,
                        random.nextInt(nextDevice + 1) - 1));
            }
            case 6 -> tell(new RebalanceEvent.Stays(anyNode().id));
            case 7 -> {
                if (machine != null && !machine.ledger().isEmpty()) {
                    final RebalanceLedger.Entry last = machine.ledger().getLast();
                    tell(last.step() > 0
                            ? new RebalanceEvent.StepCancelled(last.step())
                            : new RebalanceEvent.MoveCancelled(last.move()));
                }
            }
            default -> tell(new RebalanceEvent.PlanRequested());
        }
    }

    private RebalanceSimulationNode anyNode() {
        return new ArrayList<>(nodes.values()).get(random.nextInt(nodes.size()));
    }

    private void crash() {
        if (machine != null) {
            history.add("coordinator " + term + " dies");
            machine = null;
            checks.coordinatorGone();
            at((50 + random.nextInt(1_000)) * MS, () -> {
                if (machine == null) {
                    takeOver();
                }
            });
        }
    }

    private void takeOver() {
        term++;
        final List<NodeReport> reports = new ArrayList<>();
        told.clear();
        for (final RebalanceSimulationNode node : nodes.values()) {
            reports.add(node.report(term));
            told.add(node.id);
        }
        machine = newMachine();
        tell(new RebalanceEvent.Resumed(term, saved, reports));
    }

    private RoutingStatistics skew() {
        final RoutingStatistics statistics = new RoutingStatistics(model.experts(), 1, new RoutingStatistics.Limits(8, 8, 0), 0);
        final int[][] chosen = new int[model.experts().length][1];
        final float[][] weights = new float[chosen.length][1];
        final int hot = random.nextInt(3);
        for (int i = 0; i < 12; i++) {
            for (int layer = 0; layer < chosen.length; layer++) {
                chosen[layer][0] = random.nextBoolean() ? hot : random.nextInt(model.experts()[layer]);
                weights[layer][0] = 1;
            }
            statistics.record(0, chosen, weights);
        }
        return statistics;
    }

    String story() {
        final StringBuilder text = new StringBuilder();
        history.forEach(line -> text.append(line).append('\n'));
        return text.toString();
    }

    /** Proposes any placement that the request allows, near the current one. */
    private static final class WhimsicalPlanner implements Planner {
        private final long salt;
        private int plans;

        WhimsicalPlanner(final long salt) {
            this.salt = salt;
        }

        @Override
        public String name() {
            return "whimsical";
        }

        @Override
        public Placement plan(final PlanRequest request) {
            final SplittableRandom random = new SplittableRandom(salt + plans++);
            final int[][][] table = request.current().toArray();
            for (int change = 0; change < 6; change++) {
                final int[][][] next = Arrays.stream(table).map(int[][]::clone).toArray(int[][][]::new);
                final int layer = random.nextInt(next.length);
                final int expert = random.nextInt(next[layer].length);
                final Set<Integer> devices = new HashSet<>();
                for (final int device : next[layer][expert]) {
                    if (random.nextInt(3) > 0) {
                        devices.add(device);
                    }
                }
                devices.add(request.topology().ordinal(random.nextInt(request.topology().size())));
                next[layer][expert] = devices.stream().mapToInt(Integer::intValue).toArray();
                try {
                    request.check(Placement.of(Epoch.NONE, next));
                    table[layer] = next[layer];
                } catch (final PlanningException ignored) {
                    // Another whim, then.
                }
            }
            return Placement.of(Epoch.NONE, table);
        }
    }

    /** Whether a device is, as far as the machine has been told, that of a living node. */
    boolean isBelievedAlive(final int device) {
        return told.contains(ofDevice.get(device).id);
    }

    /** The living node that has a device, null if there is none. */
    @Nullable
    RebalanceSimulationNode nodeOf(final int device) {
        final RebalanceSimulationNode node = ofDevice.get(device);
        return node != null && node.alive ? node : null;
    }
}
