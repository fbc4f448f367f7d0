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

    /** @param experts experts of the model over all layers */
    static Scenario of(final PlanOptions options, final Mode mode, final int devices, final String slots, final long experts) {
        if (devices < 1) {
            throw new IllegalArgumentException("--devices is " + devices + "; expected at least 1");
        }
        final long total = options.totalSlots(slots, experts);
        final long needed = experts * options.minReplicas;
        if (total < needed) {
            throw new IllegalArgumentException("--slots " + slots + " gives " + total + " slots for " + experts + " experts with "
                    + options.minReplicas + " replica(s) each; expected at least " + needed);
        }
        if (options.minReplicas > devices) {
            throw new IllegalArgumentException("--min-replicas is " + options.minReplicas + ", but there are " + devices
                    + " devices to keep them apart");
        }
        final Wire wire = new Wire(options.hidden, options.elementBytes(), options.headerBytes, options.kvBytes,
                options.holders(devices), false);
        final ComputeRate rate = new ComputeRate(options.expertMicros * 1e-6, options.callMicros * 1e-6);
        final List<Device> list = new ArrayList<>();
        for (int i = 0; i < devices; i++) {
            final long mine = total / devices + (i < total % devices ? 1 : 0);
            list.add(new Device(i, "node-" + i, "host-" + i, "cpu", Long.MAX_VALUE, Math.toIntExact(mine), rate));
        }
        final Topology topology = Topology.of(list, Link.FREE, new Link(options.networkGbit * BYTES_PER_GBIT, 50e-6));
        final CostModel cost = new CostModel(mode, wire, options.expertBytes(), options.stepTokens, options.slack());
        return new Scenario(mode, topology, total, cost, new Budget(options.minReplicas, Long.MAX_VALUE),
                mode == Mode.HOME ? options.homePrefix() : 0, options.seed,
                options.effort);
    }

    int devices() {
        return topology.size();
    }

    Wire wire() {
        return cost.wire();
    }
}
