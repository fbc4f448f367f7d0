package io.drover.placement;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.IntConsumer;

import org.jspecify.annotations.Nullable;

/**
 * What every device holds, as far as the coordinator knows: live replicas, which the newest table names, and slots that are taken by
 * something else (a load under way, a replica that is leaving). A slot counts from the order that fills it to the confirmation that it
 * is empty, so that both copies of a moving replica are counted.
 */
final class RebalanceInventory {
    /** A device and what it holds. */
    static final class Shelf {
        final int slots;
        Device device;
        /** Experts, by key, that are live here. */
        final TreeSet<Integer> live = new TreeSet<>();
        /** Experts, by key, that take a slot here without being live. */
        final TreeSet<Integer> transitional = new TreeSet<>();
        boolean leaving;

        Shelf(final Device device, final int slots) {
            this.device = device;
            this.slots = slots;
        }

        int used() {
            return live.size() + transitional.size();
        }

        boolean holds(final int key) {
            return live.contains(key) || transitional.contains(key);
        }
    }

    private final int[] layerStart;
    private final String @Nullable [][] pins;
    private final int minReplicas;
    /** [key] ascending devices of the live replicas; an array that is in here is never written to again, as tables share it. */
    private final int[][] devicesOf;
    private final TreeMap<Integer, Shelf> shelves = new TreeMap<>();
    private final TreeSet<Integer> wanting = new TreeSet<>();
    /** Experts with more than one live replica. */
    private final TreeSet<Integer> repeated = new TreeSet<>();
    private int lost;
    /** [layer] rows of the newest table; those of layers that have changed since are out of date. */
    private final int[][][] rows;
    private final BitSet changedLayers = new BitSet();
    private final BitSet touchedKeys = new BitSet();
    private final BitSet touchedDevices = new BitSet();
    private long version;

    /**
     * @param experts     [layer] routed experts
     * @param pins        [layer][expert] kernel family, null where devices do not differ
     * @param minReplicas f
     */
    RebalanceInventory(final int[] experts, final String @Nullable [][] pins, final int minReplicas) {
        this.pins = pins;
        this.minReplicas = minReplicas;
        layerStart = new int[experts.length + 1];
        for (int layer = 0; layer < experts.length; layer++) {
            layerStart[layer + 1] = layerStart[layer] + experts[layer];
        }
        devicesOf = new int[layerStart[experts.length]][0];
        for (int key = 0; key < devicesOf.length; key++) {
            wanting.add(key);
        }
        lost = devicesOf.length;
        rows = new int[experts.length][][];
        changedLayers.set(0, experts.length);
    }

    /** Notes that what may be done with an expert or on a device has changed. */
    void touch(final int key, final int device) {
        touchedKeys.set(key);
        touch(device);
    }

    void touch(final int device) {
        if (device >= 0) {
            touchedDevices.set(device);
        }
        version++;
    }

    /** Rises with whatever is touched. */
    long version() {
        return version;
    }

    /** Gives what has been touched since the last time, and forgets it. */
    void takeTouched(final IntConsumer keys, final IntConsumer devices) {
        touchedKeys.stream().forEach(keys);
        touchedKeys.clear();
        touchedDevices.stream().forEach(devices);
        touchedDevices.clear();
    }

    int experts() {
        return devicesOf.length;
    }

    int key(final int layer, final int expert) {
        return layerStart[layer] + expert;
    }

    boolean isExpert(final int layer, final int expert) {
        return layer >= 0 && layer < layerStart.length - 1 && expert >= 0 && expert < layerStart[layer + 1] - layerStart[layer];
    }

    int layer(final int key) {
        int layer = Arrays.binarySearch(layerStart, key);
        if (layer < 0) {
            return -layer - 2;
        }
        while (layerStart[layer + 1] == key) {
            layer++;
        }
        return layer;
    }

    int expert(final int key) {
        return key - layerStart[layer(key)];
    }

    void add(final Device device, final int slots) {
        shelves.put(device.ordinal(), new Shelf(device, slots));
        touch(device.ordinal());
    }

    /** Forgets a device and all that it held. @return the keys that were live there */
    List<Integer> remove(final int device) {
        final Shelf shelf = shelves.remove(device);
        if (shelf == null) {
            return List.of();
        }
        touch(device);
        for (final int key : shelf.live) {
            setDevices(key, without(key, device));
            touch(key, device);
        }
        return List.copyOf(shelf.live);
    }

    @Nullable
    Shelf shelf(final int device) {
        return shelves.get(device);
    }

    Iterable<Shelf> shelves() {
        return shelves.values();
    }

    List<Device> devices() {
        return shelves.values().stream().map(shelf -> shelf.device).toList();
    }

    boolean isLive(final int key, final int device) {
        return Arrays.binarySearch(devicesOf[key], device) >= 0;
    }

