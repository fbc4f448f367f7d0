package io.drover.actors;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import io.drover.placement.ComputeRate;
import io.drover.placement.Device;
import io.drover.placement.Epoch;
import io.drover.placement.Link;
import io.drover.placement.Mode;
import io.drover.placement.Placement;
import io.drover.placement.ReplicaChoice;
import io.drover.placement.Topology;
import io.drover.streams.Endpoint;

/**
 * Which node runs an expert for a token: the epoch's table, the nodes that are usable now, and the rule of
 * {@link ReplicaChoice}, which the planner knows too. Compute thread only.
 */
final class Router {
    static final int NOBODY = -1;

    /** Load of a device that is taken only if no other has a replica. */
    private static final double AVOIDED = 1e300;
    /** Load of a device that is slow: taken before one that is avoided. */
    private static final double SLOW = 1e200;

    private final int self;
    private final PeerPace pace;
    private final int[] oneExpert = new int[1];
    private final int[] oneDevice = new int[1];
    private Placement placement = Placement.of(Epoch.NONE, new int[0][][]);
    private int[] nodeOfDevice = new int[0];
    private int selfDevice = NOBODY;
    private double[] load = new double[0];
    private double[] rows = new double[0];
    private boolean[] usable = new boolean[0];
    private @Nullable ReplicaChoice choice;

    Router(final int self, final PeerPace pace) {
        this.self = self;
        this.pace = pace;
    }

    /** Takes a table; the caller has checked that its epoch comes after the one in use. */
    void install(final RoutingTable table) {
        placement = table.placement();
        nodeOfDevice = table.nodeOfDevice().stream().mapToInt(Integer::intValue).toArray();
        int highest = self;
        for (final Endpoint node : table.nodes()) {
            highest = Math.max(highest, node.nodeId());
        }
        for (final int node : nodeOfDevice) {
            highest = Math.max(highest, node);
        }
        usable = Arrays.copyOf(usable, Math.max(usable.length, highest + 1));
        usable[self] = true;
        rows = Arrays.copyOf(rows, usable.length);
        load = new double[nodeOfDevice.length];
        choice = new ReplicaChoice(topology(table), Mode.HOME);
        selfDevice = NOBODY;
        for (int device = 0; device < nodeOfDevice.length; device++) {
            selfDevice = nodeOfDevice[device] == self ? device : selfDevice;
        }
        refreshLoad();
    }

    private static Topology topology(final RoutingTable table) {
        final Map<Integer, Endpoint> byNode = new HashMap<>(table.byNodeId());
        final List<Device> devices = new ArrayList<>();
        for (int device = 0; device < table.nodeOfDevice().size(); device++) {
            final Endpoint node = byNode.get(table.nodeOfDevice().get(device));
            final String name = node == null ? "gone-" + device : node.name();
            final String host = node == null ? name : node.hostId();
            devices.add(new Device(device, name, host, "cpu", Long.MAX_VALUE, Integer.MAX_VALUE, new ComputeRate(0, 0)));
        }
        return Topology.of(devices, Link.FREE, Link.FREE);
    }

    /** Takes note of peers that have become slow, or no longer are. */
    void refreshLoad() {
        for (int device = 0; device < load.length; device++) {
            final int node = nodeOfDevice[device];
            load[device] = node < 0 || !usable[node] ? Double.POSITIVE_INFINITY : pace.slow(node) ? SLOW : rows[node];
        }
    }

    Epoch epoch() {
        return placement.epoch();
    }

    Placement placement() {
        return placement;
    }

    boolean usable(final int node) {
        return node >= 0 && node < usable.length && usable[node];
    }

    void setUsable(final int node, final boolean isUsable) {
        if (node < usable.length && usable[node] != isUsable) {
            usable[node] = isUsable;
            refreshLoad();
        }
    }

    /** The rows that a node last said are queued there. */
    void setLoad(final int node, final int queuedRows) {
        if (node < rows.length) {
            rows[node] = queuedRows;
            refreshLoad();
        }
    }

    int queuedRows(final int node) {
        return node < rows.length ? (int) rows[node] : 0;
    }

    /**
     * Chooses for all experts of one row.
     *
     * @param experts in gate-rank order from {@code offset}, {@code count} of them
     * @param nodes   receives at {@code 0..count-1} the node of each rank, or {@link #NOBODY} where no usable node has a replica
     */
    void choose(final int layer, final int[] experts, final int offset, final int count, final int[] nodes) {
        if (choice == null) {
            Arrays.fill(nodes, 0, count, NOBODY);
            return;
        }
        choice.choose(placement, layer, experts, offset, count, selfDevice, load, SLOW / 2, nodes);
        for (int rank = 0; rank < count; rank++) {
            nodes[rank] = nodes[rank] == ReplicaChoice.NONE ? NOBODY : nodeOfDevice[nodes[rank]];
        }
    }

    /** Chooses for one expert, another node than {@code avoid} if there is one. */
    int chooseOther(final int layer, final int expert, final int avoid) {
        if (choice == null) {
            return NOBODY;
        }
        oneExpert[0] = expert;
        for (int device = 0; device < load.length; device++) {
            if (nodeOfDevice[device] == avoid && load[device] < AVOIDED) {
                load[device] = AVOIDED;
            }
        }
        choice.choose(placement, layer, oneExpert, 0, 1, selfDevice, load, SLOW / 2, oneDevice);
        refreshLoad();
        return oneDevice[0] == ReplicaChoice.NONE ? NOBODY : nodeOfDevice[oneDevice[0]];
    }

    /** Whether a usable node other than {@code node} has a replica. */
    boolean hasOther(final int layer, final int expert, final int node) {
        final int other = chooseOther(layer, expert, node);
        return other != NOBODY && other != node;
    }
}
