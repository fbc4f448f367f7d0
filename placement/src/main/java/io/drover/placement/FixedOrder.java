package io.drover.placement;

import java.util.Arrays;

import org.jspecify.annotations.Nullable;

/** Placement by a formula of the expert's id, with the nearest free device where the formula's own is full or unfit. */
final class FixedOrder {
    private FixedOrder() {}

    @FunctionalInterface
    interface Formula {
        /** The wanted device, 0 to devices - 1, of an expert, 0 to experts - 1. */
        int device(int expert, int experts, int devices);
    }

    static Placement plan(final PlanRequest request, final String name, final Formula formula) {
        request.checkFeasible();
        final RoutingStatistics statistics = request.statistics();
        final Topology topology = request.topology();
        final int[] usable = java.util.stream.IntStream.range(0, topology.size()).filter(i -> request.slots(i) > 0).toArray();
        final int[] free = new int[topology.size()];
        Arrays.setAll(free, request::slots);
        final int[][][] devices = new int[statistics.layers()][][];
        for (int layer = 0; layer < devices.length; layer++) {
            devices[layer] = new int[statistics.experts(layer)][0];
        }
        for (int replica = 0; replica < request.budget().minReplicas(); replica++) {
            final int shift = replica * usable.length / Math.max(request.budget().minReplicas(), 1);
            for (int layer = 0; layer < devices.length; layer++) {
                for (int expert = 0; expert < devices[layer].length; expert++) {
                    final int wanted = (formula.device(expert, devices[layer].length, usable.length) + shift) % usable.length;
                    final int index = firstFree(request, usable, wanted, free, layer, expert, devices[layer][expert]);
                    if (index < 0) {
                        throw new PlanningException(name + " found no free device for replica " + (replica + 1) + " of L" + layer
                                + "/E" + expert + "; it fills devices in order and does not make room");
                    }
                    free[index]--;
                    devices[layer][expert] = Arrays.copyOf(devices[layer][expert], replica + 1);
                    devices[layer][expert][replica] = topology.ordinal(index);
                }
            }
        }
        final Placement plan = Placement.of(Epoch.NONE, devices);
        request.check(plan);
        requireMoves(request, plan, name);
        return plan;
    }

    private static int firstFree(
            final PlanRequest request,
            final int[] usable,
            final int wanted,
            final int[] free,
            final int layer,
            final int expert,
            final int[] taken) {
        for (int step = 0; step < usable.length; step++) {
            final int index = usable[(wanted + step) % usable.length];
            if (free[index] > 0 && request.topology().runs(index, layer, expert) && newNode(request.topology(), index, taken)) {
                return index;
            }
        }
        return -1;
    }

    private static boolean newNode(final Topology topology, final int index, final int[] taken) {
        for (final int ordinal : taken) {
            if (topology.node(topology.index(ordinal)) == topology.node(index)) {
                return false;
            }
        }
        return true;
    }

    /** Refuses a plan that loads more than the budget allows. */
    static void requireMoves(final PlanRequest request, final Placement plan, final String name) {
        final @Nullable Placement current = request.current();
        if (current != null && CostModel.moves(current, plan) > request.maxMoves()) {
            throw new PlanningException(name + " needs " + CostModel.moves(current, plan) + " moves, but the budget of "
                    + request.budget().moveBytes() + " bytes allows " + request.maxMoves());
        }
    }
}
