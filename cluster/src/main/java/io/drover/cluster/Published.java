package io.drover.cluster;

import io.drover.actors.RoutingTable;

/**
 * What a node holds of the cluster, for a coordinator that has to learn it.
 *
 * @param table  that its engine routes by
 * @param roster that it was last given
 */
record Published(RoutingTable table, Roster roster) {}
