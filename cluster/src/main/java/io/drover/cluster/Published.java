package io.drover.cluster;

import io.drover.actors.RoutingTable;

/**
 * What an epoch consists of: the table that engines route by, and the roster behind it.
 *
 * @param table  living nodes and loaded replicas
 * @param roster all names and homes
 */
record Published(RoutingTable table, Roster roster) {}
