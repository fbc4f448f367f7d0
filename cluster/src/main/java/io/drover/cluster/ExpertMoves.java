package io.drover.cluster;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import org.jspecify.annotations.Nullable;

import io.drover.placement.ComputeRate;
import io.drover.placement.Device;
import io.drover.placement.Placement;
import io.drover.placement.Planner;
import io.drover.placement.Rebalance;
import io.drover.placement.RebalanceCommand;
import io.drover.placement.RebalanceEvent;
import io.drover.placement.RebalanceLedger;
import io.drover.placement.RebalanceMove;
import io.drover.placement.RebalancePredictor;
import io.drover.placement.RebalanceSettings;

/**
 * The seam between the {@link Rebalance} machine, which gives orders and waits for answers, and nodes, which are told what to hold and
 * report what they hold. An order becomes a change of what its device is to hold; the first report made after the device obeyed that
 * change, and that shows it done, becomes the answer. Repetitions of an order change nothing, since every report is answered with the
 * whole of what is to be held.
 *
 * <p>Pure; not thread-safe. A device's ordinal is the id of its node; it comes back with a node of the same name, and by then everything
 * that concerned its earlier life has ended with the event Lost.
 */
final class ExpertMoves {
    /**
     * @param rate of a node's device
     * @param seed of the planner's random choices
     */
    record Settings(Rebalance.Model model, RebalanceSettings rebalance, Planner planner, RebalancePredictor predictor,
            ComputeRate rate, long seed) {}

    /** @param serial number of the last orders that went out before this one: later ones contain it */
    private record Order(int device, int code, boolean load, long serial) {}

    private final Settings settings;
    private final long term;
    private final Rebalance rebalance;
    private final Map<RebalanceMove.Id, Order> orders = new TreeMap<>();
    private final Map<Integer, ExpertSet> holds = new TreeMap<>();
    private final Map<Integer, String> members = new TreeMap<>();
    private final Map<Integer, Integer> slowness = new HashMap<>();
    private final Set<String> left = new HashSet<>();
    private final Set<String> released = new HashSet<>();
    /** Those of the nodes to be emptied that asked for it themselves, as they stop; the others go on when they are empty. */
    private final Set<String> stopping = new HashSet<>();
    private final List<FormationCommand> outside = new ArrayList<>();
    private @Nullable Placement table;
    private long serial;

    /**
     * Takes over what the nodes hold.
     *
     * @param term    of the coordinator; all reports were made under it
     * @param saved   what the last coordinator left
     * @param reports of the nodes that are present
     */
    ExpertMoves(final Settings settings, final long term, final Rebalance.Saved saved, final List<NodeReport> reports,
            final long orderSerial, final long nowNs) {
        this.settings = settings;
        this.term = term;
        serial = orderSerial;
        rebalance = new Rebalance(settings.model(), settings.rebalance(), settings.planner(), settings.predictor(), term,
                settings.seed());
        reports.forEach(this::admit);
        left.addAll(saved.leaving());
        step(new RebalanceEvent.Resumed(term, saved, reports.stream().map(this::describe).toList()), nowNs);
    }

    private void admit(final NodeReport report) {
        holds.put(report.nodeId(), ExpertSet.of(IntStream.concat(report.ready().codes(), report.replicas().busy().codes())));
        members.put(report.nodeId(), report.node().name());
    }

    private RebalanceEvent.NodeReport describe(final NodeReport report) {
        final NodeDescriptor node = report.node();
        final Device device = new Device(report.nodeId(), node.name(), node.host(), node.identity().kernelFamily(),
                node.memoryBudgetBytes(), Integer.MAX_VALUE, rate(report.nodeId()));
        return new RebalanceEvent.NodeReport(node.name(), List.of(device), replicas(report.ready(), report.nodeId()),
                replicas(report.replicas().busy(), report.nodeId()), report.installed());
    }

    private ComputeRate rate(final int device) {
        return settings.rate().times(slowness.getOrDefault(device, 1));
    }

