package io.drover.cluster;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

import org.apache.pekko.util.ByteString;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.drover.placement.RebalanceEvent;
import io.drover.placement.RoutingStatistics;

/**
 * The routing of the whole cluster, merged from the last report of each node. A node that left, or was silent for too long, counts for
 * nothing. Time and membership come in as arguments; not thread-safe.
 *
 * <p>Reports are kept as bytes and unpacked one at a time, so that a large model costs two unpacked windows whatever the number of nodes.
 */
final class RoutingWindows {
    private static final Logger LOG = LoggerFactory.getLogger(RoutingWindows.class);

    private record Heard(RoutingReport report, long atNs) {}

    private final long silenceNs;
    private final Map<MemberId, Heard> heard = new HashMap<>();
    private RebalanceEvent.@Nullable Window merged;
    private int mergedNodes;

    /** @param silenceNs after which a node's last report counts no more */
    RoutingWindows(final long silenceNs) {
        this.silenceNs = silenceNs;
    }

    /** A node has reported; an older report than its last is ignored. */
    void onReport(final RoutingReport report, final long nowNs) {
        final Heard last = heard.get(report.member());
        if (last == null || report.serial() > last.report().serial()) {
            heard.put(report.member(), new Heard(report, nowNs));
            merged = null;
        }
    }

    /** The members are these: what others reported is forgotten. */
    void onMembers(final Set<MemberId> members) {
        if (heard.keySet().retainAll(members)) {
            merged = null;
        }
    }

    /**
     * The routing of all nodes that reported lately, and their positions per second: what {@link io.drover.placement.Rebalance} is to be
     * told. The same object until something changes, and not changed afterwards.
     *
     * @return null if nobody has
     */
    RebalanceEvent.@Nullable Window merged(final long nowNs) {
        if (heard.values().removeIf(last -> nowNs - last.atNs() >= silenceNs)) {
            merged = null;
        }
        if (merged == null && !heard.isEmpty()) {
            merged = merge();
        }
        return merged;
    }

    /** Nodes whose reports are in what {@link #merged} gave last. */
    int nodes() {
        return mergedNodes;
    }

    private RebalanceEvent.@Nullable Window merge() {
        RoutingStatistics all = null;
        double tokensPerSecond = 0;
        mergedNodes = 0;
        // In the order of the members, so that every coordinator merges to the same sums.
        for (final Map.Entry<MemberId, Heard> each : new TreeMap<>(heard).entrySet()) {
            final RoutingReport report = each.getValue().report();
            try {
                final RoutingStatistics window = unpacked(report.window());
                if (all == null) {
                    all = window;
                } else {
                    all.merge(window);
                }
                tokensPerSecond += report.tokensPerSecond();
                mergedNodes++;
            } catch (final IllegalArgumentException e) {
                LOG.warn("the routing that {} reports cannot be used: {}", report.member().address(), e.getMessage());
                heard.remove(each.getKey());
            }
        }
        return all == null ? null : new RebalanceEvent.Window(all, tokensPerSecond);
    }

    /** @throws IllegalArgumentException if the bytes are damaged */
    static RoutingStatistics unpacked(final ByteString window) {
        return RoutingStatistics.fromBytes(window.toArrayUnsafe());
    }
}
