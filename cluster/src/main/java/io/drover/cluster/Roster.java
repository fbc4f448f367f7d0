package io.drover.cluster;

import java.util.HashSet;
import java.util.List;

import io.drover.placement.Epoch;
import io.drover.placement.Rebalance;
import io.drover.placement.RebalanceLedger;

/**
 * The coordinator's memory, held by every node so that a new coordinator can learn it: which name has which node id, and what the
 * rebalance machine wants remembered. A device's ordinal is the id of its node, since a node has one device.
 *
 * @param version  rises with each change
 * @param names    the node names; the index is the node id, given out once and never reused
 * @param term     under which the machine last ran, 0 for never
 * @param on       whether moves for gain are allowed
 * @param leaving  names of nodes that are to be emptied
 * @param caution  factor on the cost of moves, 1 to 16
 * @param ledger   the latest moves, oldest first
 */
record Roster(Epoch version, List<String> names, long term, boolean on, List<String> leaving, double caution,
        List<RebalanceLedger.Entry> ledger) {
    /** Moves that are remembered beyond a coordinator's life. */
    static final int MOVES = 256;

    static final Roster NOTHING = new Roster(Epoch.NONE, List.of(), 0, true, List.of(), 1, List.of());

    Roster {
        names = List.copyOf(names);
        leaving = List.copyOf(leaving);
        ledger = List.copyOf(ledger);
    }

    static Roster of(final Epoch version, final List<String> names, final Rebalance.Saved saved) {
        final List<RebalanceLedger.Entry> ledger = saved.ledger();
        return new Roster(version, names, saved.term(), saved.on(), saved.leaving().stream().sorted().toList(), saved.caution(),
                ledger.subList(Math.max(0, ledger.size() - MOVES), ledger.size()));
    }

    Rebalance.Saved saved() {
        return new Rebalance.Saved(term, on, new HashSet<>(leaving), ledger, caution);
    }

    boolean sameContent(final Roster other) {
        return equals(new Roster(version, other.names, other.term, other.on, other.leaving, other.caution, other.ledger));
    }
}
