package io.drover.server;

import java.util.List;
import java.util.function.ObjDoubleConsumer;
import java.util.function.ToDoubleFunction;

import io.drover.actors.EngineStatus;
import io.drover.actors.WeightsCounters;
import io.drover.cluster.ClusterStatus;
import io.drover.cluster.LoadBalance;

/** What the engines of this process's nodes report, one series per node, and the sums under the names that dashboards read. */
final class EngineMetrics {
    /** The number of series must not grow with the model. */
    private static final int MOST_LAYERS = 256;
    private static final double MS_PER_S = 1000;
    /** A node asks the coordinator for an answer every second. */
    private static final long SILENT_MS = 2000;

    private EngineMetrics() {}

    static void register(final DoorMetrics metrics, final List<NodeFigures> nodes) {
        gauge(metrics, nodes, "engine_sequences_running", "Sequences that run on the node", EngineStatus::running);
        gauge(metrics, nodes, "engine_sequences_waiting", "Sequences that wait on the node", EngineStatus::waiting);
        gauge(metrics, nodes, "engine_kv_pages", "Pages of the KV cache", EngineStatus::kvPagesTotal);
        gauge(metrics, nodes, "engine_kv_pages_free", "Pages that no sequence of the node holds", EngineStatus::kvPagesFree);
        gauge(metrics, nodes, "engine_experts", "Expert replicas that are ready on the node", EngineStatus::experts);
        gauge(metrics, nodes, "engine_expert_bytes", "Bytes of their packed weights", EngineStatus::expertBytes);
        gauge(metrics, nodes, "engine_parked_calls", "Expert calls that wait for a replica", EngineStatus::parkedCalls);
        gauge(metrics, nodes, "routing_epoch", "Number of the routing epoch in use", status -> status.epoch().number());
        counter(metrics, nodes, "engine_tokens", "Tokens that the node has sampled", EngineStatus::tokensGenerated);
        counter(metrics, nodes, "engine_positions", "Positions that passed the last layer", EngineStatus::positions);
        counter(metrics, nodes, "engine_local_calls", "Expert calls answered by the node itself", EngineStatus::localCalls);
        counter(metrics, nodes, "engine_remote_calls", "Expert calls sent to other nodes", EngineStatus::remoteCalls);
        counter(metrics, nodes, "engine_repeated_calls", "Expert calls given to a replica again", EngineStatus::repeatedCalls);
        counter(metrics, nodes, "engine_failed_calls", "Expert calls that nobody answered in time", EngineStatus::failedCalls);
        counter(metrics, nodes, "engine_served_calls", "Expert calls answered for other nodes", EngineStatus::servedCalls);
        counter(metrics, nodes, "engine_refused_sequences", "Sequences that were refused", EngineStatus::refusedSequences);
        counter(metrics, nodes, "engine_dropped_frames", "Frames of peers that fit neither model nor plane, or came too fast",
                EngineStatus::droppedFrames);
        counter(metrics, nodes, "routing_positions", "Positions that passed the last layer for the first time",
                status -> status.routing().positions());
        counter(metrics, nodes, "routing_expert_calls", "Expert calls of these: positions x routed layers x top-k",
                status -> status.routing().expertCalls());
        counter(metrics, nodes, "routing_recomputed_positions", "Positions that passed the last layer again",
                status -> status.routing().recomputedPositions());
        counter(metrics, nodes, "routing_recomputed_calls", "Expert calls of these",
                status -> status.routing().recomputedCalls());
        counter(metrics, nodes, "routing_abandoned_calls", "Expert calls of positions that were given up on their way",
                status -> status.routing().abandonedCalls());
        counter(metrics, nodes, "engine_hedged_calls", "Expert calls given to a second replica because the first was late",
                status -> status.hedging().calls());
        counter(metrics, nodes, "engine_hedges_won", "Of these, where the second replica answered first",
                status -> status.hedging().won());
        counter(metrics, nodes, "engine_takeovers", "Times that a stream of this gateway went on with another home",
                status -> status.failOver().takeovers());
        counter(metrics, nodes, "engine_fenced_messages", "Messages of homes that had been taken over from",
                status -> status.failOver().fencedMessages());
        buddies(metrics, nodes);
        frames(metrics, nodes);
        counter(metrics, nodes, "engine_sent_bytes", "Bytes of frames sent to other nodes", EngineStatus::sentBytes);
        gauge(metrics, nodes, "engine_homeless_streams", "Streams of this gateway that wait for a home",
                status -> status.failOver().homeless());
        cluster(metrics, nodes, "node_ready", "1 if the node can serve", status -> status.ready() ? 1 : 0);
        cluster(metrics, nodes, "node_cut_off", "1 if the node hears less than half of the cluster and admits nothing",
                status -> status.cutOff().isEmpty() ? 0 : 1);
        cluster(metrics, nodes, "coordinator_silence_seconds", "Since the coordinator last answered the node",
                status -> status.coordinatorAgeMs() / MS_PER_S);
        cluster(metrics, nodes, "coordinator_silent",
                "1 if the coordinator has missed two reports: tokens flow, but nothing is moved or restored",
                status -> status.coordinatorAgeMs() > SILENT_MS ? 1 : 0);
        weights(metrics, nodes);
        metrics.gaugePerNode("routing_balancedness", "Mean device's calls over the busiest one's, of the node's sequences lately",
                each -> nodes.forEach(node -> each.accept(node.name(), node.balance().get().balancedness())));
        metrics.gaugePer("layer", "routing_imbalance",
                "Busiest device's calls over the mean one's in a layer, of the first node's sequences lately",
                each -> imbalance(nodes.getFirst().balance().get(), each));
        metrics.counter("num_preemptions", "Sequences that gave up their KV pages", "vllm:num_preemptions",
                () -> sum(nodes, EngineStatus::preemptions));
        metrics.gauge("kv_cache_usage_perc", "Part of the KV pages in use, from 0 to 1", "vllm:kv_cache_usage_perc", () -> {
            final double total = sum(nodes, EngineStatus::kvPagesTotal);
            return total == 0 ? 0 : 1 - sum(nodes, EngineStatus::kvPagesFree) / total;
        });
    }

