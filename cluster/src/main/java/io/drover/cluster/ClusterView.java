package io.drover.cluster;

import java.util.List;

import io.drover.placement.Epoch;

/**
 * The cluster as the coordinator sees it.
 *
 * @param ready  whether every expert has a replica that can be reached and a table is in force
 * @param reason if not ready, why, in one sentence; else empty
 * @param epoch  of the table in force
 * @param nodes  by node id
 */
record ClusterView(boolean ready, String reason, Epoch epoch, List<NodeView> nodes) {
    ClusterView {
        nodes = List.copyOf(nodes);
    }
}
