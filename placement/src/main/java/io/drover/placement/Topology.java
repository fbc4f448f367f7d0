package io.drover.placement;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

/**
 * The devices of a cluster, what lies between them, and which kernel family each expert is pinned to. Immutable.
 *
 * <p>A device has two names: its <em>ordinal</em>, which placements use and which may have gaps, and its <em>index</em> here,
 * 0 to {@link #size()} - 1 in ascending order of ordinals, which planners use for dense tables.
 */
public final class Topology {
    private final List<Device> devices;
    private final Link sameHost;
    private final Link network;
    private final int[] indexOfOrdinal;
    private final int[] node;
    private final int[] host;
    private final int nodes;
    private final int hosts;
    private final String @Nullable [][] pins;

    private Topology(final List<Device> devices, final Link sameHost, final Link network, final String @Nullable [][] pins) {
        this.devices = devices;
        this.sameHost = sameHost;
        this.network = network;
        this.pins = pins;
        indexOfOrdinal = new int[devices.getLast().ordinal() + 1];
        Arrays.fill(indexOfOrdinal, -1);
        node = new int[devices.size()];
        host = new int[devices.size()];
        final Map<String, Integer> nodeIds = new HashMap<>();
        final Map<String, Integer> hostIds = new HashMap<>();
        for (int i = 0; i < devices.size(); i++) {
            final Device device = devices.get(i);
            indexOfOrdinal[device.ordinal()] = i;
            node[i] = nodeIds.computeIfAbsent(device.nodeId(), id -> nodeIds.size());
            host[i] = hostIds.computeIfAbsent(device.host(), id -> hostIds.size());
        }
        nodes = nodeIds.size();
        hosts = hostIds.size();
    }

    /**
     * @param devices  at least one, in any order
     * @param sameHost link between devices of one host
     * @param network  link between hosts
     * @throws IllegalArgumentException if there is no device or two share an ordinal
     */
    public static Topology of(final List<Device> devices, final Link sameHost, final Link network) {
        if (devices.isEmpty()) {
            throw new IllegalArgumentException("a topology has at least 1 device, not 0");
        }
        final List<Device> sorted = new ArrayList<>(devices);
        sorted.sort(Comparator.comparingInt(Device::ordinal));
        for (int i = 1; i < sorted.size(); i++) {
            if (sorted.get(i).ordinal() == sorted.get(i - 1).ordinal()) {
                throw new IllegalArgumentException("two devices have the ordinal " + sorted.get(i).ordinal());
            }
        }
        return new Topology(List.copyOf(sorted), sameHost, network, null);
    }

    /** Equal single-device nodes on hosts of their own, ordinals from 0: what the lab and most tests use. */
    public static Topology uniform(final int devices, final int slotsPerDevice, final ComputeRate rate, final Link network) {
        final List<Device> list = new ArrayList<>();
        for (int i = 0; i < devices; i++) {
            list.add(new Device(i, "node-" + i, "host-" + i, "cpu", Long.MAX_VALUE, slotsPerDevice, rate));
        }
        return of(list, Link.FREE, network);
    }

    /** @param families [layer][expert] the kernel family that runs the expert; needed where devices differ in family */
    public Topology withPins(final String[][] families) {
        final String[][] copy = new String[families.length][];
        for (int layer = 0; layer < families.length; layer++) {
            copy[layer] = families[layer].clone();
        }
        return new Topology(devices, sameHost, network, copy);
    }

    /** The same cluster with other devices, pins kept. */
    public Topology withDevices(final List<Device> newDevices) {
        final Topology checked = of(newDevices, sameHost, network);
        return new Topology(checked.devices, sameHost, network, pins);
    }

    public List<Device> devices() {
        return devices;
    }

    public int size() {
        return devices.size();
    }

    public Device device(final int index) {
        return devices.get(index);
    }

    public int ordinal(final int index) {
        return devices.get(index).ordinal();
    }

    /** Highest ordinal + 1: the length of a table by ordinal. */
    public int ordinals() {
        return indexOfOrdinal.length;
    }

    /** The index of an ordinal, -1 for a device that is not (or no longer) here. */
    public int index(final int ordinal) {
        return ordinal >= 0 && ordinal < indexOfOrdinal.length ? indexOfOrdinal[ordinal] : -1;
    }

    /** The node of the device at an index, 0 to {@link #nodes()} - 1. */
    public int node(final int index) {
        return node[index];
    }

    /** The host of the device at an index, 0 to {@link #hosts()} - 1. */
    public int host(final int index) {
        return host[index];
    }

    public int nodes() {
        return nodes;
    }

    public int hosts() {
        return hosts;
    }

    /** The tier between two devices, by index. */
    public Tier tier(final int a, final int b) {
        return a == b ? Tier.SAME_DEVICE : host[a] == host[b] ? Tier.SAME_HOST : Tier.NETWORK;
    }

    public Link link(final Tier tier) {
        return switch (tier) {
            case SAME_DEVICE -> Link.FREE;
            case SAME_HOST -> sameHost;
            case NETWORK -> network;
        };
    }

    /** The kernel family an expert is pinned to, null where the topology has no pins. */
    public @Nullable String pin(final int layer, final int expert) {
        return pins == null ? null : pins[layer][expert];
    }

    /** Whether the device at an index runs an expert's kernel family. */
    public boolean runs(final int index, final int layer, final int expert) {
        return pins == null || pins[layer][expert].equals(devices.get(index).kernelFamily());
    }
}
