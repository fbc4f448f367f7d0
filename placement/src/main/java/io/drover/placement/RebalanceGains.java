package io.drover.placement;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

import org.jspecify.annotations.Nullable;

import io.drover.placement.RebalanceEvent.Replica;
import io.drover.placement.RebalanceMove.Why;

/**
 * What is done because it gains. On each window, unless something urgent or an earlier step is under way:
 *
 * <pre>
 * resting  -> moving   the plan's predicted gain is at least enterGain, or the operator asked
 * moving   -> resting  it is below leaveGain
 * moving   -> moving   one step: the layers with the largest gain, up to stepMoves loads, if the gain over the horizon exceeds
 *                      safety x the time that the busiest link needs for the loads
 * step     -> judged   evaluateAfter its end: gain on the routing since; worse than without it: undone, if that pays in its turn
 * </pre>
 *
 * A plan's changes that would bring an expert back to a device that it left within the horizon are struck out before the plan is weighed.
 */
final class RebalanceGains {
    /** Layers of a plan that are weighed on their own when the plan is too large for one step. */
    private static final int MAX_WEIGHED = 64;
    private static final double MAX_CAUTION = 16;

    /** A replica added, dropped or both; -1 for no device. */
    private record Change(int key, int from, int to) {
        Change reversed() {
            return new Change(key, to, from);
        }
    }

    private static final class Step {
        final long id;
        final Why why;
        final double gain;
        final Deque<Change> pending;
        final List<Change> started = new ArrayList<>();
        final long decidedNs;
        long doneNs = Long.MAX_VALUE;

        Step(final long id, final Why why, final double gain, final List<Change> changes, final long decidedNs) {
            this.id = id;
            this.why = why;
            this.gain = gain;
            this.decidedNs = decidedNs;
            pending = new ArrayDeque<>(changes);
        }
    }

    private final Rebalance.Model model;
    private final RebalanceSettings settings;
    private final Planner planner;
    private final RebalancePredictor predictor;
    private final RebalanceInventory inventory;
    private final RebalanceWork work;
    private final RebalanceLedger ledger;
    private final long seed;
    private final Deque<Step> unjudged = new ArrayDeque<>();
    private @Nullable Step step;
    private long lastStep;
    private boolean moving;
    private double caution = 1;
    private RebalanceEvent.@Nullable Window window;

    RebalanceGains(
            final Rebalance.Model model,
            final RebalanceSettings settings,
            final Planner planner,
            final RebalancePredictor predictor,
            final RebalanceInventory inventory,
            final RebalanceWork work,
            final RebalanceLedger ledger,
            final long seed) {
        this.model = model;
        this.settings = settings;
        this.planner = planner;
        this.predictor = predictor;
        this.inventory = inventory;
        this.work = work;
        this.ledger = ledger;
        this.seed = seed;
    }

    double caution() {
        return caution;
    }

    void resume(final double savedCaution, final long savedStep) {
        caution = Math.clamp(savedCaution, 1, MAX_CAUTION);
        lastStep = savedStep;
    }

    boolean isIdle() {
        return step == null;
    }

    void observe(final RebalanceEvent.Window newest) {
        window = newest;
    }

    /** Judges what is old enough, then decides on one step. @param forced without regard to the thresholds of gain */
    void decide(final boolean forced, final long nowNs) {
        final RebalanceEvent.Window now = window;
        if (now == null || step != null || inventory.anyLost() || work.isLoading()) {
            return;
        }
        ledger.forgetPlaces(nowNs - settings.horizonNs());
        final List<Device> devices = inventory.plannable(settings.reserveSlots());
        if (devices.isEmpty()) {
            return;
        }
        final Topology topology = model.topology(devices);
        final Placement current = inventory.placement(Epoch.NONE);
        final double before = predictor.stepSeconds(now.statistics(), topology, current);
        if (!(before > 0) || judge(current, topology, before, now, nowNs)) {
            return;
        }
        final Placement target = plan(topology, current, now.statistics());
        if (target != null) {
            weigh(current, target, topology, before, forced, now, nowNs);
        }
    }

    private @Nullable Placement plan(final Topology topology, final Placement current, final RoutingStatistics statistics) {
        final Budget small = new Budget(settings.minReplicas(), settings.stepMoves() * model.cost().expertBytes());
        try {
            return planWithin(small, topology, current, statistics);
        } catch (final PlanningException tooMuch) {
            try {
                // A planner that plans from nothing cannot keep to a few moves; the step takes the best part of its plan.
                return planWithin(new Budget(settings.minReplicas(), Long.MAX_VALUE), topology, current, statistics);
            } catch (final PlanningException e) {
                work.alert(RebalanceCommand.Kind.PLAN_REFUSED, String.valueOf(e.getMessage()),
                        planner.name() + ": " + e.getMessage());
                return null;
            }
        }
    }

