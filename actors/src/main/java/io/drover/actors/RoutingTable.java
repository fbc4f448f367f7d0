package io.drover.actors;

import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

import io.drover.placement.Epoch;
import io.drover.placement.Placement;
import io.drover.streams.Endpoint;

/**
 * Who is in the data plane and which device holds which expert replica: what the coordinator publishes, as a whole.
 *
 * @param nodes        the data-plane endpoints of all members
 * @param placement    the replicas, by device ordinal; carries the epoch
 * @param nodeOfDevice the node id that owns each device ordinal, or -1 where the device's node is gone
 */
public record RoutingTable(List<Endpoint> nodes, Placement placement, List<Integer> nodeOfDevice) {
    public RoutingTable {
        nodes = List.copyOf(nodes);
        nodeOfDevice = List.copyOf(nodeOfDevice);
    }

    public Epoch epoch() {
        return placement.epoch();
    }

    /** The endpoints by node id. */
    public Map<Integer, Endpoint> byNodeId() {
        return nodes.stream().collect(Collectors.toMap(Endpoint::nodeId, Function.identity()));
    }
}
