package io.drover.server;

import java.util.PriorityQueue;
import java.util.function.DoubleSupplier;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import io.drover.cluster.RoutingView;
import io.drover.placement.Placement;
import io.drover.placement.Relation;
import io.drover.placement.RoutingStatistics;

/**
 * {@code GET /admin/routing}: per layer the load of each expert, its replicas' devices and the heaviest pairs; for all the balance. Its
 * size grows with the number of experts, some 20 bytes each, and not with their pairs.
 */
final class RoutingJson {
    /** Pairs shown of a layer, per relation. */
    private static final int PAIRS = 16;

    private record Pair(int from, int to, float count) {}

    private RoutingJson() {}

    static ObjectNode of(final RoutingView view) {
        final RoutingStatistics statistics = view.statistics();
        final ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("scope", view.wholeCluster() ? "cluster" : "node").put("nodes", view.nodes());
        if (!view.wholeCluster()) {
            json.put("note", "the coordinator has no report or did not answer; these are the choices of this node's sequences");
        }
        json.put("tokens_per_second", rounded(view.tokensPerSecond()))
                .put("positions", rounded(statistics.positions()))
                .put("top_k", statistics.topK());
        final Placement placement = view.placement();
        if (placement != null) {
            json.putObject("epoch").put("term", placement.epoch().term()).put("number", placement.epoch().number());
        }
        final ArrayNode devices = json.putArray("devices");
        view.devices().forEach((device, node) -> devices.addObject().put("device", device).put("node", node));
        number(json, "imbalance", () -> view.balance().imbalance());
        number(json, "worst_imbalance", () -> view.balance().worst());
        number(json, "balancedness", () -> view.balance().balancedness());
        final ArrayNode layers = json.putArray("layers");
        for (final int layer : statistics.routedLayers()) {
            layer(layers.addObject().put("layer", layer), view, layer);
        }
        return json;
    }

    private static void layer(final ObjectNode json, final RoutingView view, final int layer) {
        final RoutingStatistics statistics = view.statistics();
        if (layer < view.balance().layers().size()) {
            number(json, "imbalance", () -> view.balance().layers().get(layer));
        }
        final ArrayNode calls = json.putArray("calls");
        final ArrayNode gates = json.putArray("gate_mass");
        for (int expert = 0; expert < statistics.experts(layer); expert++) {
            calls.add(rounded(statistics.calls(layer, expert)));
            gates.add(rounded(statistics.gateMass(layer, expert)));
        }
        final Placement placement = view.placement();
        if (placement != null) {
            final ArrayNode replicas = json.putArray("replicas");
            for (int expert = 0; expert < placement.experts(layer); expert++) {
                final ArrayNode on = replicas.addArray();
                for (int replica = 0; replica < placement.replicas(layer, expert); replica++) {
                    on.add(placement.device(layer, expert, replica));
                }
            }
        }
        pairs(json.putArray("coactivation"), statistics, Relation.COACTIVATION, layer);
        if (statistics.nextRouted(layer) >= 0) {
            json.put("next_layer", statistics.nextRouted(layer));
            pairs(json.putArray("transitions"), statistics, Relation.TRANSITION, layer);
        }
    }

    private static void pairs(final ArrayNode json, final RoutingStatistics statistics, final Relation relation,
            final int layer) {
        final PriorityQueue<Pair> heaviest = new PriorityQueue<>((a, b) -> Float.compare(a.count(), b.count()));
        for (int expert = 0; expert < statistics.experts(layer); expert++) {
            final int from = expert;
            statistics.forEachPair(relation, layer, from, (to, count) -> {
                // Co-activation is counted in both directions.
                if (relation != Relation.COACTIVATION || from < to) {
                    heaviest.add(new Pair(from, to, count));
                    if (heaviest.size() > PAIRS) {
                        heaviest.remove();
                    }
                }
            });
        }
        heaviest.stream()
                .sorted((a, b) -> Float.compare(b.count(), a.count()))
                .forEach(pair -> json.addObject()
                        .put("from", pair.from())
                        .put("to", pair.to())
                        .put("count", rounded(pair.count())));
    }

    /** JSON has no NaN: what is not known is null. */
    private static void number(final ObjectNode json, final String name, final DoubleSupplier value) {
        final double number = value.getAsDouble();
        if (Double.isFinite(number)) {
            json.put(name, Math.round(number * 1e4) / 1e4);
        } else {
            json.putNull(name);
        }
    }

    private static double rounded(final double value) {
        return Math.round(value * 100) / 100.0;
    }
}
