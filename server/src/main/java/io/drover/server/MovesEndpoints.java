package io.drover.server;

import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import java.util.function.Supplier;

import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.jspecify.annotations.Nullable;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import io.drover.cluster.MovesView;
import io.drover.cluster.Operation;
import io.drover.cluster.Wish;
import io.drover.placement.RebalanceLedger;

/** The operator's routes: moves, drains, rebalancing and what became of them. Each wish goes to the coordinator and is answered by it. */
final class MovesEndpoints {
    private static final int MAX_ID = 1 << 16;

    private final Supplier<@Nullable Backend> backend;

    /** @param backend null while the node is loading */
    MovesEndpoints(final Supplier<@Nullable Backend> backend) {
        this.backend = backend;
    }

    CompletionStage<HttpResponse> look(final Exchange exchange) {
        return answer(Wish.of(Wish.Kind.LOOK), MovesEndpoints::whole);
    }

    CompletionStage<HttpResponse> move(final Exchange exchange) {
        final Fields body = RequestReader.body(exchange.body());
        final String to = body.text("to");
        return answer(Wish.move((int) required(body, "layer"), (int) required(body, "expert"), to.equals(Wish.NONE) ? "" : to,
                body.get("from") == null ? "" : body.text("from")), MovesEndpoints::begun);
    }

    private static long required(final Fields body, final String name) {
        final Long value = body.integer(name, 0, MAX_ID);
        if (value == null) {
            throw ApiException.invalid(name, "'" + name + "' is missing.");
        }
        return value;
    }

    CompletionStage<HttpResponse> drain(final Exchange exchange) {
        return answer(Wish.drain(RequestReader.body(exchange.body()).text("node")), MovesEndpoints::begun);
    }

    CompletionStage<HttpResponse> rebalance(final Exchange exchange) {
        final String action = RequestReader.body(exchange.body()).text("action");
        return switch (action) {
            case "now" -> answer(Wish.of(Wish.Kind.REBALANCE_NOW), MovesEndpoints::begun);
            case "on" -> answer(Wish.of(Wish.Kind.REBALANCE_ON), MovesEndpoints::whole);
            case "off" -> answer(Wish.of(Wish.Kind.REBALANCE_OFF), MovesEndpoints::whole);
            default -> throw ApiException.invalid("action", "'action' is '" + action + "'; expected now, on or off.");
        };
    }

    /** One operation, or all where none is named. */
    CompletionStage<HttpResponse> operation(final Exchange exchange) {
        if (exchange.rest().isEmpty()) {
            return look(exchange);
        }
        return answer(Wish.look(exchange.rest()), view -> json(view.operations()
                .stream()
                .findFirst()
                .orElseThrow(() -> ApiException.client(404, "no_such_operation", "There is no operation '" + exchange.rest()
                        + "'; operations are forgotten when another coordinator takes over."))));
    }

    CompletionStage<HttpResponse> cancel(final Exchange exchange) {
        return answer(Wish.cancel(exchange.rest()), MovesEndpoints::whole);
    }

    private CompletionStage<HttpResponse> answer(final Wish wish, final Function<MovesView, ObjectNode> render) {
        final Backend node = backend.get();
        if (node == null) {
            throw ApiException.server(503, "loading", "The node is loading.");
        }
        return node.wish(wish).handle((view, failure) -> {
            if (failure != null) {
                throw ApiException.server(503, "no_coordinator",
                        "The coordinator does not answer; tokens flow without it, and another takes over within seconds.");
            }
            if (!view.refusal().isEmpty()) {
                throw ApiException.client(409, "refused", view.refusal());
            }
            return Endpoints.json(200, render.apply(view));
        }).thenCompose(Function.identity());
    }

    private static ObjectNode begun(final MovesView view) {
        return RequestReader.JSON.createObjectNode().put("operation", view.operation());
    }

    private static ObjectNode whole(final MovesView view) {
        final ObjectNode all = RequestReader.JSON.createObjectNode()
                .put("on", view.on())
                .put("idle", view.idle())
                .put("stalled_ms", view.stalledMs());
        final ArrayNode operations = all.putArray("operations");
        view.operations().forEach(operation -> operations.add(json(operation)));
        final ArrayNode moves = all.putArray("moves");
        view.moves().forEach(move -> moves.add(json(move, view.nodes())));
        final ArrayNode alerts = all.putArray("alerts");
        view.alerts().forEach(alerts::add);
        return all;
    }

    private static ObjectNode json(final Operation operation) {
        return RequestReader.JSON.createObjectNode()
                .put("id", operation.id())
                .put("text", operation.text())
                .put("state", operation.state().name().toLowerCase(Locale.ROOT))
                .put("done", operation.done())
                .put("total", operation.total())
                .put("started_ms", operation.startedMs())
                .put("left_ms", operation.leftMs() < 0 ? null : (Long) operation.leftMs())
                .put("note", operation.note());
    }

    private static ObjectNode json(final RebalanceLedger.Entry move, final List<String> nodes) {
        final boolean runs = move.outcome() == RebalanceLedger.Outcome.RUNNING;
        return RequestReader.JSON.createObjectNode()
                .put("id", move.move().toString())
                .put("why", move.why().name().toLowerCase(Locale.ROOT))
                .put("layer", move.layer())
                .put("expert", move.expert())
                .put("from", name(move.from(), nodes))
                .put("to", name(move.to(), nodes))
                .put("bytes", move.bytes())
                .put("started_ms", move.startedNs() / 1_000_000)
                .put("took_ms", runs ? null : (Long) ((move.endedNs() - move.startedNs()) / 1_000_000))
                .put("outcome", move.outcome().name().toLowerCase(Locale.ROOT))
                .put("predicted_gain", number(move.predictedGain()))
                .put("realised_gain", number(move.realisedGain()))
                .put("note", move.note());
    }

    private static @Nullable Double number(final double value) {
        return Double.isNaN(value) ? null : value;
    }

    private static @Nullable String name(final int device, final List<String> nodes) {
        return device >= 0 && device < nodes.size() ? nodes.get(device) : null;
    }
}
