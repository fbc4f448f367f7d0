package io.drover.placement.lab;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Queue;
import java.util.Set;
import java.util.TreeMap;

import io.drover.placement.Device;
import io.drover.placement.Epoch;
import io.drover.placement.Link;
import io.drover.placement.Placement;
import io.drover.placement.Planner;
import io.drover.placement.Rebalance;
import io.drover.placement.RebalanceCommand;
import io.drover.placement.RebalanceEvent;
import io.drover.placement.RebalanceEvent.NodeReport;
import io.drover.placement.RebalanceEvent.Replica;
import io.drover.placement.RebalanceLedger;
import io.drover.placement.RebalanceMove;
import io.drover.placement.RebalancePredictor;
import io.drover.placement.RebalanceSettings;
import io.drover.placement.RoutingStatistics;
import io.drover.placement.Tier;

/**
 * A planner behind the machine that a running cluster uses, in a cluster that obeys every order within the window: what the machine decides,
 * its thresholds, its memory and its undoing are the real ones.
 */
final class RebalancedPolicy implements OnlinePolicy {
    /** When a load will be done. */
    private record Arrival(long atNs, RebalanceMove.Id move) {}

    private final String name;
    private final Planner planner;
    private final Rebalance machine;
    private final double tokensPerSecond;
    private final long windowNs;
    private final long loadNs;
    private final long horizonNs;
    private final Map<RebalanceMove.Id, RebalanceMove.Why> reasons = new HashMap<>();
    private final Set<RebalanceMove.Id> loaded = new HashSet<>();
    private final Map<Replica, Long> leftAtNs = new HashMap<>();
    private Placement placement;
    private long nowNs;
    private int loads;
    private int returns;
    private int undone;

    /** @param tokensPerSecond at which the stream is served */
    RebalancedPolicy(
            final Planner planner,
            final Placement first,
            final Scenario scenario,
            final RebalanceSettings settings,
            final double windowSeconds,
            final double tokensPerSecond) {
        this.planner = planner;
        name = planner.name();
        placement = first;
        this.tokensPerSecond = tokensPerSecond;
        windowNs = (long) (1e9 * windowSeconds);
        horizonNs = settings.horizonNs();
        final Link network = scenario.topology().link(Tier.NETWORK);
        loadNs = (long) (1e9 * scenario.cost().expertBytes() / network.bytesPerSecond());
        final int[] experts = new int[first.layers()];
        for (int layer = 0; layer < experts.length; layer++) {
            experts[layer] = first.experts(layer);
        }
        final Rebalance.Model model = new Rebalance.Model(experts, null, scenario.cost(),
                scenario.topology().link(Tier.SAME_HOST), network);
        machine = new Rebalance(model, settings, planner, RebalancePredictor.ofTraffic(scenario.cost(), scenario.seed()), 1,
                scenario.seed());
        obey(machine.on(new RebalanceEvent.Resumed(2, Rebalance.Saved.NOTHING, reports(first, scenario)), nowNs));
    }