    /** A device takes so many times as long as others. */
    void pace(final int device, final int times, final long nowNs) {
        slowness.put(device, times);
        if (times > 1) {
            outside.add(new FormationCommand.Alert(RebalanceCommand.Kind.SLOW_NODE,
                    members.get(device) + " answers " + times + " times slower than others; plans move its experts away"));
        }
        step(new RebalanceEvent.Paced(device, rate(device)), nowNs);
    }

    private static List<RebalanceEvent.Replica> replicas(final ExpertSet set, final int device) {
        return set.codes()
                .mapToObj(code -> new RebalanceEvent.Replica(ExpertSet.layer(code), ExpertSet.expert(code), device))
                .toList();
    }

    /** @param orderSerial number of the last orders that went out */
    void sent(final long orderSerial) {
        serial = orderSerial;
    }

    void join(final NodeReport report, final long nowNs) {
        admit(report);
        step(new RebalanceEvent.Joined(describe(report)), nowNs);
        if (left.contains(report.node().name())) {
            step(new RebalanceEvent.Left(report.node().name()), nowNs);
        }
    }

    /** The node is out of the table, perhaps for a while only: one that is to be emptied still is when it comes back. */
    void lose(final int device, final long nowNs) {
        final String name = members.remove(device);
        if (name != null) {
            orders.values().removeIf(order -> order.device() == device);
            holds.remove(device);
            released.remove(name);
            step(new RebalanceEvent.Lost(name), nowNs);
        }
    }

    /** The node's process has ended; another of its name begins anew. */
    void ended(final String name) {
        left.remove(name);
    }

    /** The node is to be emptied. */
    void leave(final String name, final long nowNs) {
        if (members.containsValue(name) && left.add(name)) {
            step(new RebalanceEvent.Left(name), nowNs);
        }
    }

    /** The node is not to be emptied any more. */
    void stay(final String name, final long nowNs) {
        if (left.remove(name)) {
            released.remove(name);
            step(new RebalanceEvent.Stays(name), nowNs);
        }
    }

    /** An operator's move. @return why it is refused, empty if it is not */
    String request(final RebalanceEvent.MoveRequested request, final long nowNs) {
        final String refusal = rebalance.refusal(request);
        if (refusal.isEmpty()) {
            step(request, nowNs);
        }
        return refusal;
    }

    /** An operator's wish for a plan. @return what came of it */
    Rebalance.Decision plan(final long nowNs) {
        step(new RebalanceEvent.PlanRequested(), nowNs);
        return rebalance.decision();
    }

    /** Moves of a step that have not begun and may yet. */
    int pending(final long ofStep) {
        return rebalance.pending(ofStep);
    }

    /** Whether a move can still be given up. */
    boolean canCancel(final RebalanceMove.Id move) {
        return rebalance.canCancel(move);
    }

    /** Takes a member's report for answers to what was ordered. */
    void report(final NodeReport report, final long nowNs) {
        final int device = report.nodeId();
        if (!members.containsKey(device)) {
            return;
        }
        for (final Map.Entry<RebalanceMove.Id, Order> entry : List.copyOf(orders.entrySet())) {
            final Order order = entry.getValue();
            if (order.device() == device && report.obeyed().term() == term && report.obeyed().number() > order.serial()
                    && order.equals(orders.get(entry.getKey()))) {
                answer(entry.getKey(), order, report, nowNs);
            }
        }
        if (report.installed().term() == term) {
            step(new RebalanceEvent.EpochApplied(report.node().name(), report.installed()), nowNs);
        }
        if (report.leaving()) {
            stopping.add(report.node().name());
            leave(report.node().name(), nowNs);
        } else {
            // A node of the same name has taken its place.
            stopping.remove(report.node().name());
        }
    }

    private void answer(final RebalanceMove.Id id, final Order order, final NodeReport report, final long nowNs) {
        final boolean ready = report.ready().contains(order.code());
        if (!order.load()) {
            if (!ready && !report.replicas().busy().contains(order.code())) {
                orders.remove(id);
                step(new RebalanceEvent.DropDone(id), nowNs);
            }
        } else if (ready) {
            orders.remove(id);
            step(new RebalanceEvent.LoadDone(id), nowNs);
        } else if (report.replicas().failed().contains(order.code())) {
            orders.remove(id);
            drop(order.device(), order.code());
            step(new RebalanceEvent.LoadFailed(id, report.problem()), nowNs);
        } else {
            step(new RebalanceEvent.Acknowledged(id), nowNs);
        }
    }

