package io.drover.placement;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

import io.drover.placement.RebalanceEvent.Replica;
import io.drover.placement.RebalanceLedger.Entry;
import io.drover.placement.RebalanceLedger.Outcome;
import io.drover.placement.RebalanceMove.Phase;
import io.drover.placement.RebalanceMove.Why;

/**
 * Carries out moves, one phase after another; decides nothing but what safety demands. The transitions of a move:
 *
 * <pre>
 * start(to)      -> LOADING      Expand or Migrate sent, a slot of the target taken
 * start(from)    -> RETIRING     the next epoch does not name the replica
 * LOADING        -> RETIRING     LoadDone: the next epoch names the new replica, and not the old one if enough others stay
 * LOADING        -> ended        LoadDone without a replica to leave; LoadFailed; target lost
 * LOADING        -> DISCARDING   load timed out, order not acknowledged, or cancelled: Rollback sent
 * RETIRING       -> DROPPING     every node has confirmed an epoch without the replica: Shrink sent
 * RETIRING       -> ended        revived, because the expert is needed; device lost
 * DROPPING       -> ended        DropDone or device lost; its slot is free
 * DISCARDING     -> ended        DropDone or device lost; its slot is free
 * </pre>
 *
 * LOADING, DROPPING and DISCARDING send their order again until it is answered.
 */
final class RebalanceWork {
    private final RebalanceSettings settings;
    private final long expertBytes;
    private final RebalanceInventory inventory;
    private final RebalanceEpochs epochs;
    private final RebalanceLedger ledger;
    private final RebalanceMoves moves;
    private final Map<Replica, Long> failedNs = new HashMap<>();
    private final Set<String> alerts = new HashSet<>();
    private List<RebalanceCommand> out = new ArrayList<>();
    private long term;
    private long lastNumber;
    private boolean tableChanged;
    private boolean tableUrgent;
    private long lastProgressNs;

    RebalanceWork(
            final RebalanceSettings settings,
            final long expertBytes,
            final RebalanceInventory inventory,
            final RebalanceEpochs epochs,
            final RebalanceLedger ledger,
            final long term) {
        this.settings = settings;
        this.expertBytes = expertBytes;
        this.inventory = inventory;
        moves = new RebalanceMoves(inventory);
        this.epochs = epochs;
        this.ledger = ledger;
        this.term = term;
    }

    void restart(final long newTerm) {
        term = newTerm;
        lastNumber = 0;
    }

    List<RebalanceCommand> takeCommands() {
        final List<RebalanceCommand> taken = out;
        out = new ArrayList<>();
        return taken;
    }

    void emit(final RebalanceCommand command) {
        out.add(command);
    }

    /** Raises an alert, once until it is cleared. */
    void alert(final RebalanceCommand.Kind kind, final String subject, final String message) {
        if (alerts.add(kind + " " + subject)) {
            out.add(new RebalanceCommand.Alert(kind, message));
        }
    }

    void clearAlert(final RebalanceCommand.Kind kind, final String subject) {
        alerts.remove(kind + " " + subject);
    }

    /** Keeps the alerts of one kind whose subjects still stand. */
    void keepAlerts(final RebalanceCommand.Kind kind, final Set<String> subjects) {
        alerts.removeIf(alert -> alert.startsWith(kind + " ") && !subjects.contains(alert.substring(kind.name().length() + 1)));
    }

    RebalanceMoves moves() {
        return moves;
    }

    boolean tableChanged() {
        return tableChanged;
    }

    /** Whether the change cannot wait until the next table is due. */
    boolean tableUrgent() {
        return tableUrgent;
    }

    /** A node has come or gone, or an expert has a place again. */
    void changeTable() {
        tableChanged = true;
        tableUrgent = true;
    }

    void progress(final long nowNs) {
        lastProgressNs = nowNs;
        clearAlert(RebalanceCommand.Kind.STALLED, "");
    }

    long lastProgressNs() {
        return lastProgressNs;
    }

    /** Whether a load of the expert could begin on the device now. */
    boolean canLoad(final int key, final int device) {
        final RebalanceInventory.Shelf shelf = inventory.shelf(device);
        return shelf != null && inventory.suits(key, shelf) && shelf.used() < shelf.slots
                && moves.loads(device) < settings.loadsPerDevice();
    }

    /** Whether the device has failed to load the expert within the last {@code forNs}. */
    boolean hasFailed(final int key, final int device, final long forNs, final long nowNs) {
        final Long failed = failedNs.get(replica(key, device));
        return failed != null && nowNs - failed < forNs;
    }

    /** Whether some device is spared some expert. */
    boolean anyFailed() {
        return !failedNs.isEmpty();
    }

    private Replica replica(final int key, final int device) {
        return new Replica(inventory.layer(key), inventory.expert(key), device);
    }

