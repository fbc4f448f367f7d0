package io.drover.server;

import java.util.function.Supplier;

import io.drover.actors.EngineStatus;
import io.drover.actors.WeightsCounters;
import io.drover.cluster.ClusterStatus;
import io.drover.cluster.DroverNode;
import io.drover.cluster.LoadBalance;
import io.drover.streams.BulkCounters;

/** What a node of this process tells about itself for metrics. */
record NodeFigures(String name, Supplier<EngineStatus> status, Supplier<LoadBalance> balance, Supplier<ClusterStatus> cluster,
        Supplier<WeightsCounters> weights, Supplier<BulkCounters> bulk) {
    static NodeFigures of(final DroverNode node) {
        return new NodeFigures(node.settings().nodeName(), node::engineStatus, node::balance, node::status,
                node::fetchedWeights, node::bulk);
    }
}
