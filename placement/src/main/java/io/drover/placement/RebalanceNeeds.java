package io.drover.placement;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

import org.jspecify.annotations.Nullable;

import io.drover.placement.RebalanceInventory.Shelf;
import io.drover.placement.RebalanceMove.Phase;
import io.drover.placement.RebalanceMove.Why;

/**
 * What must be done whether it gains or not, most urgent first: experts without a live replica are loaded, the most called first; then
 * those with fewer than f on distinct nodes; then nodes that want to leave are emptied. Each goes to the emptiest device that may hold it.
 * Where there is no room, a load for gain is given up, or a replica that its expert can spare is dropped. An expert without a live replica
 * that no staying device will ever have room for goes to one that is leaving, until there is another place.
 */
final class RebalanceNeeds {
    private final RebalanceSettings settings;
    private final RebalanceInventory inventory;
    private final RebalanceWork work;
    private final Set<String> leaving = new HashSet<>();
    private final Set<String> released = new HashSet<>();
    /** Devices that can begin a load now. */
    private final List<Shelf> open = new ArrayList<>();
    /** Whether any device has a free slot. */
    private boolean room;
    /** The inventory's version when all was last found to be done that can be done, -1 if it was not. */
    private long settledAt = -1;
    private @Nullable RoutingStatistics statistics;

    RebalanceNeeds(final RebalanceSettings settings, final RebalanceInventory inventory, final RebalanceWork work) {
        this.settings = settings;
        this.inventory = inventory;
        this.work = work;
    }

    void observe(final RoutingStatistics newest) {
        statistics = newest;
        settledAt = -1;
    }

    void leave(final String nodeId) {
        leaving.add(nodeId);
        settledAt = -1;
        for (final Shelf shelf : inventory.shelves()) {
            if (shelf.device.nodeId().equals(nodeId)) {
                shelf.leaving = true;
                inventory.touch(shelf.device.ordinal());
            }
        }
    }

    void stay(final String nodeId, final long nowNs) {
        if (leaving.remove(nodeId)) {
            released.remove(nodeId);
            settledAt = -1;
            for (final Shelf shelf : inventory.shelves()) {
                if (shelf.device.nodeId().equals(nodeId)) {
                    shelf.leaving = false;
                    inventory.touch(shelf.device.ordinal());
                    for (final RebalanceMove move : work.moves().all()) {
                        if (move.why == Why.DRAIN && move.from == shelf.device.ordinal()) {
                            work.cancel(move, "node " + nodeId + " stays", nowNs);
                        }
                    }
                }
            }
        }
    }

    void lost(final String nodeId) {
        settledAt = -1;
        leaving.remove(nodeId);
        released.remove(nodeId);
    }

    Set<String> leaving() {
        return Set.copyOf(leaving);
    }

    /** Whether a move that must be made is under way, or is wanted. */
    boolean isUrgent() {
        return inventory.anyLost() || work.moves().anyLoadingByNeed();
    }

    void advance(final long nowNs) {
        // Most events change nothing here; only a device that is spared an expert may be asked again for no reason but time.
        if (settledAt == inventory.version() && !work.anyFailed()) {
            return;
        }
        settledAt = inventory.version();
        meet(nowNs);
        if (settledAt != inventory.version()) {
            settledAt = -1;
        }
    }

    private void meet(final long nowNs) {
        final boolean wanted = inventory.anyWanting();
        if (wanted || !leaving.isEmpty()) {
            findOpen();
        }
        if (wanted && open.isEmpty() && room) {
            // Every device with room is as busy as it may be: whoever is left waits for its turn.
            return;
        }
        final Map<Integer, Integer> promised = new HashMap<>();
        final Set<String> unplaceable = new HashSet<>();
        final Set<String> tooFew = new HashSet<>();
        // Whether an expert without a replica waits for a place, which a further replica of another must then not take.
        boolean waiting = false;
        for (final int key : inOrder(inventory.wanting())) {
            if (open.isEmpty() && room) {
                return;
            }
            final boolean lost = inventory.liveDevices(key).length == 0;
            if (lost && work.revive(key, nowNs)) {
                continue;
            }
            waiting |= lost && !supply(key, true, promised, unplaceable, nowNs);
            if (!lost && !waiting) {
                supply(key, false, promised, tooFew, nowNs);
            }
        }
        work.keepAlerts(RebalanceCommand.Kind.EXPERT_UNPLACEABLE, unplaceable);
        work.keepAlerts(RebalanceCommand.Kind.TOO_FEW_REPLICAS, tooFew);
        if (!waiting) {
            drain(promised, nowNs);
        }
    }

    private void findOpen() {
        open.clear();
        room = false;
        for (final Shelf shelf : inventory.shelves()) {
            if (shelf.used() < shelf.slots && !shelf.leaving) {
                room = true;
                if (work.moves().loads(shelf.device.ordinal()) < settings.loadsPerDevice()) {
                    open.add(shelf);
                }
            }
        }
    }