    /**
     * Begins a move that {@link #canLoad} and {@link #canDrop} allow.
     *
     * @param from device to leave, -1 for none
     * @param to   device to load on, -1 for none
     * @param step of the ledger; 0 for none
     * @param gain predicted, NaN for none
     */
    void start(final Why why, final int key, final int from, final int to, final long step, final double gain, final long nowNs) {
        final RebalanceMove move = newMove(why, key, from, to, nowNs);
        ledger.add(new Entry(move.id, step, why, move.layer, move.expert, from, to, to >= 0 ? expertBytes : 0, nowNs,
                Long.MAX_VALUE, Outcome.RUNNING, gain, Double.NaN, ""));
        if (to >= 0) {
            inventory.makeTransitional(key, to);
            move.deadlineNs = nowNs + settings.loadNs();
            send(move, nowNs);
        } else {
            retire(move, nowNs);
        }
        progress(nowNs);
    }

    /** Orders a device to get rid of something that no table names: what an earlier coordinator had begun, or what it may not hold. */
    void clear(final int key, final int device, final long nowNs) {
        final RebalanceMove move = newMove(Why.CLEAR, key, -1, device, nowNs);
        inventory.makeTransitional(key, device);
        discard(move, "left over from an earlier coordinator", nowNs);
    }

    private RebalanceMove newMove(final Why why, final int key, final int from, final int to, final long nowNs) {
        final RebalanceMove move = new RebalanceMove(new RebalanceMove.Id(term, ++lastNumber), why, key, inventory.layer(key),
                inventory.expert(key), from, to, nowNs);
        moves.add(move);
        return move;
    }

    /** Whether the expert stays live, on f distinct nodes if it is now, without this replica. */
    boolean canDrop(final int key, final int device) {
        return inventory.isLive(key, device) && inventory.canSpare(key, device, settings.minReplicas());
    }

    void acknowledged(final RebalanceMove.Id id, final long nowNs) {
        final RebalanceMove move = moves.get(id);
        if (move != null && move.phase == Phase.LOADING && !move.acknowledged) {
            move.acknowledged = true;
            move.resendNs = nowNs + settings.loadNs() / 4;
            awaitAnswer(move);
            progress(nowNs);
        }
    }

    void loadDone(final RebalanceMove.Id id, final long nowNs) {
        final RebalanceMove move = moves.get(id);
        if (move == null || move.phase != Phase.LOADING) {
            return;
        }
        tableUrgent |= inventory.liveDevices(move.key).length == 0;
        inventory.makeLive(move.key, move.to);
        tableChanged = true;
        progress(nowNs);
        if (move.from >= 0 && canDrop(move.key, move.from)) {
            retire(move, nowNs);
        } else {
            end(move, Outcome.DONE, nowNs);
        }
    }

    void loadFailed(final RebalanceMove.Id id, final String reason, final long nowNs) {
        final RebalanceMove move = moves.get(id);
        if (move == null || move.phase != Phase.LOADING) {
            return;
        }
        fail(move, reason, nowNs);
        inventory.free(move.key, move.to);
        end(move, Outcome.FAILED, nowNs);
    }

    void dropDone(final RebalanceMove.Id id, final long nowNs) {
        final RebalanceMove move = moves.get(id);
        if (move == null || move.phase != Phase.DROPPING && move.phase != Phase.DISCARDING) {
            return;
        }
        clearAlert(RebalanceCommand.Kind.DROP_LAGGING, id.toString());
        inventory.free(move.key, move.device());
        end(move, move.phase == Phase.DROPPING ? Outcome.DONE : move.failure == null ? Outcome.CANCELLED : Outcome.FAILED, nowNs);
    }

    /** Gives up a load. */
    void cancel(final RebalanceMove move, final String why, final long nowNs) {
        if (move.phase == Phase.LOADING) {
            discard(move, why, nowNs);
        }
    }

    /** Whether the move can still be given up: nothing has been published for it. */
    boolean isLoading(final RebalanceMove.Id id) {
        final RebalanceMove move = moves.get(id);
        return move != null && move.phase == Phase.LOADING;
    }

    /** Gives up a load, if there is one under this id. */
    void cancel(final RebalanceMove.Id id, final String why, final long nowNs) {
        final RebalanceMove move = moves.get(id);
        if (move != null) {
            cancel(move, why, nowNs);
        }
    }

    /** Makes a replica live again that was about to leave. @return whether there was one */
    boolean revive(final int key, final long nowNs) {
        for (final RebalanceMove move : moves.of(key)) {
            if (move.phase == Phase.RETIRING && inventory.shelf(move.from) != null) {
                inventory.makeLive(key, move.from);
                changeTable();
                move.rollbackReason = "the old replica is the only one left";
                end(move, Outcome.CANCELLED, nowNs);
                return true;
            }
        }
        return false;
    }