    /** Any other event: windows, plans, requests, time. */
    void step(final RebalanceEvent event, final long nowNs) {
        for (final RebalanceCommand command : rebalance.on(event, nowNs)) {
            switch (command) {
                case RebalanceCommand.Expand expand ->
                    order(expand.move(), expand.layer(), expand.expert(), expand.device(), true);
                case RebalanceCommand.Migrate move -> order(move.move(), move.layer(), move.expert(), move.to(), true);
                case RebalanceCommand.Shrink shrink ->
                    order(shrink.move(), shrink.layer(), shrink.expert(), shrink.device(), false);
                case RebalanceCommand.Rollback undo -> order(undo.move(), undo.layer(), undo.expert(), undo.device(), false);
                case RebalanceCommand.Publish publish -> table = publish.placement();
                case RebalanceCommand.Released empty -> released.add(empty.nodeId());
                case RebalanceCommand.Replan replan -> outside.add(new FormationCommand.Plan(replan.request()));
                case RebalanceCommand.Alert alert -> {
                    // Where everybody stops, nobody needs to be told that nothing has a place.
                    if (!stopping.containsAll(members.values())) {
                        outside.add(new FormationCommand.Alert(alert.kind(), alert.message()));
                    }
                }
            }
        }
    }

    private void order(final RebalanceMove.Id id, final int layer, final int expert, final int device, final boolean load) {
        final int code = ExpertSet.code(layer, expert);
        final Order known = orders.get(id);
        if (!holds.containsKey(device)
                || known != null && known.load() == load && known.device() == device && known.code() == code) {
            return;
        }
        orders.put(id, new Order(device, code, load, serial));
        if (load) {
            // A lost expert may come to a node that has been emptied, if there is no other place.
            released.remove(members.get(device));
            holds.computeIfPresent(device, (key, held) -> held.with(code));
        } else {
            drop(device, code);
        }
    }

    private void drop(final int device, final int code) {
        holds.computeIfPresent(device, (id, held) -> held.filter(other -> other != code));
    }

    /** What a device is to hold; null for one that is no member, where nothing is to change. */
    @Nullable
    ExpertSet hold(final int device) {
        return holds.get(device);
    }

    boolean isMember(final int device) {
        return members.containsKey(device);
    }

    Set<Integer> members() {
        return Set.copyOf(members.keySet());
    }

    boolean isReleased(final String name) {
        return released.contains(name);
    }

    boolean allLeave() {
        return left.containsAll(members.values());
    }

    boolean isLeaving(final String name) {
        return left.contains(name);
    }

    /** The newest table; null before the first. */
    @Nullable
    Placement table() {
        return table;
    }

    Rebalance.Saved saved() {
        final Rebalance.Saved now = rebalance.save();
        return new Rebalance.Saved(now.term(), now.on(), Set.copyOf(left), now.ledger(), now.caution());
    }

    List<RebalanceLedger.Entry> ledger() {
        return rebalance.ledger();
    }

    /** Whether moves for gain are allowed. */
    boolean isOn() {
        return rebalance.isOn();
    }

    boolean isIdle() {
        return rebalance.isIdle();
    }

    long ageOfProgressNs(final long nowNs) {
        return rebalance.ageOfProgressNs(nowNs);
    }

    /** What has to be done beyond the nodes since the last call: plans to make, alerts to tell. */
    List<FormationCommand> takeOutside() {
        final List<FormationCommand> taken = List.copyOf(outside);
        outside.clear();
        return taken;
    }

    @Override
    public String toString() {
        return "members " + members + ", holds " + holds.entrySet()
                .stream()
                .map(entry -> entry.getKey() + ":" + entry.getValue().size())
                .collect(Collectors.joining(" ")) + ", open " + orders;
    }
}
