package io.drover.cluster;

import java.util.List;

import org.jspecify.annotations.Nullable;

import io.drover.placement.Epoch;
import io.drover.streams.Endpoint;

/**
 * A node's state, sent to the coordinator again and again.
 *
 * @param node      who it is
 * @param serial    rises with each report of one life
 * @param asks      whether it wants orders for an answer even if there is nothing new for it
 * @param nodeId    its id; -1 before it was given one
 * @param endpoint  where its frames go; null until its engine runs
 * @param bulk      where its bulk frames go; null until its engine runs
 * @param obeyed    stamp of the last orders that it obeyed
 * @param installed epoch of the table that its engine routes by
 * @param roster    version of the roster that it holds
 * @param loading   whether replicas that it was told to hold are still being loaded
 * @param replicas  what its device holds
 * @param problem   why a replica could not be loaded; empty if none
 * @param suspects  ids of nodes whose data-plane heartbeats are overdue here
 * @param slow      peers that this node uses only where it must
 * @param leaving   whether it wants to leave
 * @param running   what is installed, if the coordinator asked for it
 */
record NodeReport(NodeDescriptor node, long serial, boolean asks, int nodeId, @Nullable Endpoint endpoint,
        @Nullable Endpoint bulk, Epoch obeyed, Epoch installed, Epoch roster, boolean loading, Replicas replicas, String problem,
        List<Integer> suspects, List<SlowPeer> slow, boolean leaving,
        @Nullable Published running) {

    /**
     * A peer that answers expert calls slowly.
     *
     * @param times as long as the peer in the middle, rounded down to a power of two; at least 2
     */
    record SlowPeer(int nodeId, int times) {}

    /**
     * The replicas of a device, by what they are doing; each is in at most one of these.
     *
     * @param ready  they take calls
     * @param busy   being loaded or drained
     * @param failed they could not be loaded, and take no room
     */
    record Replicas(ExpertSet ready, ExpertSet busy, ExpertSet failed) {
        static final Replicas NONE = new Replicas(ExpertSet.EMPTY, ExpertSet.EMPTY, ExpertSet.EMPTY);
    }

    NodeReport {
        suspects = List.copyOf(suspects);
        slow = List.copyOf(slow);
    }

    NodeReport withRunning(final @Nullable Published earlier) {
        return new NodeReport(node, serial, asks, nodeId, endpoint, bulk, obeyed, installed, roster, loading, replicas, problem,
                suspects, slow, leaving, earlier);
    }

    ExpertSet ready() {
        return replicas.ready();
    }
}
