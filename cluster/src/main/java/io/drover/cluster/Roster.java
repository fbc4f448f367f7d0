package io.drover.cluster;

import java.util.List;

import io.drover.placement.Placement;

/**
 * The coordinator's memory, held by every node so that a new coordinator can learn it: which name has which node id, and where each
 * expert is at home, whether that node lives or not. A device's ordinal is the id of its node, since a node has one device.
 *
 * @param names the node names; the index is the node id, given out once and never reused
 * @param homes [layer][expert] the devices that are to hold it
 */
record Roster(List<String> names, Placement homes) {
    Roster {
        names = List.copyOf(names);
    }
}
