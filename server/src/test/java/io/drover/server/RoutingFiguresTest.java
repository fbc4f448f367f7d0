package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;

import com.fasterxml.jackson.databind.JsonNode;

import io.drover.actors.EngineStatus;
import io.drover.cluster.LoadBalance;
import io.drover.cluster.RoutingView;
import io.drover.placement.Epoch;
import io.drover.placement.Placement;
import io.drover.placement.RoutingStatistics;

/** What is told of a large model's routing stays small. */
class RoutingFiguresTest {
    private static final int LAYERS = 61;
    private static final int EXPERTS = 384;
    private static final int TOP_K = 8;

    private static final EngineStatus STATUS = new EngineStatus(new Epoch(1, 2), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
            15,
            16, 17, 18, 19, 20, 21, 22, new EngineStatus.Routing(30, 30 * LAYERS * TOP_K, 31, 32, 33, 34), List.of());

    @Test
    void seriesDoNotGrowWithTheModel() {
        final DoorMetrics metrics = new DoorMetrics("kimi-k2");
        final LoadBalance balance = new LoadBalance(Collections.nCopies(LAYERS, 1.5), 0.75);
        EngineMetrics.register(metrics, IntStream.rangeClosed(1, 8)
                .mapToObj(i -> new NodeFigures("node-" + i, () -> STATUS, () -> balance))
                .toList());
        final List<String> series = metrics.text().utf8String().lines().filter(line -> !line.startsWith("#")).toList();
        assertThat(series).hasSizeLessThan(2000).hasSizeGreaterThan(LAYERS);
        assertThat(series).anyMatch(line -> line.startsWith("drover_routing_expert_calls_total{")
                && line.contains("node=\"node-3\"") && line.endsWith(" " + 30.0 * LAYERS * TOP_K));
        assertThat(series).anyMatch(line -> line.startsWith("drover_routing_imbalance{") && line.contains("layer=\"60\"")
                && line.endsWith(" 1.5"));
        assertThat(series).noneMatch(line -> line.contains("expert="));
    }

    @Test
    void theJsonIsBoundedAndNamesTheHeaviestPairs() {
        final int[] experts = new int[LAYERS];
        Arrays.fill(experts, EXPERTS);
        final RoutingStatistics statistics = new RoutingStatistics(experts, TOP_K, new RoutingStatistics.Limits(64, 16, 64), 1);
        final int[][] chosen = new int[LAYERS][TOP_K];
        final float[][] gates = new float[LAYERS][TOP_K];
        for (int position = 0; position < 600; position++) {
            // Every second position takes the same path, the others walk through all experts.
            final int first = position % 2 == 0 ? 7 : position;
            for (int layer = 0; layer < LAYERS; layer++) {
                for (int rank = 0; rank < TOP_K; rank++) {
                    chosen[layer][rank] = (first + 11 * rank) % EXPERTS;
                    gates[layer][rank] = 1f / TOP_K;
                }
            }
            statistics.record(position, chosen, gates);
        }
        final int[][][] devices = new int[LAYERS][EXPERTS][];
        for (final int[][] layer : devices) {
            Arrays.setAll(layer, expert -> new int[]{expert % 4});
        }
        final JsonNode json = RoutingJson.of(new RoutingView(true, 4, 1234.567, statistics,
                Placement.of(new Epoch(3, 9), devices), Map.of(2, "c", 0, "a", 1, "b", 3, "d"), LoadBalance.UNKNOWN));
        assertThat(json.toString().length()).isLessThan(1_500_000);
        assertThat(json.path("tokens_per_second").asDouble()).isEqualTo(1234.57);
        assertThat(json.at("/epoch/number").asInt()).isEqualTo(9);
        assertThat(json.at("/devices").findValuesAsText("node")).containsExactly("a", "b", "c", "d");
        assertThat(json.path("imbalance").isNull()).isTrue();
        assertThat(json.path("layers")).hasSize(LAYERS);
        final JsonNode layer = json.at("/layers/5");
        assertThat(layer.path("calls")).hasSize(EXPERTS);
        assertThat(layer.at("/calls/7").asDouble()).isGreaterThanOrEqualTo(300);
        assertThat(layer.at("/replicas/6/0").asInt()).isEqualTo(2);
        assertThat(layer.path("transitions")).hasSize(16);
        assertThat(layer.at("/transitions/0/count").asDouble()).isGreaterThanOrEqualTo(250);
        assertThat((layer.at("/transitions/0/from").asInt() - 7) % 11).isZero();
        assertThat(json.at("/layers/60").has("transitions")).isFalse();
    }
}
