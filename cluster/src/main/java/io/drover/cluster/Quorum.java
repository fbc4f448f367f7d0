package io.drover.cluster;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Whether a node hears enough of the cluster to take on new work: more than half of the members, or exactly half with the one of the
 * lowest address among them. That is the rule by which the split-brain resolver decides, some seconds later, which side lives; so a side
 * that is going to be downed stops admitting first. Pure; not thread-safe.
 */
final class Quorum {
    private static final Comparator<String> BY_ADDRESS = Comparator.<String, String>comparing(Quorum::host)
            .thenComparingInt(Quorum::port);

    private final String own;
    private final long graceNs;
    private long missedNs = Long.MAX_VALUE;
    private long heardNs = Long.MAX_VALUE;
    private String problem = "";

    /**
     * @param own     {@code host:port} of this node's actor system
     * @param graceNs how long the majority must be missed before it counts; once it was missed, it must be heard for half of that
     */
    Quorum(final String own, final long graceNs) {
        this.own = own;
        this.graceNs = graceNs;
    }

    /**
     * @param nodes    as the coordinator last described them
     * @param suspects ids of those that this node does not hear
     */
    void step(final List<NodeView> nodes, final Set<Integer> suspects, final long nowNs) {
        final List<NodeView> members = nodes.stream().filter(Quorum::isMember).toList();
        final List<NodeView> heard = members.stream().filter(node -> isHeard(node, suspects)).toList();
        final Optional<NodeView> lowest = members.stream().min(Comparator.comparing(NodeView::address, BY_ADDRESS));
        final boolean enough = 2 * heard.size() > members.size()
                || 2 * heard.size() == members.size() && (lowest.isEmpty() || heard.contains(lowest.get()));
        if (enough) {
            heardNs = Math.min(heardNs, nowNs);
            // A lost node that the coordinator tries again counts as heard until it is suspected anew.
            if (nowNs - heardNs >= graceNs / 2) {
                missedNs = Long.MAX_VALUE;
                problem = "";
            }
            return;
        }
        heardNs = Long.MAX_VALUE;
        missedNs = Math.min(missedNs, nowNs);
        if (nowNs - missedNs >= graceNs) {
            problem = "this node is cut off: of " + members.size() + " nodes it hears " + heard.size() + ", itself included";
        }
    }

    private static boolean isMember(final NodeView node) {
        return !node.address().isEmpty() && node.state() != NodeView.State.GONE && node.state() != NodeView.State.JOINING;
    }

    private boolean isHeard(final NodeView node, final Set<Integer> suspects) {
        return node.address().equals(own)
                || !suspects.contains(node.nodeId()) && node.state() != NodeView.State.SUSPECTED
                        && node.state() != NodeView.State.UNREACHABLE;
    }

    /** Why the node must not take on new work, in one sentence; empty if it may. */
    String problem() {
        return problem;
    }

    private static String host(final String address) {
        return address.substring(0, address.lastIndexOf(':'));
    }

    private static int port(final String address) {
        return Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
    }
}
