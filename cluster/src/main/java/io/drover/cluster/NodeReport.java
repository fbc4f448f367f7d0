package io.drover.cluster;

import org.jspecify.annotations.Nullable;

import io.drover.placement.Epoch;
import io.drover.streams.Endpoint;

/**
 * All that a node tells of itself, as state and not as change: a lost or repeated report does no harm.
 *
 * @param node      who
 * @param serial    rises within a life: a report that comes late is ignored
 * @param nodeId    its id; -1 before it was given one
 * @param endpoint  where its frames go; null until its engine runs
 * @param term      of the last orders that it obeyed
 * @param installed epoch of the table that its engine routes by
 * @param loading   whether replicas that it was told to hold are still being loaded
 * @param loaded    replicas that are ready
 * @param problem   why a replica could not be loaded; empty if none
 * @param running   what is installed, if the coordinator asked for it
 */
record NodeReport(NodeDescriptor node, long serial, int nodeId, @Nullable Endpoint endpoint, long term, Epoch installed,
        boolean loading, ExpertSet loaded,
        String problem, @Nullable Published running) {}
