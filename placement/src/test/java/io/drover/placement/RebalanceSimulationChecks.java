package io.drover.placement;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

import org.jspecify.annotations.Nullable;

import io.drover.placement.RebalanceEvent.Replica;
import io.drover.placement.RebalanceLedger.Entry;
import io.drover.placement.RebalanceLedger.Outcome;

/** What must hold in a {@link RebalanceSimulation} after every event. */
final class RebalanceSimulationChecks {
    private final RebalanceSimulation simulation;
    private final Map<Replica, Long> leftAtNs = new HashMap<>();
    /** Devices whose confirmation that a slot is empty has not come back, by the order. */
    private final Map<RebalanceMove.Id, Integer> clearing = new HashMap<>();
    private @Nullable Placement newest;

    RebalanceSimulationChecks(final RebalanceSimulation simulation) {
        this.simulation = simulation;
    }

    /** A command leaves the machine. */
    void ordered(final RebalanceCommand command) {
        switch (command) {
            case RebalanceCommand.Publish publish -> published(publish.placement());
            case RebalanceCommand.Expand expand ->
                noReturn(expand.move(), new Replica(expand.layer(), expand.expert(), expand.device()));
            case RebalanceCommand.Migrate migrate ->
                noReturn(migrate.move(), new Replica(migrate.layer(), migrate.expert(), migrate.to()));
            case RebalanceCommand.Rollback rollback -> clearing.put(rollback.move(), rollback.device());
            default -> {
                // Checked where it is obeyed.
            }
        }
    }

    /** The machine is told. */
    void told(final RebalanceEvent event) {
        if (event instanceof final RebalanceEvent.DropDone done) {
            clearing.remove(done.move());
        }
    }

    private void published(final Placement placement) {
        final Placement before = newest;
        for (final Replica replica : replicas(placement)) {
            final RebalanceSimulationNode node = simulation.nodeOf(replica.device());
            if (node != null && !suits(node.device(replica.device()), replica.layer(), replica.expert())) {
                throw new AssertionError(replica + " is of another kernel family than its device");
            }
            if (node != null && !node.isLoaded(replica)) {
                throw new AssertionError("epoch " + placement.epoch() + " names " + replica + ", which is not loaded");
            }
        }
        if (before != null) {
            require(placement.epoch().compareTo(before.epoch()) >= 0, "epoch %s comes after %s", placement.epoch(),
                    before.epoch());
            for (final Replica replica : replicas(before)) {
                if (!placement.hosts(replica.device(), replica.layer(), replica.expert())) {
                    leftAtNs.put(replica, simulation.nowNs());
                }
            }
        }
        newest = placement;
    }

    private static List<Replica> replicas(final Placement placement) {
        final List<Replica> list = new ArrayList<>();
        for (int layer = 0; layer < placement.layers(); layer++) {
            for (int expert = 0; expert < placement.experts(layer); expert++) {
                for (int i = 0; i < placement.replicas(layer, expert); i++) {
                    list.add(new Replica(layer, expert, placement.device(layer, expert, i)));
                }
            }
        }
        return list;
    }

    private void noReturn(final RebalanceMove.Id move, final Replica replica) {
        final Long left = leftAtNs.get(replica);
        if (left == null || simulation.nowNs() - left >= simulation.settings.horizonNs()) {
            return;
        }
        for (final Entry entry : simulation.machine().ledger()) {
            require(!entry.move().equals(move) || entry.why() != RebalanceMove.Why.GAIN,
                    "%s returns %s to a place it left %d ms ago", move,
                    replica, (simulation.nowNs() - left) / RebalanceSimulation.MS);
        }
    }

    /** The memory of places left does not outlive a coordinator that had not saved it. */
    void coordinatorGone() {
        leftAtNs.clear();
        clearing.clear();
    }

    /** A node begins to drop a loaded replica. */
    void dropped(final Replica replica) {
        for (final RebalanceSimulationNode node : simulation.nodes.values()) {
            for (final Placement table : node.inUse) {
                require(!table.hosts(replica.device(), replica.layer(), replica.expert()),
                        "%s is dropped while node %s routes by epoch %s, which names it", replica, node.id, table.epoch());
            }
        }
        require(newest == null || !newest.hosts(replica.device(), replica.layer(), replica.expert()),
                "%s is dropped though the newest epoch names it", replica);
    }

    void afterEvent() {
        for (final RebalanceSimulationNode node : simulation.nodes.values()) {
            for (final Device device : node.devices) {
                final int occupied = node.occupied(device.ordinal());
                if (occupied > device.slots()) {
                    throw new AssertionError(
                            "device " + device.ordinal() + " holds " + occupied + " replicas in " + device.slots()
                                    + " slots");
                }
            }
        }
        final Placement table = newest;
        if (simulation.machine() != null && table != null) {
            for (int layer = 0; layer < table.layers(); layer++) {
                for (int expert = 0; expert < table.experts(layer); expert++) {
                    if (!isLive(table, layer, expert) && !isBeingRestored(layer, expert)) {
                        throw new AssertionError(
                                "L" + layer + "/E" + expert + " has no live replica, and nothing is done about it");
                    }
                }
            }
        }
    }

    private boolean isLive(final Placement table, final int layer, final int expert) {
        for (int i = 0; i < table.replicas(layer, expert); i++) {
            if (simulation.isBelievedAlive(table.device(layer, expert, i))) {
                return true;
            }
        }
        return false;
    }

