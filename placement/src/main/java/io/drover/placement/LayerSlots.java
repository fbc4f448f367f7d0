package io.drover.placement;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A device's slots, which count over all layers, cut into slots per layer, for planners that treat each layer alone: in proportion
 * to the layers' experts, with the rounding of different devices falling into different layers.
 */
final class LayerSlots {
    private final PlanRequest request;
    private final int[] routed;
    /** [routed index][device index] */
    private final int[][] slots;
    /** [routed index] experts by the kernel family that they are pinned to, "null" for none */
    private final List<Map<String, Integer>> pinned = new ArrayList<>();

    private LayerSlots(final PlanRequest request) {
        this.request = request;
        routed = request.statistics().routedLayers();
        slots = new int[routed.length][request.topology().size()];
        for (final int layer : routed) {
            final Map<String, Integer> families = new HashMap<>();
            for (int expert = 0; expert < request.statistics().experts(layer); expert++) {
                families.merge(String.valueOf(request.topology().pin(layer, expert)), 1, Integer::sum);
            }
            pinned.add(families);
        }
    }

    /**
     * @return [layer][device index]; a dense layer's row is all 0
     * @throws PlanningException if the request is infeasible, or the slots cannot be cut so that each layer fits
     */
    static int[][] of(final PlanRequest request) {
        request.checkFeasible();
        final LayerSlots cut = new LayerSlots(request);
        cut.proportional();
        for (int i = 0; i < cut.routed.length; i++) {
            while (cut.missing(i) > 0) {
                cut.takeOne(i);
            }
        }
        final int[][] perLayer = new int[request.statistics().layers()][request.topology().size()];
        for (int i = 0; i < cut.routed.length; i++) {
            final int experts = request.statistics().experts(cut.routed[i]);
            perLayer[cut.routed[i]] = Arrays.stream(cut.slots[i]).map(count -> Math.min(count, experts)).toArray();
        }
        return perLayer;
    }

    private void proportional() {
        final long total = request.statistics().totalExperts();
        final Map<Integer, Integer> alike = new HashMap<>();
        for (int device = 0; device < request.topology().size(); device++) {
            alike.merge(request.slots(device), 1, Integer::sum);
        }
        final Map<Integer, Integer> earlier = new HashMap<>();
        for (int device = 0; device < request.topology().size(); device++) {
            final int mine = request.slots(device);
            final long count = alike.get(mine);
            final long phase = earlier.merge(mine, 1, Integer::sum) - 1;
            long experts = 0;
            long given = 0;
            for (int i = 0; i < routed.length; i++) {
                experts += request.statistics().experts(routed[i]);
                // Phases d/D make the rounded counts of D equal devices add up to the rounded total in each layer (Hermite's identity).
                final long upTo = (experts * mine * count + phase * total) / (total * count);
                slots[i][device] = (int) (upTo - given);
                given = upTo;
            }
        }
    }

    /** Slots that a layer lacks to hold f replicas of each expert on distinct nodes of its family. */
    private long missing(final int i) {
        long missing = 0;
        for (final Map.Entry<String, Integer> family : pinned.get(i).entrySet()) {
            final int[] perNode = new int[request.topology().nodes()];
            for (int device = 0; device < slots[i].length; device++) {
                if (isFamily(family.getKey(), device)) {
                    perNode[request.topology().node(device)] += slots[i][device];
                }
            }
            long usable = 0;
            for (final int count : perNode) {
                usable += Math.min(count, family.getValue());
            }
            missing += Math.max(0, (long) family.getValue() * request.budget().minReplicas() - usable);
        }
        return missing;
    }

    private boolean isFamily(final String family, final int device) {
        return family.equals("null") || family.equals(request.topology().device(device).kernelFamily());
    }

    /** Moves one slot to a layer from the layer that has most to spare. */
    private void takeOne(final int i) {
        final long before = missing(i);
        int bestLayer = -1;
        int bestDevice = -1;
        int bestSpare = Integer.MIN_VALUE;
        for (int device = 0; device < slots[i].length; device++) {
            slots[i][device]++;
            final boolean helps = missing(i) < before;
            slots[i][device]--;
            for (int j = 0; helps && j < routed.length; j++) {
                final int spare = spare(j);
                if (j != i && slots[j][device] > 0 && spare > bestSpare && canLose(j, device)) {
                    bestLayer = j;
                    bestDevice = device;
                    bestSpare = spare;
                }
            }
        }
        if (bestLayer < 0) {
            throw new PlanningException("the devices' slots cannot be cut into layers: L" + routed[i] + " lacks " + before
                    + " slots for its " + request.statistics().experts(routed[i]) + " experts on "
                    + request.budget().minReplicas() + " node(s)");
        }
        slots[bestLayer][bestDevice]--;
        slots[i][bestDevice]++;
    }

    private int spare(final int j) {
        int sum = 0;
        for (final int count : slots[j]) {
            sum += count;
        }
        return sum - request.statistics().experts(routed[j]) * request.budget().minReplicas();
    }

    private boolean canLose(final int j, final int device) {
        final long before = missing(j);
        slots[j][device]--;
        final boolean can = missing(j) <= before && missing(j) == 0;
        slots[j][device]++;
        return can;
    }
}
