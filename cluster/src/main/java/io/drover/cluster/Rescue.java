package io.drover.cluster;

import java.util.Arrays;
import java.util.Set;
import java.util.stream.IntStream;

import org.jspecify.annotations.Nullable;

import io.drover.actors.RoutingTable;
import io.drover.placement.Epoch;
import io.drover.placement.Placement;

/**
 * What a node does for experts that are lost while no coordinator answers, which is when the coordinator's own node has died: until
 * another has taken over, some ten seconds later, nobody would restore them. Every node works out the same new places from what all know:
 * the table in force, and who is silent in the data plane. It loads those that fall to itself, and calls the others there; a call that
 * comes too early is refused and repeated. Once begun, it lasts until the next table, or until the lost are heard again. Nodes that do not suspect the same ones lose time, not tokens.
 *
 * <p>
 * A node loads what its memory budget has room for; the rest waits for the coordinator. Pure; not thread-safe.
 */
final class Rescue {
    private final long afterNs;
    private Set<Integer> silent = Set.of();
    private long silentNs;
    private @Nullable Epoch begun;

    /** @param afterNs how long nodes and coordinator must have been silent */
    Rescue(final long afterNs) {
        this.afterNs = afterNs;
    }

    /**
     * @param base                in force
     * @param suspects            ids of the nodes that are not heard
     * @param coordinatorSilentNs how long the oldest unanswered report has waited; 0 if there is none
     * @return {@code base} with a further place for each expert whose nodes are all silent; null where nothing is to be done
     */
    @Nullable
    RoutingTable step(final RoutingTable base, final Set<Integer> suspects, final long coordinatorSilentNs, final long nowNs) {
        if (!suspects.equals(silent)) {
            silent = Set.copyOf(suspects);
            silentNs = nowNs;
        }
        if (silent.isEmpty() || nowNs - silentNs < afterNs || coordinatorSilentNs < afterNs && !base.epoch().equals(begun)) {
            return null;
        }
        final int[] live = IntStream.range(0, base.nodeOfDevice().size()).filter(device -> isLive(base, device)).toArray();
        if (live.length == 0) {
            return null;
        }
        begun = base.epoch();
        final int[][][] devices = base.placement().toArray();
        boolean lost = false;
        for (int layer = 0; layer < devices.length; layer++) {
            for (int expert = 0; expert < devices[layer].length; expert++) {
                final int[] holders = devices[layer][expert];
                if (Arrays.stream(holders).noneMatch(device -> isLive(base, device))) {
                    devices[layer][expert] = Arrays.copyOf(holders, holders.length + 1);
                    devices[layer][expert][holders.length] = place(live, layer, expert);
                    lost = true;
                }
            }
        }
        return lost
                ? new RoutingTable(base.nodes(), Placement.of(base.epoch(), devices), base.nodeOfDevice())
                : null;
    }

    private boolean isLive(final RoutingTable base, final int device) {
        final int node = base.nodeOfDevice().get(device);
        return node >= 0 && !silent.contains(node);
    }

    /** The live device of the highest hash: when another is lost, only its experts go elsewhere. */
    private static int place(final int[] live, final int layer, final int expert) {
        int best = live[0];
        for (final int device : live) {
            if (hash(layer, expert, device) > hash(layer, expert, best)) {
                best = device;
            }
        }
        return best;
    }

    private static int hash(final int layer, final int expert, final int device) {
        int h = (layer * 0x9E3779B1 + expert) * 0x85EBCA6B + device * 0xC2B2AE35;
        h = (h ^ h >>> 15) * 0x2C1B3C6D;
        h = (h ^ h >>> 12) * 0x297A2D39;
        return h ^ h >>> 15;
    }
}
