package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import com.fasterxml.jackson.databind.JsonNode;

import io.drover.actors.EngineStatus;
import io.drover.actors.WeightsCounters;
import io.drover.cluster.ClusterStatus;
import io.drover.cluster.LoadBalance;
import io.drover.cluster.RoutingView;
import io.drover.placement.Epoch;
import io.drover.placement.Placement;
import io.drover.placement.RoutingStatistics;
import io.drover.streams.BulkCounters;

/** What is told of a large model's routing stays small. */
class RoutingFiguresTest {
    private static final int LAYERS = 61;
    private static final int EXPERTS = 384;
    private static final int TOP_K = 8;

    /** All zero but for the routing: what else the status tells is of no interest here. */
    private static EngineStatus status() throws ReflectiveOperationException {
        final RecordComponent[] components = EngineStatus.class.getRecordComponents();
        final Object[] values = new Object[components.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = components[i].getType() == EngineStatus.Routing.class
                    ? new EngineStatus.Routing(30, 30 * LAYERS * TOP_K, 31, 32, 33, 34)
                    : zero(components[i].getType());
        }
        return EngineStatus.class
                .getDeclaredConstructor(Arrays.stream(components).map(RecordComponent::getType).toArray(Class[]::new))
                .newInstance(values);
    }

    private static @Nullable Object zero(final Class<?> type) throws ReflectiveOperationException {
        if (type.isPrimitive()) {
            return Array.get(Array.newInstance(type, 1), 0);
        }
        if (type == Epoch.class) {
            return Epoch.NONE;
        }
        if (!type.isRecord()) {
            return List.of();
        }
        final Class<?>[] types = Arrays.stream(type.getRecordComponents()).map(RecordComponent::getType).toArray(Class[]::new);
        final Object[] values = new Object[types.length];
        for (int i = 0; i < types.length; i++) {
            values[i] = zero(types[i]);
        }
        final Constructor<?> constructor = type.getDeclaredConstructor(types);
        return constructor.newInstance(values);
    }

    @Test
    void seriesDoNotGrowWithTheModel() throws ReflectiveOperationException {
        final EngineStatus status = status();
        final DoorMetrics metrics = new DoorMetrics("kimi-k2");
        final LoadBalance balance = new LoadBalance(Collections.nCopies(LAYERS, 1.5), 0.75);
        final ClusterStatus cluster = new ClusterStatus(false, "cut off", "cut off", Epoch.NONE, "kimi-k2", "float32", "float32",
                "node-1", 2500, List.of());
        EngineMetrics.register(metrics, IntStream.rangeClosed(1, 8)
                .mapToObj(i -> new NodeFigures("node-" + i, () -> status, () -> balance, () -> cluster,
                        () -> new WeightsCounters(3, 1 << 20, 1, 2), () -> BulkCounters.NONE))
                .toList());
        final List<String> series = metrics.text().utf8String().lines().filter(line -> !line.startsWith("#")).toList();
        assertThat(series).hasSizeLessThan(2000).hasSizeGreaterThan(LAYERS);
        assertThat(series).anyMatch(line -> line.startsWith("drover_routing_expert_calls_total{")
                && line.contains("node=\"node-3\"") && line.endsWith(" " + 30.0 * LAYERS * TOP_K));
        assertThat(series).anyMatch(line -> line.startsWith("drover_routing_imbalance{") && line.contains("layer=\"60\"")
                && line.endsWith(" 1.5"));
        assertThat(series).anyMatch(line -> line.startsWith("drover_coordinator_silent{") && line.endsWith(" 1.0"));
        assertThat(series).anyMatch(line -> line.startsWith("drover_node_cut_off{") && line.endsWith(" 1.0"));
        assertThat(series).anyMatch(line -> line.startsWith("drover_weights_refused_total{") && line.endsWith(" 1.0"));
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