    /** Devices of the live replicas, ascending; not to be changed. */
    int[] liveDevices(final int key) {
        return devicesOf[key];
    }

    /** Makes a replica live; its slot may have been transitional. */
    void makeLive(final int key, final int device) {
        final Shelf shelf = shelves.get(device);
        shelf.transitional.remove(key);
        if (shelf.live.add(key)) {
            final int[] more = Arrays.copyOf(devicesOf[key], devicesOf[key].length + 1);
            more[more.length - 1] = device;
            Arrays.sort(more);
            setDevices(key, more);
        }
        touch(key, device);
    }

    /** Takes a slot for a replica that is not live, or no longer. */
    void makeTransitional(final int key, final int device) {
        final Shelf shelf = shelves.get(device);
        if (shelf.live.remove(key)) {
            setDevices(key, without(key, device));
        }
        shelf.transitional.add(key);
        touch(key, device);
    }

    /** Frees a slot that was transitional. */
    void free(final int key, final int device) {
        final Shelf shelf = shelves.get(device);
        if (shelf != null) {
            shelf.transitional.remove(key);
            touch(key, device);
        }
    }

    private int[] without(final int key, final int device) {
        return Arrays.stream(devicesOf[key]).filter(d -> d != device).toArray();
    }

    private void setDevices(final int key, final int[] devices) {
        lost += (devices.length == 0 ? 1 : 0) - (devicesOf[key].length == 0 ? 1 : 0);
        devicesOf[key] = devices;
        changedLayers.set(layer(key));
        put(wanting, key, nodes(devices, -1) < minReplicas);
        put(repeated, key, devices.length > 1);
    }

    private static void put(final TreeSet<Integer> set, final int key, final boolean in) {
        if (in) {
            set.add(key);
        } else {
            set.remove(key);
        }
    }

    /** Experts with fewer than f live replicas on distinct nodes, those without any first. */
    List<Integer> wanting() {
        final List<Integer> list = new ArrayList<>(wanting);
        list.sort(Comparator.comparingInt((Integer key) -> Math.min(devicesOf[key].length, minReplicas)));
        return list;
    }

    boolean anyWanting() {
        return !wanting.isEmpty();
    }

    boolean anyLost() {
        return lost > 0;
    }

    /** Experts with more than one live replica, ascending. */
    Iterable<Integer> repeated() {
        return repeated;
    }

    /** Whether the expert stays live on at least so many distinct nodes without this device. */
    boolean canSpare(final int key, final int device, final int floor) {
        return nodes(devicesOf[key], device) >= Math.max(1, floor);
    }

    /** Distinct nodes among devices, one device and those that are leaving aside. */
    int stayingNodes(final int key, final int without) {
        return (int) Arrays.stream(devicesOf[key])
                .filter(device -> device != without && !shelves.get(device).leaving)
                .mapToObj(device -> shelves.get(device).device.nodeId())
                .distinct()
                .count();
    }

    private int nodes(final int[] devices, final int without) {
        if (minReplicas == 1) {
            return devices.length - (without >= 0 && Arrays.binarySearch(devices, without) >= 0 ? 1 : 0);
        }
        return (int) Arrays.stream(devices)
                .filter(device -> device != without)
                .mapToObj(device -> shelves.get(device).device.nodeId())
                .distinct()
                .count();
    }

    /** Whether a device may ever hold the expert: staying, of its family, and not holding it already. */
    boolean suits(final int key, final Shelf shelf) {
        return !shelf.leaving && !shelf.holds(key) && runs(key, shelf.device);
    }

    boolean runs(final int key, final Device device) {
        return pins == null || pins[layer(key)][expert(key)].equals(device.kernelFamily());
    }

    boolean hostedOnNode(final int key, final String nodeId) {
        for (final int device : devicesOf[key]) {
            if (shelves.get(device).device.nodeId().equals(nodeId)) {
                return true;
            }
        }
        return false;
    }

    /** What is live; it shares the layers that have not changed with the one before. */
    Placement placement(final Epoch epoch) {
        changedLayers.stream()
                .forEach(layer -> rows[layer] = Arrays.copyOfRange(devicesOf, layerStart[layer], layerStart[layer + 1]));
        changedLayers.clear();
        return Placement.sharing(epoch, rows.clone());
    }

    /**
     * The devices with the slots that plans may use: none where the device is leaving; elsewhere all but the reserve, unless experts would
     * not fit or more are in use already.
     */
    List<Device> plannable(final int reserve) {
        long total = 0;
        for (final Shelf shelf : shelves.values()) {
            total += shelf.leaving ? 0 : Math.max(0, shelf.slots - reserve);
        }
        final int kept = total >= (long) devicesOf.length * minReplicas ? reserve : 0;
        return shelves.values()
                .stream()
                .map(
                        shelf -> shelf.device.withSlots(shelf.leaving ? 0 : Math.max(shelf.live.size(), shelf.slots - kept)))
                .toList();
    }
}
