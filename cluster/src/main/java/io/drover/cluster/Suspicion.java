package io.drover.cluster;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * Which nodes the data plane has lost, in the eyes of most others: their experts are restored elsewhere, long before membership is
 * decided. One node that hears badly accuses everybody and is not believed; a node that comes back is taken in again, the later the more
 * often it was lost, and only when it has been heard itself: once it is out of the table nobody calls it, so nobody can miss it either. Pure;
 * not thread-safe.
 */
final class Suspicion {
    private static final long FORGIVE_FACTOR = 30;
    private static final int MOST_DOUBLINGS = 5;

    private static final class Case {
        long accusedNs = Long.MAX_VALUE;
        long acquittedNs;
        long heardNs = Long.MIN_VALUE;
        long lostNs;
        boolean lost;
        int times;
    }

    private final long lostAfterNs;
    private final Map<Integer, Case> cases = new HashMap<>();

    /** @param lostAfterNs how long a majority must have suspected a node */
    Suspicion(final long lostAfterNs) {
        this.lostAfterNs = lostAfterNs;
    }

    /** @param suspects by id of every node that has reported lately: the ids that it suspects */
    void step(final Map<Integer, Set<Integer>> suspects, final long nowNs) {
        suspects.values().forEach(accused -> accused.forEach(node -> cases.computeIfAbsent(node, id -> new Case())));
        cases.forEach((node, each) -> judge(each, accused(node, suspects), nowNs));
        cases.values()
                .removeIf(each -> !each.lost && nowNs - each.acquittedNs > FORGIVE_FACTOR * lostAfterNs
                        && each.accusedNs == Long.MAX_VALUE);
    }

    /** The node has reported. */
    void heard(final int node, final long nowNs) {
        final Case each = cases.get(node);
        if (each != null) {
            each.heardNs = nowNs;
        }
    }

    private static boolean accused(final int node, final Map<Integer, Set<Integer>> suspects) {
        int witnesses = 0;
        int against = 0;
        for (final Map.Entry<Integer, Set<Integer>> witness : suspects.entrySet()) {
            if (witness.getKey() != node) {
                witnesses++;
                against += witness.getValue().contains(node) ? 1 : 0;
            }
        }
        return 2 * against > witnesses;
    }

    private void judge(final Case each, final boolean accused, final long nowNs) {
        if (!accused && !(each.lost && each.heardNs <= each.lostNs)) {
            each.acquittedNs = each.accusedNs == Long.MAX_VALUE ? each.acquittedNs : nowNs;
            each.accusedNs = Long.MAX_VALUE;
            each.lost &= nowNs - each.acquittedNs < lostAfterNs << Math.min(MOST_DOUBLINGS, each.times - 1);
        } else if (each.accusedNs == Long.MAX_VALUE) {
            each.accusedNs = nowNs;
        } else if (!each.lost && nowNs - each.accusedNs >= lostAfterNs) {
            each.lost = true;
            each.lostNs = nowNs;
            each.times++;
        }
    }

    boolean lost(final int node) {
        final Case each = cases.get(node);
        return each != null && each.lost;
    }

    /** The node's present life began after all that is held against it. */
    void forget(final int node) {
        cases.remove(node);
    }
}
