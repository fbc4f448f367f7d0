package io.drover.server;

import java.util.List;
import java.util.concurrent.CompletionStage;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import io.drover.cluster.DroverNode;

/** The door's view of real nodes: the first answers the door's clients, the others run in the same process. */
final class NodeBackend implements Backend {
    private static final ObjectMapper JSON = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .build();

    private final ServedModel model;
    private final List<DroverNode> nodes;

    NodeBackend(final ServedModel model, final List<DroverNode> nodes) {
        this.model = model;
        this.nodes = List.copyOf(nodes);
    }

    @Override
    public ServedModel model() {
        return model;
    }

    @Override
    public boolean ready() {
        return nodes.getFirst().status().ready();
    }

    @Override
    public CompletionStage<ObjectNode> routing() {
        return nodes.getFirst().routing().thenApply(RoutingJson::of);
    }

    @Override
    public ObjectNode status() {
        final ObjectNode status = JSON.valueToTree(nodes.getFirst().status());
        status.put("kernels", nodes.getFirst().kernels());
        final ArrayNode engines = status.putArray("engines");
        for (final DroverNode node : nodes) {
            final ObjectNode engine = engines.addObject().put("node", node.settings().nodeName());
            engine.setAll(JSON.<ObjectNode>valueToTree(node.engineStatus()));
        }
        return status;
    }
}