    private static void buddies(final DoorMetrics metrics, final List<NodeFigures> nodes) {
        counter(metrics, nodes, "engine_buddy_pages_copied", "KV pages that a buddy was sent whole",
                status -> status.buddy().pagesCopied());
        counter(metrics, nodes, "engine_buddy_bytes_copied", "Bytes of KV pages that buddies were sent",
                status -> status.buddy().bytesCopied());
        counter(metrics, nodes, "engine_buddy_given_up", "Sequences that a buddy had no room for",
                status -> status.buddy().givenUp());
        counter(metrics, nodes, "engine_buddy_evicted", "Sequences of other homes that were dropped for their memory",
                status -> status.buddy().evicted());
        counter(metrics, nodes, "engine_buddy_mismatched", "KV pages that were not taken over because they did not match",
                status -> status.buddy().mismatched());
        counter(metrics, nodes, "engine_buddy_positions_adopted", "Positions of lost homes that were not computed again",
                status -> status.buddy().positionsAdopted());
        gauge(metrics, nodes, "engine_buddy_pages_kept", "KV pages of other homes that the node keeps",
                status -> status.buddy().pagesKept());
    }

    private static void frames(final DoorMetrics metrics, final List<NodeFigures> nodes) {
        counter(metrics, nodes, "engine_rejected_frames",
                "Frames that came malformed, of another version, stale or unauthenticated,"
                        + " from a stranger, or that failed",
                status -> status.drops().total());
        counter(metrics, nodes, "engine_refused_frames", "Frames to other nodes for which there was no room in a queue",
                status -> status.losses().refused());
        counter(metrics, nodes, "engine_expired_frames", "Frames to other nodes that waited too long in a queue",
                status -> status.losses().expired());
        counter(metrics, nodes, "engine_missing_frames", "Frames of other nodes that never came",
                status -> status.losses().missing());
    }

    private static void weights(final DoorMetrics metrics, final List<NodeFigures> nodes) {
        weights(metrics, nodes, "weights_fetched_experts", "Experts whose weights came from another node and were taken into use",
                WeightsCounters::experts);
        weights(metrics, nodes, "weights_fetched_bytes", "Bytes of experts that came from other nodes", WeightsCounters::bytes);
        weights(metrics, nodes, "weights_refused", "Weights refused because of their digest", WeightsCounters::refused);
        weights(metrics, nodes, "weights_broken_fetches", "Fetches that another node refused or that broke off",
                WeightsCounters::broken);
        metrics.counterPerNode("bulk_sent_bytes", "Bytes sent over the bulk plane",
                each -> nodes.forEach(node -> each.accept(node.name(), node.bulk().get().bytesOut())));
        metrics.gaugePerNode("bulk_received_bytes_per_second", "Bytes that arrived over the bulk plane during the last second",
                each -> nodes.forEach(node -> each.accept(node.name(), node.bulk().get().rateIn())));
    }

    private static void weights(final DoorMetrics metrics, final List<NodeFigures> nodes, final String name, final String help,
            final ToDoubleFunction<WeightsCounters> value) {
        metrics.counterPerNode(name, help, each -> nodes
                .forEach(node -> each.accept(node.name(), value.applyAsDouble(node.weights().get()))));
    }

    private static void imbalance(final LoadBalance balance, final ObjDoubleConsumer<String> each) {
        for (int layer = 0; layer < Math.min(MOST_LAYERS, balance.layers().size()); layer++) {
            if (Double.isFinite(balance.layers().get(layer))) {
                each.accept(Integer.toString(layer), balance.layers().get(layer));
            }
        }
    }

    private static void cluster(final DoorMetrics metrics, final List<NodeFigures> nodes, final String name, final String help,
            final ToDoubleFunction<ClusterStatus> value) {
        metrics.gaugePerNode(name, help,
                each -> nodes.forEach(node -> each.accept(node.name(), value.applyAsDouble(node.cluster().get()))));
    }

    private static void gauge(final DoorMetrics metrics, final List<NodeFigures> nodes, final String name, final String help,
            final ToDoubleFunction<EngineStatus> value) {
        metrics.gaugePerNode(name, help, each -> nodes
                .forEach(node -> each.accept(node.name(), value.applyAsDouble(node.status().get()))));
    }

    private static void counter(final DoorMetrics metrics, final List<NodeFigures> nodes, final String name, final String help,
            final ToDoubleFunction<EngineStatus> value) {
        metrics.counterPerNode(name, help, each -> nodes
                .forEach(node -> each.accept(node.name(), value.applyAsDouble(node.status().get()))));
    }

    private static double sum(final List<NodeFigures> nodes, final ToDoubleFunction<EngineStatus> value) {
        return nodes.stream().mapToDouble(node -> value.applyAsDouble(node.status().get())).sum();
    }
}
