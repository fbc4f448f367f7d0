package io.drover.cluster;

import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

import io.drover.actors.EngineStatus;

/**
 * How many times as long as others each node takes to answer expert calls, in the eyes of most of them: what its device weighs in plans,
 * so that experts move away from one that has become slow. Engines leave a slow peer alone at once; this is what follows.
 *
 * <p>One busy second makes a node slow in an engine's eyes, and costs it nothing there. Moving its experts costs more; so a node is slow here
 * once most others have found it so for {@link #SURE_NS} longer than they have not. A node that is left alone is not seen to be slow any more. So it keeps its weight for a while after the last word against it, twice
 * as long each time that it proves to be slow again. Pure; not thread-safe.
 */
final class Paces {
    /** Beyond this the plan would not change any more. */
    static final int MOST = 64;
    static final long SURE_NS = TimeUnit.SECONDS.toNanos(10);
    static final long MEMORY_NS = TimeUnit.SECONDS.toNanos(60);
    private static final int MOST_DOUBLINGS = 5;
    /** Where a coordinator stood still, nobody was watched. */
    private static final long LONGEST_STEP_NS = TimeUnit.SECONDS.toNanos(1);

    private static final class Pace {
        int times = 1;
        int relapses = -1;
        long untilNs;
        long lastNs;
        long evidenceNs;

        Pace(final long nowNs) {
            lastNs = nowNs;
            untilNs = nowNs;
        }
    }

    private final Map<Integer, Pace> paces = new HashMap<>();

    /** What an engine has to say of its peers: how many times as long a slow one takes as the middle of those that are not. */
    static List<NodeReport.SlowPeer> slow(final List<EngineStatus.Peer> peers) {
        final long[] others = peers.stream()
                .filter(peer -> !peer.slow() && peer.typicalNs() > 0)
                .mapToLong(EngineStatus.Peer::typicalNs)
                .sorted()
                .toArray();
        return others.length == 0
                ? List.of()
                : peers.stream()
                        .filter(EngineStatus.Peer::slow)
                        .map(peer -> new NodeReport.SlowPeer(peer.nodeId(),
                                times((double) peer.typicalNs() / others[(others.length - 1) / 2])))
                        .toList();
    }

    private static int times(final double slowness) {
        return Integer.highestOneBit((int) Math.clamp(slowness, 2, MOST));
    }

    /**
     * @param reports of the nodes that have reported lately and are in the table
     * @return by id of each node for which that has changed, how many times as long it takes
     */
    Map<Integer, Integer> step(final List<NodeReport> reports, final long nowNs) {
        final Map<Integer, Integer> changes = new TreeMap<>();
        final Set<Integer> named = new HashSet<>(paces.keySet());
        reports.forEach(report -> report.slow().forEach(peer -> named.add(peer.nodeId())));
        for (final int node : named) {
            final Pace pace = paces.computeIfAbsent(node, id -> new Pace(nowNs));
            final int before = pace.times;
            judge(pace, middle(node, reports), nowNs);
            if (pace.times != before) {
                changes.put(node, pace.times);
            }
        }
        paces.values().removeIf(pace -> pace.times == 1 && pace.evidenceNs == 0 && nowNs - pace.untilNs >= memoryNs(pace));
        return changes;
    }

    private static void judge(final Pace pace, final int times, final long nowNs) {
        final long sinceNs = Math.min(nowNs - pace.lastNs, LONGEST_STEP_NS);
        pace.lastNs = nowNs;
        pace.evidenceNs = Math.clamp(pace.evidenceNs + (times > 1 ? sinceNs : -sinceNs), 0, SURE_NS);
        if (times > 1 && (pace.times > 1 || pace.evidenceNs == SURE_NS)) {
            pace.relapses += pace.times == 1 ? 1 : 0;
            pace.times = Math.max(pace.times, times);
            pace.untilNs = nowNs + memoryNs(pace);
        } else if (nowNs - pace.untilNs >= 0) {
            pace.times = 1;
        }
    }

    private static long memoryNs(final Pace pace) {
        return MEMORY_NS << Math.clamp(pace.relapses, 0, MOST_DOUBLINGS);
    }

    /** What the other node in the middle says; of two the lower, so that nobody is slow on one node's word where there are more. */
    private static int middle(final int node, final List<NodeReport> reports) {
        final int[] times = reports.stream()
                .filter(report -> report.nodeId() != node)
                .mapToInt(report -> report.slow()
                        .stream()
                        .filter(peer -> peer.nodeId() == node)
                        .mapToInt(peer -> Math.clamp(peer.times(), 1, MOST))
                        .findFirst()
                        .orElse(1))
                .toArray();
        Arrays.sort(times);
        return times.length == 0 ? 1 : times[(times.length - 1) / 2];
    }
}