    private Placement planWithin(
            final Budget budget, final Topology topology, final Placement current, final RoutingStatistics statistics) {
        final PlanRequest request = new PlanRequest(statistics, topology, current, budget, model.cost(), seed, settings.effort());
        final Placement target = planner.plan(request);
        request.check(target);
        return target;
    }

    private void weigh(
            final Placement current,
            final Placement target,
            final Topology topology,
            final double before,
            final boolean forced,
            final RebalanceEvent.Window now,
            final long nowNs) {
        final List<Change> all = changes(current, target, nowNs);
        if (all.isEmpty()) {
            moving = false;
            return;
        }
        final double gain = before - after(current, all, topology, now);
        if (!forced && gain < (moving ? settings.leaveGain() : settings.enterGain()) * before || gain <= 0) {
            moving = false;
            return;
        }
        moving = true;
        List<Change> chosen = all;
        double chosenGain = gain;
        if (loads(all) > settings.stepMoves() || !pays(gain, all, topology, now)) {
            chosen = bestLayers(current, all, topology, before, now);
            chosenGain = chosen.isEmpty() ? 0 : before - after(current, chosen, topology, now);
        }
        if (!chosen.isEmpty() && pays(chosenGain, chosen, topology, now)) {
            begin(Why.GAIN, chosenGain / before, chosen, nowNs);
        }
    }

    /** Changes of the layers that pay on their own, the largest gain first, as far as a step goes. */
    private List<Change> bestLayers(
            final Placement current, final List<Change> all, final Topology topology, final double before,
            final RebalanceEvent.Window now) {
        record Layer(List<Change> changes, double gain) {}
        final Map<Integer, List<Change>> byLayer = new HashMap<>();
        for (final Change change : all) {
            byLayer.computeIfAbsent(inventory.layer(change.key), layer -> new ArrayList<>()).add(change);
        }
        final List<Layer> layers = new ArrayList<>();
        byLayer.values()
                .stream()
                .sorted(Comparator.comparingInt((List<Change> changes) -> inventory.layer(changes.getFirst().key)))
                .limit(MAX_WEIGHED)
                .forEach(changes -> {
                    final double gain = before - after(current, changes, topology, now);
                    if (gain > 0 && pays(gain, changes, topology, now)) {
                        layers.add(new Layer(changes, gain));
                    }
                });
        layers.sort(Comparator.comparingDouble((Layer layer) -> -layer.gain / Math.max(1, loads(layer.changes))));
        final List<Change> chosen = new ArrayList<>();
        for (final Layer layer : layers) {
            if (chosen.isEmpty() || loads(chosen) + loads(layer.changes) <= settings.stepMoves()) {
                chosen.addAll(layer.changes);
            }
        }
        return chosen;
    }

    private static int loads(final List<Change> changes) {
        return (int) changes.stream().filter(change -> change.to >= 0).count();
    }

    /** @param gainSeconds saved per step */
    private boolean pays(
            final double gainSeconds, final List<Change> changes, final Topology topology, final RebalanceEvent.Window now) {
        final Map<Integer, Integer> loads = new HashMap<>();
        for (final Change change : changes) {
            if (change.to >= 0) {
                loads.merge(change.to, 1, Integer::sum);
            }
        }
        final int busiest = loads.values().stream().mapToInt(Integer::intValue).max().orElse(0);
        final double costSeconds = busiest * model.cost().expertBytes() / topology.link(Tier.NETWORK).bytesPerSecond()
                * (1 - settings.overlap());
        final double steps = now.tokensPerSecond() / model.cost().stepTokens() * settings.horizonNs() * 1e-9;
        return gainSeconds > 0 && gainSeconds * steps > settings.safety() * caution * costSeconds;
    }

    private List<Change> changes(final Placement current, final Placement target, final long nowNs) {
        final List<Change> changes = new ArrayList<>();
        for (int layer = 0; layer < target.layers(); layer++) {
            for (int expert = 0; expert < target.experts(layer); expert++) {
                final int key = inventory.key(layer, expert);
                final Deque<Integer> dropped = difference(current, target, layer, expert);
                final Deque<Integer> added = difference(target, current, layer, expert);
                for (final Iterator<Integer> i = added.iterator(); i.hasNext();) {
                    final int device = i.next();
                    if (ledger.isTabu(new Replica(layer, expert, device), nowNs, settings.horizonNs())
                            || work.isBarred(key, device, nowNs)) {
                        i.remove();
                        // Its counterpart stays too, or the expert would have fewer replicas than planned.
                        dropped.pollLast();
                    }
                }
                while (!dropped.isEmpty() || !added.isEmpty()) {
                    changes.add(new Change(key, dropped.isEmpty() ? -1 : dropped.poll(), added.isEmpty() ? -1 : added.poll()));
                }
            }
        }
        return changes;
    }