    void deviceLost(final int device, final long nowNs) {
        for (final RebalanceMove move : List.copyOf(moves.all())) {
            if (move.device() == device) {
                clearAlert(RebalanceCommand.Kind.DROP_LAGGING, move.id.toString());
                final boolean loading = move.phase == Phase.LOADING || move.phase == Phase.DISCARDING;
                move.rollbackReason = loading ? "its device is gone" : "";
                end(move, loading ? Outcome.CANCELLED : Outcome.DONE, nowNs);
            } else if (move.from == device) {
                move.from = -1;
            }
        }
    }

    /** Drops what no epoch in use names, sends orders again that were not answered, gives up loads that are too late. */
    void advance(final long nowNs) {
        for (final RebalanceMove move : moves.due(epochs, nowNs)) {
            switch (move.phase) {
                case RETIRING -> {
                    moves.enter(move, Phase.DROPPING);
                    move.sends = 0;
                    send(move, nowNs);
                    progress(nowNs);
                }
                case LOADING -> {
                    if (nowNs >= move.deadlineNs
                            || !move.acknowledged && nowNs >= move.resendNs && move.sends > settings.maxSends()) {
                        fail(move, move.acknowledged ? "timed out" : "not acknowledged", nowNs);
                        discard(move, move.acknowledged ? "timed out" : "not acknowledged", nowNs);
                    } else {
                        send(move, nowNs);
                    }
                }
                case DROPPING, DISCARDING -> {
                    if (move.sends > settings.maxSends()) {
                        alert(RebalanceCommand.Kind.DROP_LAGGING, move.id.toString(), node(move.device())
                                + " has not confirmed to have dropped L" + move.layer + "/E" + move.expert + " after "
                                + move.sends + " orders");
                    }
                    send(move, nowNs);
                }
            }
        }
    }

    /** The table that leaves out what retires has got its epoch. */
    void published(final Epoch epoch) {
        tableChanged = false;
        tableUrgent = false;
        moves.published(epoch);
    }

    void forgetFailures(final long nowNs) {
        failedNs.entrySet().removeIf(failure -> {
            final boolean old = nowNs - failure.getValue() >= settings.retryNs();
            if (old) {
                final Replica replica = failure.getKey();
                inventory.touch(inventory.key(replica.layer(), replica.expert()), replica.device());
            }
            return old;
        });
    }

    private void retire(final RebalanceMove move, final long nowNs) {
        if (move.phase != Phase.RETIRING) {
            moves.enter(move, Phase.RETIRING);
        }
        inventory.makeTransitional(move.key, move.from);
        ledger.left(new Replica(move.layer, move.expert, move.from), nowNs);
        tableChanged = true;
    }

    private void fail(final RebalanceMove move, final String reason, final long nowNs) {
        move.failure = reason;
        failedNs.put(new Replica(move.layer, move.expert, move.to), nowNs);
        out.add(new RebalanceCommand.Alert(RebalanceCommand.Kind.MOVE_FAILED,
                "L" + move.layer + "/E" + move.expert + " could not be loaded on " + node(move.to) + " (" + move.id + "): "
                        + reason));
    }

    private String node(final int device) {
        final RebalanceInventory.Shelf shelf = inventory.shelf(device);
        return shelf == null ? "device " + device : shelf.device.nodeId();
    }

    private void discard(final RebalanceMove move, final String why, final long nowNs) {
        moves.enter(move, Phase.DISCARDING);
        move.sends = 0;
        move.rollbackReason = why;
        send(move, nowNs);
        progress(nowNs);
    }

    private void send(final RebalanceMove move, final long nowNs) {
        out.add(switch (move.phase) {
            case LOADING -> move.from >= 0
                    ? new RebalanceCommand.Migrate(move.id, move.layer, move.expert, move.from, move.to)
                    : new RebalanceCommand.Expand(move.id, move.layer, move.expert, move.to, source(move));
            case RETIRING, DROPPING -> new RebalanceCommand.Shrink(move.id, move.layer, move.expert, move.from);
            case DISCARDING -> new RebalanceCommand.Rollback(move.id, move.layer, move.expert, move.to, move.rollbackReason);
        });
        move.resendNs = nowNs + Math.min(settings.watchdogNs(), settings.acknowledgeNs() << Math.min(20, move.sends));
        move.sends++;
        awaitAnswer(move);
    }

    private void awaitAnswer(final RebalanceMove move) {
        moves.setTimer(move, move.phase == Phase.LOADING ? Math.min(move.deadlineNs, move.resendNs) : move.resendNs);
    }

    private int source(final RebalanceMove move) {
        final int[] live = inventory.liveDevices(move.key);
        return live.length == 0 ? -1 : live[0];
    }

    private void end(final RebalanceMove move, final Outcome outcome, final long nowNs) {
        moves.remove(move);
        ledger.end(move.id, nowNs, outcome, move.failure == null ? move.rollbackReason : move.failure);
        progress(nowNs);
    }
}