    private static List<NodeReport> reports(final Placement first, final Scenario scenario) {
        final Map<Integer, List<Replica>> held = new HashMap<>();
        for (int layer = 0; layer < first.layers(); layer++) {
            for (int expert = 0; expert < first.experts(layer); expert++) {
                for (int i = 0; i < first.replicas(layer, expert); i++) {
                    final int device = first.device(layer, expert, i);
                    held.computeIfAbsent(device, d -> new ArrayList<>()).add(new Replica(layer, expert, device));
                }
            }
        }
        final Map<String, List<Device>> nodes = new HashMap<>();
        scenario.topology()
                .devices()
                .forEach(device -> nodes.computeIfAbsent(device.nodeId(), id -> new ArrayList<>()).add(device));
        final List<NodeReport> reports = new ArrayList<>();
        nodes.forEach((id, devices) -> {
            final List<Replica> loaded = new ArrayList<>();
            devices.forEach(device -> loaded.addAll(held.getOrDefault(device.ordinal(), List.of())));
            reports.add(new NodeReport(id, devices, loaded, List.of(), Epoch.NONE));
        });
        return reports;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Placement placement() {
        return placement;
    }

    @Override
    public int returns() {
        return returns;
    }

    @Override
    public int undone() {
        return undone;
    }

    @Override
    public Gains gains() {
        final Map<Long, RebalanceLedger.Entry> judged = new TreeMap<>();
        for (final RebalanceLedger.Entry entry : machine.ledger()) {
            if (entry.why() == RebalanceMove.Why.GAIN && !Double.isNaN(entry.realisedGain())) {
                judged.put(entry.step(), entry);
            }
        }
        return new Gains(judged.size(),
                judged.values().stream().mapToDouble(RebalanceLedger.Entry::predictedGain).average().orElse(Double.NaN),
                judged.values().stream().mapToDouble(RebalanceLedger.Entry::realisedGain).average().orElse(Double.NaN));
    }

    List<RebalanceLedger.Entry> ledger() {
        return machine.ledger();
    }

    @Override
    public int afterWindow(final int window, final RoutingStatistics statistics) {
        nowNs = Math.max(nowNs, (window + 1) * windowNs);
        loads = 0;
        obey(machine.on(new RebalanceEvent.Window(statistics, tokensPerSecond), nowNs));
        return loads;
    }

    /** Obeys until nothing is under way: at once, but for the loads of each device, which pass its link one after the other. */
    private void obey(final List<RebalanceCommand> first) {
        final Deque<RebalanceCommand> orders = new ArrayDeque<>(first);
        final PriorityQueue<Arrival> arrivals = new PriorityQueue<>(
                Comparator.comparingLong(Arrival::atNs).thenComparing(Arrival::move));
        final Map<Integer, Long> linkFreeNs = new HashMap<>();
        RebalanceCommand.Publish newest = null;
        while (true) {
            if (!orders.isEmpty()) {
                switch (orders.poll()) {
                    // As in a cluster, nodes take the newest table, and not each of those before it.
                    case final RebalanceCommand.Publish publish -> newest = publish;
                    case final RebalanceCommand.Expand expand -> load(expand.move(),
                            new Replica(expand.layer(), expand.expert(), expand.device()), arrivals, linkFreeNs, orders);
                    case final RebalanceCommand.Migrate migrate -> load(migrate.move(),
                            new Replica(migrate.layer(), migrate.expert(), migrate.to()), arrivals, linkFreeNs, orders);
                    case final RebalanceCommand.Shrink shrink -> tell(new RebalanceEvent.DropDone(shrink.move()), orders);
                    case final RebalanceCommand.Rollback rollback -> tell(new RebalanceEvent.DropDone(rollback.move()), orders);
                    case final RebalanceCommand.Alert alert ->
                        undone += alert.kind() == RebalanceCommand.Kind.DID_NOT_PAY ? 1 : 0;
                    case final RebalanceCommand.Replan replan ->
                        tell(new RebalanceEvent.Planned(planner.plan(replan.request())), orders);
                    case final RebalanceCommand.Released released -> {
                        // Nobody leaves.
                    }
                }
            } else if (newest != null) {
                final RebalanceCommand.Publish table = newest;
                newest = null;
                publish(table.placement());
                table.nodeIds().forEach(id -> tell(new RebalanceEvent.EpochApplied(id, table.epoch()), orders));
            } else if (!arrivals.isEmpty()) {
                final Arrival arrival = arrivals.poll();
                nowNs = Math.max(nowNs, arrival.atNs());
                tell(new RebalanceEvent.LoadDone(arrival.move()), orders);
            } else {
                return;
            }
        }
    }

    private void tell(final RebalanceEvent event, final Deque<RebalanceCommand> orders) {
        orders.addAll(machine.on(event, nowNs));
    }

    private void load(
            final RebalanceMove.Id move,
            final Replica replica,
            final Queue<Arrival> arrivals,
            final Map<Integer, Long> linkFreeNs,
            final Deque<RebalanceCommand> orders) {
        if (loaded.add(move)) {
            loads++;
            final Long left = leftAtNs.get(replica);
            if (left != null && nowNs - left < horizonNs && why(move) == RebalanceMove.Why.GAIN) {
                returns++;
            }
            final long atNs = Math.max(nowNs, linkFreeNs.getOrDefault(replica.device(), 0L)) + loadNs;
            linkFreeNs.put(replica.device(), atNs);
            arrivals.add(new Arrival(atNs, move));
        }
        tell(new RebalanceEvent.Acknowledged(move), orders);
    }

    private RebalanceMove.Why why(final RebalanceMove.Id move) {
        return reasons.computeIfAbsent(move, id -> machine.ledger()
                .stream()
                .filter(entry -> entry.move().equals(id))
                .findFirst()
                .orElseThrow()
                .why());
    }

    private void publish(final Placement next) {
        for (int layer = 0; layer < placement.layers(); layer++) {
            for (int expert = 0; !next.agrees(placement, layer) && expert < placement.experts(layer); expert++) {
                for (int i = 0; i < placement.replicas(layer, expert); i++) {
                    final int device = placement.device(layer, expert, i);
                    if (!next.hosts(device, layer, expert)) {
                        leftAtNs.put(new Replica(layer, expert, device), nowNs);
                    }
                }
            }
        }
        placement = next;
    }
}
