package io.drover.cluster;

import org.jspecify.annotations.Nullable;

import io.drover.actors.RoutingTable;
import io.drover.placement.Epoch;

/**
 * The coordinator's answer to every report, as state and not as change.
 *
 * @param stamp    term of the coordinator and running number: a node ignores orders that do not come after the last that it obeyed
 * @param nodeId   the node's id; -1 while the coordinator does not know it
 * @param hold     replicas that the node is to hold on its device; null while the coordinator does not know, and nothing is to change
 * @param recall   whether the next report is to say what is installed
 * @param table    the table in force, if the node has another
 * @param roster   the coordinator's memory, if the node has another
 * @param released whether a node that wants to leave holds nothing that is needed and may stop
 * @param view     the cluster, for status
 */
record Orders(Epoch stamp, int nodeId, @Nullable ExpertSet hold, boolean recall, @Nullable RoutingTable table,
        @Nullable Roster roster, boolean released, ClusterView view)
        implements
            Coordinator.Answer {}