    private boolean isBeingRestored(final int layer, final int expert) {
        for (final Entry entry : simulation.machine().ledger()) {
            final boolean recently = simulation.nowNs() - entry.endedNs() < simulation.settings.retryNs()
                    + 300 * RebalanceSimulation.MS;
            if (entry.layer() == layer && entry.expert() == expert
                    && (entry.outcome() == Outcome.RUNNING || entry.outcome() == Outcome.FAILED && recently)) {
                return true;
            }
        }
        for (final RebalanceSimulationNode node : simulation.nodes.values()) {
            for (final Device device : node.devices) {
                // A slot that the machine has ordered to be emptied is not its to fill before it is told so.
                if (suits(device, layer, expert) && simulation.knows(node.id) && !clearing.containsValue(device.ordinal())
                        && !simulation.machine().save().leaving().contains(node.id)
                        && hasRoom(node, device)
                        && !node.held.containsKey(new Replica(layer, expert, device.ordinal()))) {
                    return false;
                }
            }
        }
        return true;
    }

    /** Whether the machine knows that the device could take one more load at once: loads may not have reached it, nor news of drops it. */
    private boolean hasRoom(final RebalanceSimulationNode node, final Device device) {
        int loads = 0;
        int dropped = 0;
        for (final Entry entry : simulation.machine().ledger()) {
            if (entry.outcome() == Outcome.RUNNING) {
                loads += entry.to() == device.ordinal() ? 1 : 0;
                dropped += entry.from() == device.ordinal()
                        && !node.occupies(new Replica(entry.layer(), entry.expert(), device.ordinal())) ? 1 : 0;
            }
        }
        return loads < simulation.settings.loadsPerDevice()
                && node.occupied(device.ordinal()) + loads + dropped < device.slots();
    }

    private boolean suits(final Device device, final int layer, final int expert) {
        final String[][] pins = simulation.model.pins();
        return pins == null || pins[layer][expert].equals(device.kernelFamily());
    }

    /** Whether the machine has had nothing to say for longer than any of its timeouts. */
    boolean calm() {
        return simulation.nowNs() - simulation.lastCommandNs() > 2 * simulation.settings.watchdogNs();
    }

    void settled() {
        require(calm(), "there is no calm: the last of %d commands came %d ms ago", simulation.commandsSinceQuiet(),
                (simulation.nowNs() - simulation.lastCommandNs()) / RebalanceSimulation.MS);
        final Placement table = newest;
        if (simulation.nodes.size() >= simulation.settings.bootstrapNodes() && hasRoomForAll()) {
            require(simulation.machine().isIdle(), "the machine is not idle");
            final int wanted = wantedNodes();
            for (int layer = 0; layer < table.layers(); layer++) {
                for (int expert = 0; expert < table.experts(layer); expert++) {
                    final long nodes = Arrays.stream(table.toArray()[layer][expert])
                            .mapToObj(simulation::nodeOf)
                            .distinct()
                            .count();
                    require(nodes >= wanted, "L%d/E%d is on %d nodes at the end, expected %d", layer, expert, nodes, wanted);
                }
            }
        }
        // A table is for those who route by it: when the last node is gone there is nobody to publish to, and the next to join gets a new one.
        if (table != null && !simulation.nodes.isEmpty()) {
            for (final Replica replica : replicas(table)) {
                require(simulation.nodeOf(replica.device()) != null, "the last table names %s, whose node is gone", replica);
            }
            noOrphans(table);
        }
    }

    private List<RebalanceSimulationNode> staying() {
        final Set<String> leaving = simulation.machine().save().leaving();
        return simulation.nodes.values().stream().filter(node -> !leaving.contains(node.id)).toList();
    }

    /** Whether the staying devices of each family have a slot for each of its experts. */
    private boolean hasRoomForAll() {
        final Map<String, Integer> free = new HashMap<>();
        for (final RebalanceSimulationNode node : staying()) {
            node.devices.forEach(device -> free.merge(device.kernelFamily(), device.slots(), Integer::sum));
        }
        final int[] experts = simulation.model.experts();
        for (int layer = 0; layer < experts.length; layer++) {
            for (int expert = 0; expert < experts[layer]; expert++) {
                final String[][] pins = simulation.model.pins();
                if (free.merge(pins == null ? "cpu" : pins[layer][expert], -1, Integer::sum) < 0) {
                    return false;
                }
            }
        }
        return true;
    }

    /** f, if every staying node could hold every expert. */
    private int wantedNodes() {
        final int experts = Arrays.stream(simulation.model.experts()).sum();
        final List<RebalanceSimulationNode> staying = staying();
        final boolean eachHoldsAll = simulation.model.pins() == null && staying.size() >= simulation.settings.minReplicas()
                && staying.stream().allMatch(node -> node.devices.stream().mapToInt(Device::slots).sum() >= experts);
        return eachHoldsAll ? simulation.settings.minReplicas() : 1;
    }

    private void noOrphans(final Placement table) {
        for (final RebalanceSimulationNode node : simulation.nodes.values()) {
            node.held.forEach((replica, held) -> require(
                    held.state == RebalanceSimulationNode.State.GONE
                            || held.state == RebalanceSimulationNode.State.LOADED
                                    && table.hosts(replica.device(), replica.layer(), replica.expert()),
                    "%s is %s at the end, but no table names it", replica, held.state));
        }
    }

    private static void require(final boolean holds, final String message, final Object... values) {
        if (!holds) {
            throw new AssertionError(String.format(message, values));
        }
    }
}
