package io.drover.placement;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import io.drover.placement.RebalanceEvent.NodeReport;
import io.drover.placement.RebalanceEvent.Replica;

/** A node that obeys orders as {@link RebalanceCommand} says, and takes its time. */
final class RebalanceSimulationNode {
    enum State {
        LOADING, LOADED, DROPPING, GONE
    }

    /** What a node knows of a replica it has or had. */
    static final class Held {
        RebalanceMove.Id order;
        int phase;
        State state;

        Held(final RebalanceMove.Id order, final int phase, final State state) {
            this.order = order;
            this.phase = phase;
            this.state = state;
        }

        int compare(final RebalanceMove.Id otherOrder, final int otherPhase) {
            final int byOrder = order.compareTo(otherOrder);
            return byOrder != 0 ? byOrder : Integer.compare(phase, otherPhase);
        }
    }

    final String id;
    final List<Device> devices;
    final Map<Replica, Held> held = new HashMap<>();
    boolean alive = true;
    /** Tables that calls are routed by: the newest, and older ones until their calls have ended. */
    List<Placement> inUse = new ArrayList<>();
    private final RebalanceSimulation simulation;
    private long highestTerm;
    private @Nullable Placement table;
    private Epoch confirmed = Epoch.NONE;

    RebalanceSimulationNode(final RebalanceSimulation simulation, final String id, final List<Device> devices) {
        this.simulation = simulation;
        this.id = id;
        this.devices = devices;
    }

    Device device(final int ordinal) {
        return devices.stream().filter(device -> device.ordinal() == ordinal).findFirst().orElseThrow();
    }

    int occupied(final int ordinal) {
        int count = 0;
        for (final Replica replica : held.keySet()) {
            count += replica.device() == ordinal && occupies(replica) ? 1 : 0;
        }
        return count;
    }

    /** Whether a slot is taken by the replica: loaded, being loaded or being dropped. */
    boolean occupies(final Replica replica) {
        final Held here = held.get(replica);
        return here != null && here.state != State.GONE;
    }

    boolean isLoaded(final Replica replica) {
        final Held mine = held.get(replica);
        return mine != null && mine.state == State.LOADED;
    }

    void load(final RebalanceMove.Id order, final Replica replica) {
        if (!alive || order.term() < highestTerm) {
            return;
        }
        highestTerm = order.term();
        final Held mine = held.get(replica);
        final int known = mine == null ? -1 : mine.compare(order, 0);
        if (known > 0) {
            return;
        }
        if (known == 0) {
            switch (mine.state) {
                case LOADING -> answer(new RebalanceEvent.Acknowledged(order));
                case LOADED -> answer(new RebalanceEvent.LoadDone(order));
                default -> answer(new RebalanceEvent.LoadFailed(order, "as said before"));
            }
            return;
        }
        final Held now = new Held(order, 0, mine != null && mine.state == State.LOADED ? State.LOADED : State.LOADING);
        held.put(replica, now);
        answer(new RebalanceEvent.Acknowledged(order));
        final long takesMs = simulation.random.nextInt(15) == 0 ? 3_000 : 20 + simulation.random.nextInt(600);
        simulation.at(takesMs * RebalanceSimulation.MS, () -> finishLoad(now, order));
    }

    private void finishLoad(final Held now, final RebalanceMove.Id order) {
        if (!alive || now.state != State.LOADING || !now.order.equals(order)) {
            return;
        }
        if (simulation.fails()) {
            now.state = State.GONE;
            answer(new RebalanceEvent.LoadFailed(order, "digest differs"));
        } else {
            now.state = State.LOADED;
            answer(new RebalanceEvent.LoadDone(order));
        }
    }

    void drop(final RebalanceMove.Id order, final Replica replica) {
        if (!alive || order.term() < highestTerm) {
            return;
        }
        highestTerm = order.term();
        final Held mine = held.computeIfAbsent(replica, r -> new Held(order, 0, State.GONE));
        final int known = mine.compare(order, 1);
        if (known > 0 || known == 0 && mine.state == State.DROPPING) {
            return;
        }
        mine.order = order;
        mine.phase = 1;
        if (mine.state == State.LOADED) {
            simulation.checkDrop(replica);
            mine.state = State.DROPPING;
            simulation.at((5 + simulation.random.nextInt(100)) * RebalanceSimulation.MS, () -> finishDrop(mine, order));
        } else if (mine.state != State.DROPPING) {
            mine.state = State.GONE;
            answer(new RebalanceEvent.DropDone(order));
        } else {
            simulation.at(50 * RebalanceSimulation.MS, () -> finishDrop(mine, order));
        }
    }

    private void finishDrop(final Held mine, final RebalanceMove.Id order) {
        if (alive && mine.order.equals(order)) {
            mine.state = State.GONE;
            answer(new RebalanceEvent.DropDone(order));
        }
    }

    void route(final Placement placement) {
        final Epoch epoch = placement.epoch();
        if (!alive || epoch.term() < highestTerm) {
            return;
        }
        highestTerm = epoch.term();
        final int order = table == null ? 1 : epoch.compareTo(table.epoch());
        if (order > 0) {
            table = placement;
            inUse.add(placement);
            simulation.at((1 + simulation.random.nextInt(100)) * RebalanceSimulation.MS, () -> confirm(placement));
        } else if (order == 0 && confirmed.equals(epoch)) {
            answer(new RebalanceEvent.EpochApplied(id, epoch));
        }
    }

    private void confirm(final Placement placement) {
        if (alive && table == placement) {
            inUse = new ArrayList<>(List.of(placement));
            confirmed = placement.epoch();
            answer(new RebalanceEvent.EpochApplied(id, confirmed));
        }
    }

    NodeReport report(final long term) {
        highestTerm = Math.max(highestTerm, term);
        final List<Replica> loaded = new ArrayList<>();
        final List<Replica> busy = new ArrayList<>();
        held.forEach((replica, mine) -> {
            switch (mine.state) {
                case LOADED -> loaded.add(replica);
                case LOADING, DROPPING -> busy.add(replica);
                case GONE -> {
                    // Nothing to report.
                }
            }
        });
        return new NodeReport(id, devices, loaded, busy, confirmed);
    }

    private void answer(final RebalanceEvent event) {
        simulation.send(() -> simulation.tell(event));
    }
}
