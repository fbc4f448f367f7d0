package io.drover.placement;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

import org.jspecify.annotations.Nullable;

import io.drover.placement.RebalanceMove.Phase;
import io.drover.placement.RebalanceMove.Why;

/**
 * The moves under way, oldest first, with what is asked of them after every event counted as they change: a step may have thousands, and
 * there are many events to each. A move waits either for a time or, while it retires, for an epoch.
 */
final class RebalanceMoves {
    private final RebalanceInventory inventory;
    private final TreeMap<RebalanceMove.Id, RebalanceMove> all = new TreeMap<>();
    /** By key of the expert, oldest first. */
    private final Map<Integer, List<RebalanceMove>> ofExpert = new HashMap<>();
    /** By device: loads under way, and slots that become free without further decision. */
    private final Map<Integer, Integer> loads = new HashMap<>();
    private final Map<Integer, Integer> freeing = new HashMap<>();
    private final TreeSet<RebalanceMove> timed = new TreeSet<>(
            Comparator.comparingLong((RebalanceMove move) -> move.timerNs).thenComparing(move -> move.id));
    /** By the epoch that leaves the replica out; {@link Epoch#NONE} until that is published. */
    private final TreeMap<Epoch, TreeSet<RebalanceMove>> retiring = new TreeMap<>();
    private int loading;
    private int loadingByNeed;
    private int loadingForGain;
    private int forGain;

    RebalanceMoves(final RebalanceInventory inventory) {
        this.inventory = inventory;
    }

    void add(final RebalanceMove move) {
        all.put(move.id, move);
        ofExpert.computeIfAbsent(move.key, key -> new ArrayList<>(2)).add(move);
        enlist(move, 1);
    }

    void enter(final RebalanceMove move, final Phase phase) {
        enlist(move, -1);
        move.phase = phase;
        enlist(move, 1);
    }

    void remove(final RebalanceMove move) {
        enlist(move, -1);
        all.remove(move.id);
        final List<RebalanceMove> others = ofExpert.get(move.key);
        others.remove(move);
        if (others.isEmpty()) {
            ofExpert.remove(move.key);
        }
    }

    /** When {@link #due} is to give the move. */
    void setTimer(final RebalanceMove move, final long atNs) {
        timed.remove(move);
        move.timerNs = atNs;
        timed.add(move);
    }

    /** What retires and no table leaves out yet is left out by this one. */
    void published(final Epoch epoch) {
        final TreeSet<RebalanceMove> waiting = retiring.remove(Epoch.NONE);
        if (waiting != null) {
            waiting.forEach(move -> move.retiredAt = epoch);
            retiring.put(epoch, waiting);
        }
    }

    /** Moves whose time has come, or whose epoch every node has reached; oldest first. */
    List<RebalanceMove> due(final RebalanceEpochs epochs, final long nowNs) {
        final List<RebalanceMove> due = new ArrayList<>();
        for (final RebalanceMove move : timed) {
            if (move.timerNs > nowNs) {
                break;
            }
            due.add(move);
        }
        for (final var entry : retiring.tailMap(Epoch.NONE, false).entrySet()) {
            if (!epochs.allReached(entry.getKey())) {
                break;
            }
            due.addAll(entry.getValue());
        }
        due.sort(Comparator.comparing(move -> move.id));
        return due;
    }

    private void enlist(final RebalanceMove move, final int by) {
        final boolean gain = move.why == Why.GAIN || move.why == Why.UNDO;
        forGain += gain ? by : 0;
        if (move.phase == Phase.LOADING) {
            loading += by;
            loadingByNeed += move.why.compareTo(Why.DRAIN) <= 0 ? by : 0;
            loadingForGain += gain ? by : 0;
            add(loads, move.to, by);
        } else {
            add(freeing, move.device(), by);
        }
        if (by < 0) {
            timed.remove(move);
        }
        if (move.phase == Phase.RETIRING) {
            retire(move, by);
        }
        inventory.touch(move.key, move.device());
    }

    private void retire(final RebalanceMove move, final int by) {
        if (by > 0) {
            retiring.computeIfAbsent(move.retiredAt, epoch -> new TreeSet<>(Comparator.comparing(m -> m.id))).add(move);
        } else {
            final TreeSet<RebalanceMove> others = retiring.get(move.retiredAt);
            others.remove(move);
            if (others.isEmpty()) {
                retiring.remove(move.retiredAt);
            }
        }
    }

    private static void add(final Map<Integer, Integer> counts, final int device, final int by) {
        counts.merge(device, by, (a, b) -> a + b == 0 ? null : a + b);
    }

    @Nullable
    RebalanceMove get(final RebalanceMove.Id id) {
        return all.get(id);
    }

    Collection<RebalanceMove> all() {
        return all.values();
    }

    /** Of one expert, oldest first. */
    List<RebalanceMove> of(final int key) {
        return ofExpert.getOrDefault(key, List.of());
    }

    boolean isEmpty() {
        return all.isEmpty();
    }

    boolean anyLoading() {
        return loading > 0;
    }

    /** Whether a load is under way that must be made, whatever it gains. */
    boolean anyLoadingByNeed() {
        return loadingByNeed > 0;
    }

    boolean anyLoadingForGain() {
        return loadingForGain > 0;
    }

    /** Whether a move for gain, or one that undoes such, is in any phase. */
    boolean anyForGain() {
        return forGain > 0;
    }

    boolean anyRetiring() {
        return !retiring.isEmpty();
    }

    /** Loads of a device that are under way. */
    int loads(final int device) {
        return loads.getOrDefault(device, 0);
    }

    /** Slots of a device that become free without further decision. */
    int freeing(final int device) {
        return freeing.getOrDefault(device, 0);
    }
}
