package io.drover.placement.lab;

import java.util.ArrayList;
import java.util.List;

import io.drover.placement.Budget;
import io.drover.placement.ComputeRate;
import io.drover.placement.CostModel;
import io.drover.placement.Device;
import io.drover.placement.Link;
import io.drover.placement.Mode;
import io.drover.placement.Topology;
import io.drover.placement.Wire;

/**
 * A cluster for policies to be judged on.
 *
 * @param mode     how tokens travel
 * @param topology its devices, whose slots sum to {@code slots}
 * @param slots    replica slots over all devices and layers
 * @param cost     what planners minimise
 * @param budget   of a plan
 * @param prefix   positions of a sequence after which its home is chosen, in home; 0 if homes are drawn
 * @param seed     of homes and planners
 * @param effort   of planners
 */
record Scenario(Mode mode, Topology topology, long slots, CostModel cost, Budget budget, int prefix, long seed, int effort) {
    private static final double BYTES_PER_GBIT = 1e9 / 8;
    private static final Link SAME_HOST = new Link(200e9, 5e-6);

    /** Single-device nodes, each on a host of its own. @param experts experts of the model over all layers */
    static Scenario of(
            final PlanOptions options, final Mode mode, final int devices, final String slots, final int minReplicas,
            final long experts) {
        return of(options, mode, devices, 1, slots, minReplicas, experts);
    }

    /** @param devicesPerNode devices of a node, which is also a host */
    static Scenario of(
            final PlanOptions options,
            final Mode mode,
            final int devices,
            final int devicesPerNode,
            final String slots,
            final int minReplicas,
            final long experts) {
        if (devices < 1) {
            throw new IllegalArgumentException("--devices is " + devices + "; expected at least 1");
        }
        final long total = options.totalSlots(slots, experts);
        final long needed = experts * minReplicas;
        if (total < needed) {
            throw new IllegalArgumentException("--slots " + slots + " gives " + total + " slots for " + experts + " experts with "
                    + minReplicas + " replica(s) each; expected at least " + needed);
        }
        final int nodes = (devices + devicesPerNode - 1) / devicesPerNode;
        if (minReplicas > nodes) {
            throw new IllegalArgumentException(
                    "--min-replicas is " + minReplicas + ", but there are " + nodes + " nodes to keep them apart");
        }
        final Wire wire = new Wire(options.hidden, options.elementBytes(), options.headerBytes, options.kvBytes,
                options.holders(devices), false);
        final CostModel cost = new CostModel(mode, wire, options.expertBytes(), options.stepTokens, options.slack());
        return new Scenario(mode, topology(options, devices, devicesPerNode, total), total, cost,
                new Budget(minReplicas, Long.MAX_VALUE), mode == Mode.HOME ? options.homePrefix() : 0, options.seed,
                options.effort);
    }

    private static Topology topology(final PlanOptions options, final int devices, final int devicesPerNode, final long slots) {
        final ComputeRate rate = new ComputeRate(options.expertMicros * 1e-6, options.callMicros * 1e-6);
        final List<Device> list = new ArrayList<>();
        for (int i = 0; i < devices; i++) {
            final long mine = slots / devices + (i < slots % devices ? 1 : 0);
            final int node = i / devicesPerNode;
            list.add(new Device(i, "node-" + node, "host-" + node, "cpu", Long.MAX_VALUE, Math.toIntExact(mine), rate));
        }
        return Topology.of(list, SAME_HOST, new Link(options.networkGbit * BYTES_PER_GBIT, 50e-6));
    }

    int devices() {
        return topology.size();
    }

    Wire wire() {
        return cost.wire();
    }
}
