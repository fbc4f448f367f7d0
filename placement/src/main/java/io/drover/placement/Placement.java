package io.drover.placement;

import java.util.Arrays;
import java.util.Map;

/**
 * Which devices hold a replica of which expert: an immutable value, published as a whole under an {@link Epoch}.
 *
 * <p>A device is known by its ordinal, which the cluster gives out once and never reuses. Layers are the model's layers;
 * a layer without routed experts has an expert count of 0.
 */
public final class Placement {
    private final Epoch epoch;
    private final int[][][] devices;

    private Placement(final Epoch epoch, final int[][][] devices) {
        this.epoch = epoch;
        this.devices = devices;
    }

    /**
     * @param devices [layer][expert] device ordinals of the replicas, in any order; copied and sorted
     * @throws IllegalArgumentException if a device is negative or is named twice for one expert
     */
    public static Placement of(final Epoch epoch, final int[][][] devices) {
        final int[][][] copy = new int[devices.length][][];
        for (int layer = 0; layer < devices.length; layer++) {
            copy[layer] = new int[devices[layer].length][];
            for (int expert = 0; expert < devices[layer].length; expert++) {
                final int[] sorted = devices[layer][expert].clone();
                Arrays.sort(sorted);
                requireDistinct(sorted, layer, expert);
                copy[layer][expert] = sorted;
            }
        }
        return new Placement(epoch, copy);
    }

    /** @param devices as for {@link #of}, but sorted and distinct already, and never written to again: not copied */
    static Placement sharing(final Epoch epoch, final int[][][] devices) {
        return new Placement(epoch, devices);
    }

    /** @param layers [layer] experts to be placed anew, each with its devices, ascending and distinct; absent layers stay */
    Placement with(final Map<Integer, Map<Integer, int[]>> layers) {
        final int[][][] table = devices.clone();
        layers.forEach((layer, experts) -> {
            table[layer] = table[layer].clone();
            experts.forEach((expert, at) -> table[layer][expert] = at);
        });
        return new Placement(Epoch.NONE, table);
    }

    private static void requireDistinct(final int[] sorted, final int layer, final int expert) {
        for (int i = 0; i < sorted.length; i++) {
            if (sorted[i] < 0 || i > 0 && sorted[i] == sorted[i - 1]) {
                throw new IllegalArgumentException(
                        "L" + layer + "/E" + expert + " names devices " + Arrays.toString(sorted)
                                + "; expected distinct, at least 0");
            }
        }
    }

    public Epoch epoch() {
        return epoch;
    }

    public Placement withEpoch(final Epoch newEpoch) {
        return new Placement(newEpoch, devices);
    }

    public int layers() {
        return devices.length;
    }

    /** Routed experts of a layer; 0 for a dense layer. */
    public int experts(final int layer) {
        return devices[layer].length;
    }

    /** Replicas of an expert; 0 while it is lost. */
    public int replicas(final int layer, final int expert) {
        return devices[layer][expert].length;
    }

    /** The device of the i-th replica, devices in ascending order. */
    public int device(final int layer, final int expert, final int i) {
        return devices[layer][expert][i];
    }

    /** Of all replicas, ascending; a copy. */
    int[] devices(final int layer, final int expert) {
        return devices[layer][expert].clone();
    }

    public boolean hosts(final int device, final int layer, final int expert) {
        return Arrays.binarySearch(devices[layer][expert], device) >= 0;
    }

    /** Whether both place all experts of a layer alike; soon told where they share it. */
    public boolean agrees(final Placement other, final int layer) {
        return devices[layer] == other.devices[layer] || Arrays.deepEquals(devices[layer], other.devices[layer]);
    }

    /** A copy of the whole table: [layer][expert] ascending device ordinals. */
    public int[][][] toArray() {
        final int[][][] copy = new int[devices.length][][];
        for (int layer = 0; layer < devices.length; layer++) {
            copy[layer] = new int[devices[layer].length][];
            for (int expert = 0; expert < devices[layer].length; expert++) {
                copy[layer][expert] = devices[layer][expert].clone();
            }
        }
        return copy;
    }

    @Override
    public boolean equals(final Object other) {
        return other instanceof Placement that && epoch.equals(that.epoch) && Arrays.deepEquals(devices, that.devices);
    }

    @Override
    public int hashCode() {
        return 31 * epoch.hashCode() + Arrays.deepHashCode(devices);
    }

    @Override
    public String toString() {
        return "Placement[epoch=" + epoch + ", " + Arrays.deepToString(devices) + "]";
    }
}