    private void load(final Why why, final int key, final int from, final Shelf place, final long nowNs) {
        final int device = place.device.ordinal();
        work.start(why, key, from, device, 0, Double.NaN, nowNs);
        if (place.used() >= place.slots || work.moves().loads(device) >= settings.loadsPerDevice()) {
            open.remove(place);
        }
    }

    private List<Integer> inOrder(final List<Integer> wanting) {
        if (statistics != null && wanting.size() > 1) {
            wanting.sort(Comparator.comparingInt((Integer key) -> Math.min(1, inventory.liveDevices(key).length))
                    .thenComparingDouble(key -> -calls(key)));
        }
        return wanting;
    }

    private double calls(final int key) {
        return statistics == null ? 0 : statistics.calls(inventory.layer(key), inventory.expert(key));
    }

    /** @return whether nothing is missing that is not being loaded */
    private boolean supply(
            final int key, final boolean lost, final Map<Integer, Integer> promised, final Set<String> without,
            final long nowNs) {
        final Set<String> nodes = new HashSet<>();
        for (final int device : inventory.liveDevices(key)) {
            nodes.add(node(device));
        }
        for (final RebalanceMove move : work.moves().of(key)) {
            if (move.phase == Phase.LOADING) {
                nodes.add(node(move.to));
            }
        }
        while (nodes.size() < (lost ? 1 : settings.minReplicas())) {
            final Shelf spared = place(key, nodes, settings.retryNs(), nowNs);
            // Nobody else can answer for an expert that is lost: then even where its load has failed it is soon tried again.
            final Shelf place = spared == null && lost ? place(key, nodes, settings.acknowledgeNs(), nowNs) : spared;
            if (place == null) {
                if (!awaitRoom(key, lost, nodes, promised, nowNs)) {
                    if (!lost) {
                        raise(key, false, without);
                    } else if (lastResort(key, without, nowNs)) {
                        return true;
                    }
                }
                return false;
            }
            load(lost ? Why.RESTORE : Why.FLOOR, key, -1, place, nowNs);
            nodes.add(place.device.nodeId());
        }
        return true;
    }

    private boolean awaitRoom(
            final int key, final boolean lost, final Set<String> nodes, final Map<Integer, Integer> promised, final long nowNs) {
        return willHaveRoom(key, nodes, promised)
                || makeRoom(key, nodes, lost ? 1 : settings.minReplicas(), promised, nowNs);
    }

    /** Loads a lost expert on a device that is leaving. @return whether it is being loaded, and not waiting for its turn */
    private boolean lastResort(final int key, final Set<String> without, final long nowNs) {
        boolean hope = false;
        Shelf best = null;
        for (final Shelf shelf : inventory.shelves()) {
            final int device = shelf.device.ordinal();
            if (shelf.leaving && inventory.runs(key, shelf.device)
                    && (shelf.transitional.contains(key) || shelf.used() < shelf.slots)) {
                hope = true;
                if (!shelf.holds(key) && work.moves().loads(device) < settings.loadsPerDevice()
                        && !work.hasFailed(key, device, settings.acknowledgeNs(), nowNs)
                        && (best == null || (long) shelf.used() * best.slots < (long) best.used() * shelf.slots)) {
                    best = shelf;
                }
            }
        }
        if (best != null) {
            released.remove(best.device.nodeId());
            load(Why.RESTORE, key, -1, best, nowNs);
        } else if (!hope) {
            raise(key, true, without);
        }
        return best != null;
    }

    private void raise(final int key, final boolean lost, final Set<String> without) {
        final String name = "L" + inventory.layer(key) + "/E" + inventory.expert(key);
        without.add(name);
        work.alert(lost ? RebalanceCommand.Kind.EXPERT_UNPLACEABLE : RebalanceCommand.Kind.TOO_FEW_REPLICAS, name,
                name + " has " + inventory.liveDevices(key).length + " live replicas, expected " + settings.minReplicas()
                        + " on distinct nodes; no device has room for another");
    }

    private String node(final int device) {
        final Shelf shelf = inventory.shelf(device);
        return shelf == null ? "" : shelf.device.nodeId();
    }

    /**
     * The emptiest device, relative to its slots, that can begin a load of the expert now, has not failed to within the last
     * {@code spareNs}, and is on none of the nodes.
     */
    private @Nullable Shelf place(final int key, final Set<String> nodes, final long spareNs, final long nowNs) {
        Shelf best = null;
        for (final Shelf shelf : open) {
            if (!nodes.contains(shelf.device.nodeId()) && inventory.suits(key, shelf)
                    && (best == null || (long) shelf.used() * best.slots < (long) best.used() * shelf.slots)
                    && !work.hasFailed(key, shelf.device.ordinal(), spareNs, nowNs)) {
                best = shelf;
            }
        }
        return best;
    }

