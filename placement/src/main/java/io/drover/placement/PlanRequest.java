package io.drover.placement;

import java.util.BitSet;

import org.jspecify.annotations.Nullable;

/**
 * Everything a planner may know.
 *
 * @param statistics the routing to plan for; gives the layers and experts
 * @param topology   the devices
 * @param current    the placement in force, null when starting from nothing
 * @param budget     limits
 * @param cost       what is minimised
 * @param seed       of the planner's random choices
 * @param effort     how hard to search, from 1; a plain count of rounds, never time, so that plans can be repeated. 100 is normal
 */
public record PlanRequest(
        RoutingStatistics statistics,
        Topology topology,
        @Nullable Placement current,
        Budget budget,
        CostModel cost,
        long seed,
        int effort) {
    /** Slots of the device at a topology index over all layers, memory considered. */
    public int slots(final int index) {
        final Device device = topology.device(index);
        return (int) Math.min(device.slots(), device.memoryBytes() / cost.expertBytes());
    }

    /** Replicas that the budget allows to load. */
    public long maxMoves() {
        return budget.moveBytes() / cost.expertBytes();
    }

    public PlanRequest withCurrent(final @Nullable Placement placement) {
        return new PlanRequest(statistics, topology, placement, budget, cost, seed, effort);
    }

    /**
     * Refuses a request that no placement meets.
     *
     * @throws PlanningException with the numbers
     */
    public void checkFeasible() {
        final int f = budget.minReplicas();
        final BitSet usableNodes = new BitSet();
        long slots = 0;
        for (int i = 0; i < topology.size(); i++) {
            slots += slots(i);
            if (slots(i) > 0) {
                usableNodes.set(topology.node(i));
            }
        }
        if (f > usableNodes.cardinality()) {
            throw new PlanningException("each expert needs replicas on " + f + " distinct nodes, but only "
                    + usableNodes.cardinality() + " nodes have slots");
        }
        final long needed = (long) statistics.totalExperts() * f;
        if (slots < needed) {
            throw new PlanningException(topology.size() + " devices have " + slots + " slots, but " + statistics.totalExperts()
                    + " experts with " + f + " replica(s) each need " + needed);
        }
        checkFamilies(f);
    }

    private void checkFamilies(final int f) {
        final long families = topology.devices().stream().map(Device::kernelFamily).distinct().count();
        for (int layer = 0; layer < statistics.layers(); layer++) {
            for (int expert = 0; expert < statistics.experts(layer); expert++) {
                if (families > 1 && topology.pin(layer, expert) == null) {
                    throw new PlanningException("the devices have " + families + " kernel families, but L" + layer + "/E" + expert
                            + " is pinned to none");
                }
                final BitSet nodes = new BitSet();
                for (int i = 0; i < topology.size(); i++) {
                    if (slots(i) > 0 && topology.runs(i, layer, expert)) {
                        nodes.set(topology.node(i));
                    }
                }
                if (nodes.cardinality() < f) {
                    throw new PlanningException("L" + layer + "/E" + expert + " needs replicas on " + f + " nodes of family "
                            + topology.pin(layer, expert) + ", but only " + nodes.cardinality() + " have slots");
                }
            }
        }
    }

    /**
     * Verifies a plan against every constraint of this request.
     *
     * @throws PlanningException naming the first constraint that it breaks
     */
    public void check(final Placement plan) {
        final int[] used = new int[topology.size()];
        for (int layer = 0; layer < statistics.layers(); layer++) {
            for (int expert = 0; expert < statistics.experts(layer); expert++) {
                checkExpert(plan, layer, expert, used);
            }
        }
        for (int i = 0; i < used.length; i++) {
            if (used[i] > slots(i)) {
                throw new PlanningException("device " + topology.ordinal(i) + " is given " + used[i] + " replicas, but has "
                        + slots(i) + " slots");
            }
        }
    }

    private void checkExpert(final Placement plan, final int layer, final int expert, final int[] used) {
        final BitSet nodes = new BitSet();
        for (int i = 0; i < plan.replicas(layer, expert); i++) {
            final int ordinal = plan.device(layer, expert, i);
            final int index = topology.index(ordinal);
            if (index < 0) {
                throw new PlanningException("L" + layer + "/E" + expert + " is placed on device " + ordinal
                        + ", which is not in the topology");
            }
            if (!topology.runs(index, layer, expert)) {
                throw new PlanningException("L" + layer + "/E" + expert + " is pinned to " + topology.pin(layer, expert)
                        + ", but placed on device " + ordinal + " of family " + topology.device(index).kernelFamily());
            }
            nodes.set(topology.node(index));
            used[index]++;
        }
        if (nodes.cardinality() < budget.minReplicas()) {
            throw new PlanningException("L" + layer + "/E" + expert + " has replicas on " + nodes.cardinality()
                    + " distinct nodes, expected at least " + budget.minReplicas());
        }
    }
}
