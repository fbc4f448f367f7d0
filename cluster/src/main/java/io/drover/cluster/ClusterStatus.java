package io.drover.cluster;

import java.util.List;

import io.drover.placement.Epoch;

/**
 * The cluster as one node knows it: what the coordinator last told it, and what it sees itself.
 *
 * @param ready            whether this node's gateway can serve
 * @param reason           if not ready, why, in one sentence; else empty
 * @param cutOff           why this node takes on no new work: it hears less than half of the cluster, or has ended; else empty
 * @param epoch            of the table that this node routes by
 * @param model            the name that clients ask for
 * @param wireType         label of the wire type
 * @param kvType           label of the KV type
 * @param node             this node's name
 * @param coordinatorAgeMs since the coordinator last answered; tokens flow without it
 * @param nodes            all nodes that have been part of the cluster, by id
 */
public record ClusterStatus(boolean ready, String reason, String cutOff, Epoch epoch, String model, String wireType,
        String kvType, String node,
        long coordinatorAgeMs, List<NodeView> nodes) {
    public ClusterStatus {
        nodes = List.copyOf(nodes);
    }
}
