package io.drover.placement;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import io.drover.placement.RebalanceMove.Why;
import io.drover.placement.RebalanceScale.Change;

/**
 * Changes that were decided together, and how far they are. Thousands may wait for their devices, and every event may be what one of them
 * waits for; so a change that cannot begin is asked again only when something about its expert or its device has changed.
 */
final class RebalanceStep {
    final long id;
    final Why why;
    /** Whether it is worth undoing on its own. */
    final boolean alone;
    /** Predicted share of the step time. */
    final double gain;
    final List<Change> started = new ArrayList<>();
    final long decidedNs;
    long doneNs = Long.MAX_VALUE;
    private final List<Change> changes;
    /** By index: neither begun nor dropped. */
    private final BitSet pending = new BitSet();
    /** By index: to be asked. */
    private final BitSet awake = new BitSet();
    private final Map<Integer, BitSet> ofExpert = new HashMap<>();
    private final Map<Integer, BitSet> ofDevice = new HashMap<>();

    /** @param changes in the order in which to begin */
    RebalanceStep(
            final long id, final Why why, final boolean alone, final double gain, final List<Change> changes,
            final long decidedNs) {
        this.id = id;
        this.why = why;
        this.alone = alone;
        this.gain = gain;
        this.decidedNs = decidedNs;
        this.changes = List.copyOf(changes);
        pending.set(0, changes.size());
        awake.set(0, changes.size());
        for (int i = 0; i < changes.size(); i++) {
            ofExpert.computeIfAbsent(changes.get(i).key(), key -> new BitSet()).set(i);
            ofDevice.computeIfAbsent(changes.get(i).to(), device -> new BitSet()).set(i);
        }
    }

    /** The next change after an index that may have become possible; -1 if there is none. */
    int next(final int after, final RebalanceInventory inventory) {
        inventory.takeTouched(key -> wake(ofExpert.get(key)), device -> wake(ofDevice.get(device)));
        final int index = awake.nextSetBit(after + 1);
        if (index >= 0) {
            awake.clear(index);
        }
        return index;
    }

    private void wake(final BitSet some) {
        if (some != null) {
            awake.or(some);
            awake.and(pending);
        }
    }

    Change change(final int index) {
        return changes.get(index);
    }

    void start(final int index) {
        started.add(changes.get(index));
        drop(index);
    }

    void drop(final int index) {
        pending.clear(index);
    }

    void dropPending() {
        pending.clear();
        awake.clear();
    }

    int pending() {
        return pending.cardinality();
    }

    boolean isPending() {
        return !pending.isEmpty();
    }
}
