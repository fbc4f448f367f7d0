package io.drover.placement;

import java.util.Arrays;

import org.jspecify.annotations.Nullable;

/** A placement in the making, in topology indices: which devices hold an expert, and how many slots are left. */
final class Assignment {
    private final PlanRequest request;
    private final int[][][] devices;
    private final int[] free;

    private Assignment(final PlanRequest request) {
        this.request = request;
        devices = new int[request.statistics().layers()][][];
        for (int layer = 0; layer < devices.length; layer++) {
            devices[layer] = new int[request.statistics().experts(layer)][0];
        }
        free = new int[request.topology().size()];
        Arrays.setAll(free, request::slots);
    }

    static Assignment empty(final PlanRequest request) {
        return new Assignment(request);
    }

    /** What is left of the current placement: replicas on devices that are gone, unfit or without a slot for them are dropped. */
    static Assignment ofCurrent(final PlanRequest request) {
        final Assignment assignment = new Assignment(request);
        final @Nullable Placement current = request.current();
        if (current != null) {
            for (int layer = 0; layer < assignment.devices.length; layer++) {
                for (int expert = 0; expert < assignment.devices[layer].length; expert++) {
                    for (int i = 0; i < current.replicas(layer, expert); i++) {
                        final int index = request.topology().index(current.device(layer, expert, i));
                        if (index >= 0 && assignment.canAdd(layer, expert, index)) {
                            assignment.add(layer, expert, index);
                        }
                    }
                }
            }
        }
        return assignment;
    }

    boolean has(final int layer, final int expert, final int device) {
        for (final int held : devices[layer][expert]) {
            if (held == device) {
                return true;
            }
        }
        return false;
    }

    int free(final int device) {
        return free[device];
    }

    /** The devices of an expert, in the order they were added; not to be changed. */
    int[] devices(final int layer, final int expert) {
        return devices[layer][expert];
    }

    /** Whether the device has a slot, runs the expert's kernel family, and does not hold it. */
    boolean canAdd(final int layer, final int expert, final int device) {
        return free[device] > 0 && request.topology().runs(device, layer, expert) && !has(layer, expert, device);
    }

    void add(final int layer, final int expert, final int device) {
        final int[] old = devices[layer][expert];
        final int[] grown = Arrays.copyOf(old, old.length + 1);
        grown[old.length] = device;
        devices[layer][expert] = grown;
        free[device]--;
    }

    void remove(final int layer, final int expert, final int device) {
        final int[] old = devices[layer][expert];
        final int[] left = new int[old.length - 1];
        int at = 0;
        for (final int held : old) {
            if (held != device) {
                left[at++] = held;
            }
        }
        devices[layer][expert] = left;
        free[device]++;
    }

    /** Distinct nodes that hold an expert. */
    int nodes(final int layer, final int expert) {
        return nodesWithout(layer, expert, -1);
    }

    /** Distinct nodes that hold an expert on another device than the one given. */
    int nodesWithout(final int layer, final int expert, final int device) {
        final int[] held = devices[layer][expert];
        int nodes = 0;
        for (int i = 0; i < held.length; i++) {
            nodes += held[i] != device && !onNode(held, i, request.topology().node(held[i]), device) ? 1 : 0;
        }
        return nodes;
    }

    private boolean onNode(final int[] held, final int end, final int node, final int except) {
        for (int i = 0; i < end; i++) {
            if (held[i] != except && request.topology().node(held[i]) == node) {
                return true;
            }
        }
        return false;
    }

    boolean onNode(final int layer, final int expert, final int node) {
        return onNode(devices[layer][expert], devices[layer][expert].length, node, -1);
    }

    /** Whether the expert keeps its f nodes when this replica goes. */
    boolean spare(final int layer, final int expert, final int device) {
        return nodesWithout(layer, expert, device) >= request.budget().minReplicas();
    }

    Placement toPlacement() {
        final int[][][] ordinals = new int[devices.length][][];
        for (int layer = 0; layer < devices.length; layer++) {
            ordinals[layer] = new int[devices[layer].length][];
            for (int expert = 0; expert < devices[layer].length; expert++) {
                ordinals[layer][expert] = Arrays.stream(devices[layer][expert]).map(request.topology()::ordinal).toArray();
            }
        }
        return Placement.of(Epoch.NONE, ordinals);
    }
}