    /** Whether some device will be able to hold the expert without further decision: it has room, or a slot becomes free. */
    private boolean willHaveRoom(final int key, final Set<String> nodes, final Map<Integer, Integer> promised) {
        for (final Shelf shelf : inventory.shelves()) {
            final int device = shelf.device.ordinal();
            final int open = shelf.slots - shelf.used() + work.moves().freeing(device) - promised.getOrDefault(device, 0);
            final boolean comesBack = shelf.transitional.contains(key) && !shelf.leaving && inventory.runs(key, shelf.device);
            if (open > 0 && !nodes.contains(shelf.device.nodeId()) && (inventory.suits(key, shelf) || comesBack)) {
                promised.merge(device, 1, Integer::sum);
                return true;
            }
        }
        return false;
    }

    private boolean makeRoom(
            final int key, final Set<String> nodes, final int floor, final Map<Integer, Integer> promised, final long nowNs) {
        for (final RebalanceMove move : work.moves().all()) {
            final Shelf shelf = inventory.shelf(move.to);
            if (move.phase == Phase.LOADING && move.why.compareTo(Why.DRAIN) > 0 && shelf != null && inventory.suits(key, shelf)
                    && !nodes.contains(shelf.device.nodeId())) {
                work.cancel(move, "its slot is needed for L" + inventory.layer(key) + "/E" + inventory.expert(key), nowNs);
                promised.merge(move.to, 1, Integer::sum);
                return true;
            }
        }
        int victim = -1;
        int victimDevice = -1;
        for (final int candidate : inventory.repeated()) {
            for (final int device : inventory.liveDevices(candidate)) {
                final Shelf shelf = inventory.shelf(device);
                if (shelf != null && inventory.suits(key, shelf) && !nodes.contains(shelf.device.nodeId())
                        && inventory.canSpare(candidate, device, floor) && inventory.stayingNodes(candidate, device) >= floor
                        && (victim < 0 || sparesBetter(candidate, device, victim, victimDevice))) {
                    victim = candidate;
                    victimDevice = device;
                }
            }
        }
        if (victim < 0) {
            return false;
        }
        work.start(Why.ROOM, victim, victimDevice, -1, 0, Double.NaN, nowNs);
        promised.merge(victimDevice, 1, Integer::sum);
        return true;
    }

    /** The one with more replicas, then the one that is called less, then the one on the lower device. */
    private boolean sparesBetter(final int candidate, final int device, final int victim, final int victimDevice) {
        if (candidate == victim) {
            return device < victimDevice;
        }
        final int more = Integer.compare(inventory.liveDevices(candidate).length, inventory.liveDevices(victim).length);
        if (more != 0) {
            return more > 0;
        }
        final int fewer = Double.compare(calls(victim), calls(candidate));
        return fewer != 0 ? fewer > 0 : device < victimDevice;
    }

    private void drain(final Map<Integer, Integer> promised, final long nowNs) {
        final Set<String> blocked = new HashSet<>();
        for (final String nodeId : leaving) {
            boolean empty = true;
            for (final Shelf shelf : inventory.shelves()) {
                if (shelf.device.nodeId().equals(nodeId)) {
                    empty &= shelf.used() == 0;
                    for (final int key : new ArrayList<>(shelf.live)) {
                        drain(key, shelf, promised, blocked, nowNs);
                    }
                }
            }
            if (empty && released.add(nodeId)) {
                work.emit(new RebalanceCommand.Released(nodeId));
            }
        }
        work.keepAlerts(RebalanceCommand.Kind.DRAIN_BLOCKED, blocked);
    }

    private void drain(
            final int key, final Shelf shelf, final Map<Integer, Integer> promised, final Set<String> blocked, final long nowNs) {
        final int device = shelf.device.ordinal();
        if (work.moves().of(key).stream().anyMatch(move -> move.phase == Phase.LOADING)) {
            return;
        }
        if (inventory.stayingNodes(key, device) >= settings.minReplicas()) {
            work.start(Why.DRAIN, key, device, -1, 0, Double.NaN, nowNs);
            return;
        }
        final Set<String> nodes = new HashSet<>();
        for (final int live : inventory.liveDevices(key)) {
            nodes.add(node(live));
        }
        final Shelf place = place(key, nodes, settings.retryNs(), nowNs);
        if (place != null) {
            load(Why.DRAIN, key, device, place, nowNs);
        } else if (!willHaveRoom(key, nodes, promised) && !makeRoom(key, nodes, settings.minReplicas(), promised, nowNs)) {
            final String nodeId = shelf.device.nodeId();
            blocked.add(nodeId);
            work.alert(RebalanceCommand.Kind.DRAIN_BLOCKED, nodeId,
                    "node " + nodeId + " wants to leave, but no other node has room for L"
                            + inventory.layer(key) + "/E" + inventory.expert(key));
        }
    }
}
