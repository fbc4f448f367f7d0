package io.drover.server;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

import org.apache.pekko.NotUsed;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import io.drover.cluster.DroverNode;
import io.drover.cluster.MovesView;
import io.drover.cluster.TraceLines;
import io.drover.cluster.Wish;
import io.drover.model.ModelConfig;

/** The door's view of real nodes: the first answers the door's clients, the others run in the same process. */
final class NodeBackend implements Backend {
    private static final ObjectMapper JSON = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .build();

    private final ServedModel model;
    private final ModelConfig config;
    private final List<DroverNode> nodes;

    NodeBackend(final ServedModel model, final ModelConfig config, final List<DroverNode> nodes) {
        this.model = model;
        this.config = config;
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
    public String obstacle() {
        return nodes.getFirst().status().reason();
    }

    @Override
    public String cutOff() {
        return nodes.getFirst().status().cutOff();
    }

    @Override
    public CompletionStage<MovesView> wish(final Wish wish) {
        return nodes.getFirst().wish(wish);
    }

    @Override
    public CompletionStage<ObjectNode> routing() {
        return nodes.getFirst().routing().thenApply(RoutingJson::of);
    }

    @Override
    public CompletionStage<Source<ByteString, NotUsed>> record() {
        final ByteString header;
        try {
            header = TraceLines.header(model.name(), config);
        } catch (final IllegalArgumentException e) {
            return CompletableFuture.failedFuture(e);
        }
        return nodes.getFirst().record().thenApply(lines -> Source.single(header).concat(lines));
    }

    @Override
    public void stopRecording() {
        nodes.getFirst().stopRecording();
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
