package io.drover.placement;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.IntSummaryStatistics;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

import org.jspecify.annotations.Nullable;

import io.drover.placement.RebalanceEvent.Replica;

/** Weighs changes of the placement in force against each other and against the cost of moving, at one moment. */
final class RebalanceScale {
    /** A replica added, dropped or both; -1 for no device. */
    record Change(int key, int from, int to) {
        Change reversed() {
            return new Change(key, to, from);
        }
    }

    /** Layers whose gain on their own is computed for one step. */
    private static final int MAX_WEIGHED = 64;

    private final Rebalance.Model model;
    private final RebalanceSettings settings;
    private final RebalancePredictor predictor;
    private final RebalanceInventory inventory;
    private final RebalanceWork work;
    private final RebalanceLedger ledger;
    private final RebalanceEvent.Window window;
    private final double caution;
    private final long nowNs;
    private final Topology topology;
    private final Placement current;
    private final double before;
    private RebalancePredictor.@Nullable Estimate estimate;

    /** @param caution factor on the cost of moving, beside the settings' safety */
    RebalanceScale(
            final Rebalance.Model model,
            final RebalanceSettings settings,
            final RebalancePredictor predictor,
            final RebalanceInventory inventory,
            final RebalanceWork work,
            final RebalanceLedger ledger,
            final RebalanceEvent.Window window,
            final double caution,
            final long nowNs) {
        this.model = model;
        this.settings = settings;
        this.predictor = predictor;
        this.inventory = inventory;
        this.work = work;
        this.ledger = ledger;
        this.window = window;
        this.caution = caution;
        this.nowNs = nowNs;
        topology = model.topology(inventory.plannable(settings.reserveSlots()));
        current = inventory.placement(Epoch.NONE);
        before = predictor.stepSeconds(window.statistics(), topology, current);
    }

    /** Whether the statistics suffice to tell. */
    boolean works() {
        return before > 0;
    }

    double beforeSeconds() {
        return before;
    }

    Topology topology() {
        return topology;
    }

    Placement current() {
        return current;
    }

    RoutingStatistics statistics() {
        return window.statistics();
    }

    /** Seconds that a step is shorter with these changes. */
    double gainSeconds(final List<Change> changes) {
        return before - predictor.stepSeconds(window.statistics(), topology, with(changes));
    }

    /** As {@link #gainSeconds}, roughly, for choosing among many; at least one change. */
    private double estimatedSeconds(final List<Change> changes) {
        if (estimate == null) {
            estimate = predictor.estimate(window.statistics(), topology, current);
        }
        final IntSummaryStatistics layers = changes.stream().mapToInt(change -> inventory.layer(change.key)).summaryStatistics();
        return estimate.gainSeconds(with(changes), layers.getMin(), layers.getMax());
    }

    static int loads(final Collection<Change> changes) {
        return (int) changes.stream().filter(change -> change.to >= 0).count();
    }

    /** Whether a gain per step exceeds, over the horizon, the time that the busiest link needs for the loads, times safety. */
    boolean pays(final double gainSeconds, final List<Change> changes) {
        final Map<Integer, Integer> loads = new HashMap<>();
        for (final Change change : changes) {
            if (change.to >= 0) {
                loads.merge(change.to, 1, Integer::sum);
            }
        }
        final int busiest = loads.values().stream().mapToInt(Integer::intValue).max().orElse(0);
        final double costSeconds = busiest * model.cost().expertBytes() / topology.link(Tier.NETWORK).bytesPerSecond()
                * (1 - settings.overlap());
        final double steps = window.tokensPerSecond() / model.cost().stepTokens() * settings.horizonNs() * 1e-9;
        return gainSeconds > 0 && gainSeconds * steps > settings.safety() * caution * costSeconds;
    }

