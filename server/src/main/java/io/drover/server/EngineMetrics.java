package io.drover.server;

import java.util.List;
import java.util.function.ToDoubleFunction;

import io.drover.actors.EngineStatus;
import io.drover.cluster.DroverNode;

/** What the engines of this process's nodes report, one series per node, and the sums under the names that dashboards read. */
final class EngineMetrics {
    private EngineMetrics() {}

    static void register(final DoorMetrics metrics, final List<DroverNode> nodes) {
        gauge(metrics, nodes, "engine_sequences_running", "Sequences that run on the node", EngineStatus::running);
        gauge(metrics, nodes, "engine_sequences_waiting", "Sequences that wait on the node", EngineStatus::waiting);
        gauge(metrics, nodes, "engine_kv_pages", "Pages of the KV cache", EngineStatus::kvPagesTotal);
        gauge(metrics, nodes, "engine_kv_pages_free", "Pages that no sequence holds", EngineStatus::kvPagesFree);
        gauge(metrics, nodes, "engine_experts", "Expert replicas that are ready on the node", EngineStatus::experts);
        gauge(metrics, nodes, "engine_expert_bytes", "Bytes of their packed weights", EngineStatus::expertBytes);
        gauge(metrics, nodes, "engine_parked_calls", "Expert calls that wait for a replica", EngineStatus::parkedCalls);
        gauge(metrics, nodes, "routing_epoch", "Number of the routing epoch in use", status -> status.epoch().number());
        counter(metrics, nodes, "engine_tokens", "Tokens that the node has sampled", EngineStatus::tokensGenerated);
        counter(metrics, nodes, "engine_positions", "Positions that passed the last layer", EngineStatus::positions);
        counter(metrics, nodes, "engine_local_calls", "Expert calls answered by the node itself", EngineStatus::localCalls);
        counter(metrics, nodes, "engine_remote_calls", "Expert calls sent to other nodes", EngineStatus::remoteCalls);
        counter(metrics, nodes, "engine_repeated_calls", "Expert calls sent again", EngineStatus::repeatedCalls);
        counter(metrics, nodes, "engine_failed_calls", "Expert calls that nobody answered in time", EngineStatus::failedCalls);
        counter(metrics, nodes, "engine_served_calls", "Expert calls answered for other nodes", EngineStatus::servedCalls);
        counter(metrics, nodes, "engine_refused_sequences", "Sequences that were refused", EngineStatus::refusedSequences);
        metrics.counter("num_preemptions", "Sequences that gave up their KV pages", "vllm:num_preemptions",
                () -> sum(nodes, EngineStatus::preemptions));
        metrics.gauge("kv_cache_usage_perc", "Part of the KV pages in use, from 0 to 1", "vllm:kv_cache_usage_perc", () -> {
            final double total = sum(nodes, EngineStatus::kvPagesTotal);
            return total == 0 ? 0 : 1 - sum(nodes, EngineStatus::kvPagesFree) / total;
        });
    }

    private static void gauge(final DoorMetrics metrics, final List<DroverNode> nodes, final String name, final String help,
            final ToDoubleFunction<EngineStatus> value) {
        metrics.gaugePerNode(name, help, each -> nodes
                .forEach(node -> each.accept(node.settings().nodeName(), value.applyAsDouble(node.engineStatus()))));
    }

    private static void counter(final DoorMetrics metrics, final List<DroverNode> nodes, final String name, final String help,
            final ToDoubleFunction<EngineStatus> value) {
        metrics.counterPerNode(name, help, each -> nodes
                .forEach(node -> each.accept(node.settings().nodeName(), value.applyAsDouble(node.engineStatus()))));
    }

    private static double sum(final List<DroverNode> nodes, final ToDoubleFunction<EngineStatus> value) {
        return nodes.stream().mapToDouble(node -> value.applyAsDouble(node.engineStatus())).sum();
    }
}
