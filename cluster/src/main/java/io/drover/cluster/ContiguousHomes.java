package io.drover.cluster;

import java.util.List;
import java.util.SortedMap;
import java.util.function.Function;

import io.drover.model.ModelConfig;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.placement.Budget;
import io.drover.placement.ComputeRate;
import io.drover.placement.ContiguousPlanner;
import io.drover.placement.CostModel;
import io.drover.placement.Device;
import io.drover.placement.Link;
import io.drover.placement.Mode;
import io.drover.placement.Placement;
import io.drover.placement.PlanRequest;
import io.drover.placement.RoutingStatistics;
import io.drover.placement.Topology;
import io.drover.placement.Wire;

/** The first placement of a cluster: experts in the order of their ids, in equal runs, within the nodes' memory. */
final class ContiguousHomes implements Function<SortedMap<Integer, NodeDescriptor>, Placement> {
    private final ModelConfig model;
    private final long expertBytes;

    ContiguousHomes(final Checkpoint checkpoint) {
        model = checkpoint.config();
        expertBytes = PlacementModel.largestExpertBytes(checkpoint);
    }

    @Override
    public Placement apply(final SortedMap<Integer, NodeDescriptor> nodes) {
        final List<Device> devices = nodes.entrySet().stream().map(entry -> {
            final NodeDescriptor node = entry.getValue();
            return new Device(entry.getKey(), node.name(), node.host(), node.identity().kernelFamily(), node.memoryBudgetBytes(),
                    Integer.MAX_VALUE, new ComputeRate(0, 0));
        }).toList();
        final RoutingStatistics nothingRouted = new RoutingStatistics(model.expertsPerLayer(), Math.max(1, model.maxTopK()),
                RoutingStatistics.Limits.DEFAULT, 0);
        final CostModel cost = new CostModel(Mode.HOME, new Wire(model.hiddenSize(), Float.BYTES, 0, 0, 1, false),
                expertBytes, 1, 0);
        return new ContiguousPlanner().plan(new PlanRequest(nothingRouted, Topology.of(devices, Link.FREE, Link.FREE), null,
                Budget.UNLIMITED, cost, 0, 1));
    }
}