    private static Deque<Integer> difference(final Placement of, final Placement without, final int layer, final int expert) {
        final Deque<Integer> devices = new ArrayDeque<>();
        for (int i = 0; i < of.replicas(layer, expert); i++) {
            if (!without.hosts(of.device(layer, expert, i), layer, expert)) {
                devices.add(of.device(layer, expert, i));
            }
        }
        return devices;
    }

    private double after(
            final Placement current, final List<Change> changes, final Topology topology, final RebalanceEvent.Window now) {
        return predictor.stepSeconds(now.statistics(), topology, with(current, changes));
    }

    /** The placement with those of the changes that still apply and leave the expert a replica. */
    private Placement with(final Placement current, final List<Change> changes) {
        final int[][][] table = current.toArray();
        for (final Change change : changes) {
            final int layer = inventory.layer(change.key);
            final int expert = inventory.expert(change.key);
            final Set<Integer> devices = new HashSet<>();
            for (final int device : table[layer][expert]) {
                devices.add(device);
            }
            if (change.to >= 0 && inventory.shelf(change.to) != null) {
                devices.add(change.to);
            }
            if (change.from >= 0 && devices.size() > 1) {
                devices.remove(change.from);
            }
            table[layer][expert] = devices.stream().mapToInt(Integer::intValue).toArray();
        }
        return Placement.of(Epoch.NONE, table);
    }

    private void begin(final Why why, final double gain, final List<Change> changes, final long nowNs) {
        final List<Change> ordered = new ArrayList<>(changes);
        ordered.sort(Comparator.comparingInt(change -> change.to < 0 ? 0 : 1));
        step = new Step(++lastStep, why, gain, ordered, nowNs);
        pump(nowNs);
    }

    /** Starts those changes of the step that there is room for. */
    void pump(final long nowNs) {
        final Step now = step;
        if (now == null) {
            return;
        }
        for (final Iterator<Change> i = now.pending.iterator(); i.hasNext();) {
            final Change change = i.next();
            final boolean stale = change.from >= 0 && !inventory.isLive(change.key, change.from)
                    || change.to >= 0 && inventory.shelf(change.to) == null
                    || change.to < 0 && !work.canDrop(change.key, change.from);
            if (stale) {
                i.remove();
            } else if (change.to < 0 || work.canLoad(change.key, change.to)) {
                i.remove();
                now.started.add(change);
                work.start(now.why, change.key, change.from, change.to, now.id, now.gain, nowNs);
            }
        }
        // Loads that are done may wait long for a node that does not confirm; that must not hold up the next step.
        final boolean late = nowNs - now.decidedNs >= settings.loadNs();
        if (underWay(late)) {
            return;
        }
        if (now.pending.isEmpty() || late || work.isIdle()) {
            step = null;
            if (!now.started.isEmpty() && now.why == Why.GAIN) {
                now.doneNs = nowNs;
                unjudged.add(now);
            }
        }
    }

    private boolean underWay(final boolean loadsOnly) {
        for (final RebalanceMove move : work.moves()) {
            if ((move.why == Why.GAIN || move.why == Why.UNDO) && (!loadsOnly || move.phase == RebalanceMove.Phase.LOADING)) {
                return true;
            }
        }
        return false;
    }

    /** Something urgent has come up: what has not begun is dropped. */
    void yieldTo(final long nowNs) {
        if (step != null) {
            step.pending.clear();
            pump(nowNs);
        }
    }

    /** @return whether a step is being undone */
    private boolean judge(
            final Placement current, final Topology topology, final double with, final RebalanceEvent.Window now,
            final long nowNs) {
        while (!unjudged.isEmpty() && nowNs - unjudged.peek().doneNs >= settings.evaluateAfterNs()) {
            final Step done = unjudged.poll();
            final List<Change> undo = new ArrayList<>();
            done.started.forEach(change -> undo.add(change.reversed()));
            undo.removeIf(change -> !applies(change));
            if (undo.isEmpty()) {
                continue;
            }
            final double without = after(current, undo, topology, now);
            final double realised = (without - with) / without;
            ledger.realise(done.id, realised);
            if (realised < done.gain / 2) {
                caution = Math.min(MAX_CAUTION, caution * 1.3);
            } else {
                caution = Math.max(1, caution * 0.85);
            }
            if (realised < 0 && pays(with - without, undo, topology, now)) {
                work.emit(new RebalanceCommand.Alert(RebalanceCommand.Kind.DID_NOT_PAY, String.format(Locale.ROOT,
                        "step %d was to save %.1f %% and costs %.1f %%; its %d moves are undone", done.id, 100 * done.gain,
                        -100 * realised, undo.size())));
                begin(Why.UNDO, -realised, undo, nowNs);
                return true;
            }
        }
        return false;
    }

    private boolean applies(final Change change) {
        return (change.from < 0 || inventory.isLive(change.key, change.from))
                && (change.to < 0 || inventory.shelf(change.to) != null && !inventory.isLive(change.key, change.to));
    }
}
