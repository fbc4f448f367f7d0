package io.drover.placement;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

import io.drover.placement.RebalanceEvent.Replica;

/** The memory of {@link Rebalance}: what was moved, why, what it was to gain and what it gained. Bounded: the oldest are forgotten. */
public final class RebalanceLedger {
    /** What became of a move. */
    public enum Outcome {
        RUNNING, DONE,
        /** The load failed or timed out. */
        FAILED,
        /** Its device, its reason or its coordinator went away. */
        CANCELLED
    }

    /**
     * One move.
     *
     * @param step           moves decided together share it; 0 for a move that stands alone
     * @param from           device that was left, -1 for none
     * @param to             device that was loaded, -1 for none
     * @param bytes          weights loaded
     * @param startedNs      when it was ordered
     * @param endedNs        when it ended, {@link Long#MAX_VALUE} while it runs
     * @param predictedGain  share of the step time that its step was to save; NaN for a move that was not made for gain
     * @param realisedGain   share of the step time that its step saves on the routing since; NaN until it is known
     * @param note           why it failed or was given up; empty if it did not
     */
    public record Entry(RebalanceMove.Id move, long step, RebalanceMove.Why why, int layer, int expert, int from, int to,
            long bytes,
            long startedNs, long endedNs, Outcome outcome, double predictedGain, double realisedGain, String note) {
        Entry ended(final long nowNs, final Outcome how, final String because) {
            return new Entry(move, step, why, layer, expert, from, to, bytes, startedNs, nowNs, how, predictedGain, realisedGain,
                    because);
        }

        Entry realised(final double gain) {
            return new Entry(move, step, why, layer, expert, from, to, bytes, startedNs, endedNs, outcome, predictedGain, gain,
                    note);
        }
    }

    private final int capacity;
    private final Map<RebalanceMove.Id, Entry> entries = new HashMap<>();
    private final Deque<RebalanceMove.Id> order = new ArrayDeque<>();
    private final Map<Replica, Long> leftAtNs = new HashMap<>();

    RebalanceLedger(final int capacity) {
        this.capacity = capacity;
    }

    void add(final Entry entry) {
        if (entries.put(entry.move(), entry) == null) {
            order.addLast(entry.move());
        }
        while (order.size() > capacity) {
            entries.remove(order.removeFirst());
        }
        noteLeft(entry);
    }

    void end(final RebalanceMove.Id move, final long nowNs, final Outcome outcome, final String note) {
        final Entry entry = entries.get(move);
        if (entry != null) {
            add(entry.ended(nowNs, outcome, note));
        }
    }

    void realise(final long step, final double gain) {
        for (final Entry entry : all()) {
            if (entry.step() == step) {
                entries.put(entry.move(), entry.realised(gain));
            }
        }
    }

    private void noteLeft(final Entry entry) {
        if (entry.from() >= 0 && entry.outcome() == Outcome.DONE) {
            leftAtNs.merge(new Replica(entry.layer(), entry.expert(), entry.from()), entry.endedNs(), Math::max);
        }
    }

    /** A replica has stopped being named by the newest table, whatever becomes of the move that took it away. */
    void left(final Replica replica, final long nowNs) {
        leftAtNs.put(replica, nowNs);
    }

    /** Whether the expert left this device less than a horizon ago. */
    boolean isTabu(final Replica replica, final long nowNs, final long horizonNs) {
        final Long left = leftAtNs.get(replica);
        return left != null && nowNs - left < horizonNs;
    }

    void forgetPlaces(final long beforeNs) {
        for (final Iterator<Long> times = leftAtNs.values().iterator(); times.hasNext();) {
            if (times.next() < beforeNs) {
                times.remove();
            }
        }
    }

    /** Oldest first. */
    List<Entry> all() {
        final List<Entry> list = new ArrayList<>(order.size());
        order.forEach(move -> list.add(entries.get(move)));
        return list;
    }

    long lastStep() {
        return entries.values().stream().mapToLong(Entry::step).max().orElse(0);
    }

    /** Takes over what an earlier coordinator left. What it had under way ended with it: its orders bind nobody any more. */
    void load(final Collection<Entry> saved, final long nowNs) {
        saved.forEach(entry -> add(entry.outcome() == Outcome.RUNNING
                ? entry.ended(nowNs, Outcome.CANCELLED, "another coordinator took over")
                : entry));
    }
}