    /** What leads to the target, without what would bring an expert back to a place that it left within the horizon. */
    List<Change> changesTo(final Placement target) {
        final List<Change> changes = new ArrayList<>();
        for (int layer = 0; layer < target.layers(); layer++) {
            for (int expert = 0; expert < target.experts(layer); expert++) {
                final int key = inventory.key(layer, expert);
                final Deque<Integer> dropped = difference(current, target, layer, expert);
                final Deque<Integer> added = difference(target, current, layer, expert);
                for (final Iterator<Integer> i = added.iterator(); i.hasNext();) {
                    final int device = i.next();
                    if (ledger.isTabu(new Replica(layer, expert, device), nowNs, settings.horizonNs())
                            || work.hasFailed(key, device, settings.retryNs(), nowNs)) {
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

    /** The layers that pay on their own, those with the largest gain per load first, at most a step's loads unless the first has more. */
    List<Change> bestLayers(final List<Change> all) {
        record Layer(List<Change> changes, double gain) {}
        final List<Layer> layers = new ArrayList<>();
        byLayer(all).stream().limit(MAX_WEIGHED).forEach(changes -> {
            final double gain = estimatedSeconds(changes);
            if (pays(gain, changes)) {
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

    /**
     * Whole layers side by side, at most a step's loads unless one layer has more: the layer with the largest gain per load, then whichever
     * neighbour gains more. Neighbours go together because what a layer gains by affinity depends on where the next one's experts are.
     */
    List<Change> bestRun(final List<Change> all) {
        final List<List<Change>> layers = List.copyOf(byLayer(all));
        int from = 0;
        double most = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < Math.min(layers.size(), MAX_WEIGHED); i++) {
            final double gain = estimatedSeconds(layers.get(i)) / Math.max(1, loads(layers.get(i)));
            if (gain > most) {
                most = gain;
                from = i;
            }
        }
        int to = from + 1;
        List<Change> chosen = layers.get(from);
        while (true) {
            final List<Change> lower = from == 0 ? List.of() : joined(layers.get(from - 1), chosen);
            final List<Change> upper = to == layers.size() ? List.of() : joined(chosen, layers.get(to));
            final boolean fitsLower = !lower.isEmpty() && loads(lower) <= settings.stepMoves();
            final boolean fitsUpper = !upper.isEmpty() && loads(upper) <= settings.stepMoves();
            if (fitsLower && (!fitsUpper || estimatedSeconds(lower) > estimatedSeconds(upper))) {
                chosen = lower;
                from--;
            } else if (fitsUpper) {
                chosen = upper;
                to++;
            } else {
                return chosen;
            }
        }
    }

    private static List<Change> joined(final List<Change> first, final List<Change> second) {
        final List<Change> both = new ArrayList<>(first);
        both.addAll(second);
        return both;
    }

    /** By layer, ascending. */
    private Collection<List<Change>> byLayer(final List<Change> changes) {
        final Map<Integer, List<Change>> byLayer = new TreeMap<>();
        for (final Change change : changes) {
            byLayer.computeIfAbsent(inventory.layer(change.key), layer -> new ArrayList<>()).add(change);
        }
        return byLayer.values();
    }

    /** Whether a change still can be made. */
    boolean applies(final Change change) {
        return (change.from < 0 || inventory.isLive(change.key, change.from))
                && (change.to < 0 || inventory.shelf(change.to) != null && !inventory.isLive(change.key, change.to));
    }

    /** The placement in force with those of the changes that still apply and leave the expert a replica. */
    private Placement with(final List<Change> changes) {
        final Map<Integer, Map<Integer, int[]>> table = new HashMap<>();
        for (final Change change : changes) {
            final int layer = inventory.layer(change.key);
            final int expert = inventory.expert(change.key);
            final Map<Integer, int[]> row = table.computeIfAbsent(layer, key -> new HashMap<>());
            final TreeSet<Integer> devices = new TreeSet<>();
            for (final int device : row.getOrDefault(expert, current.devices(layer, expert))) {
                devices.add(device);
            }
            if (change.to >= 0 && inventory.shelf(change.to) != null) {
                devices.add(change.to);
            }
            if (change.from >= 0 && devices.size() > 1) {
                devices.remove(change.from);
            }
            row.put(expert, devices.stream().mapToInt(Integer::intValue).toArray());
        }
        return current.with(table);
    }
}
