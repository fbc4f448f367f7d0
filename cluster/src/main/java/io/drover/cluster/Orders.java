package io.drover.cluster;

import org.jspecify.annotations.Nullable;

import io.drover.placement.Epoch;

/**
 * The coordinator's answer to every report, as state and not as change.
 *
 * @param stamp   term of the coordinator and running number: a node ignores orders that do not come after the last that it obeyed
 * @param nodeId  the node's id; -1 while the coordinator does not know it
 * @param hold    replicas that the node is to hold on its device
 * @param recall  whether the next report is to say what is installed
 * @param publish the table in force, if the node has another
 * @param view    the cluster, for status
 */
record Orders(Epoch stamp, int nodeId, ExpertSet hold, boolean recall, @Nullable Published publish, ClusterView view)
        implements
            Coordinator.Answer {}
