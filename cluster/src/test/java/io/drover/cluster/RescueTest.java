package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;

import io.drover.actors.RoutingTable;
import io.drover.placement.Epoch;
import io.drover.placement.Placement;
import io.drover.streams.Endpoint;

final class RescueTest {
    private static final int LAYERS = 4;
    private static final int EXPERTS = 16;
    private static final long AFTER_NS = 500;

    /** Expert e is on device e modulo {@code nodes}; every fourth of them on the next device too. */
    private static RoutingTable table(final int nodes, final long number) {
        final int[][][] devices = new int[LAYERS][EXPERTS][];
        for (int layer = 0; layer < LAYERS; layer++) {
            for (int expert = 0; expert < EXPERTS; expert++) {
                devices[layer][expert] = expert % 4 == 3
                        ? new int[]{expert % nodes, (expert + 1) % nodes}
                        : new int[]{expert % nodes};
            }
        }
        final List<Endpoint> endpoints = new ArrayList<>();
        for (int node = 0; node < nodes; node++) {
            endpoints.add(new Endpoint(node, 1, "node-" + node, "host", "host:" + node, 1000));
        }
        return new RoutingTable(endpoints, Placement.of(new Epoch(1, number), devices),
                IntStream.range(0, nodes).boxed().toList());
    }

    private static RoutingTable rescued(final RoutingTable base, final Set<Integer> suspects) {
        final Rescue rescue = new Rescue(AFTER_NS);
        assertThat(rescue.step(base, suspects, AFTER_NS, 0)).isNull();
        return Objects.requireNonNullElse(rescue.step(base, suspects, AFTER_NS, AFTER_NS), base);
    }

    @Test
    void beginsWhenNodesAndCoordinatorHaveBeenSilentAndLastsUntilTheNextTable() {
        final RoutingTable base = table(4, 1);
        final Rescue rescue = new Rescue(AFTER_NS);
        rescue.step(base, Set.of(2), 0, 0);
        assertThat(rescue.step(base, Set.of(2), AFTER_NS - 1, AFTER_NS)).as("the coordinator may yet answer").isNull();
        assertThat(rescue.step(base, Set.of(1), AFTER_NS, AFTER_NS + 1)).as("another node is silent").isNull();
        final RoutingTable first = rescue.step(base, Set.of(1), AFTER_NS, 2 * AFTER_NS + 1);
        assertThat(first).isNotNull();
        assertThat(rescue.step(base, Set.of(1), 0, 3 * AFTER_NS)).as("a coordinator that answers changes nothing")
                .isEqualTo(first);
        assertThat(rescue.step(table(4, 2), Set.of(1), 0, 3 * AFTER_NS)).as("a table does").isNull();
        assertThat(rescue.step(base, Set.of(), AFTER_NS, 9 * AFTER_NS)).as("all are heard").isNull();
    }

    @Test
    void onlyLostExpertsGetANewPlaceAndAllNodesSayWhich() {
        for (long seed = 0; seed < 300; seed++) {
            final Random random = new Random(seed);
            final int nodes = 2 + random.nextInt(6);
            final RoutingTable base = table(nodes, 1);
            final Set<Integer> suspects = random.ints(1 + random.nextInt(nodes - 1), 0, nodes)
                    .boxed()
                    .collect(Collectors.toSet());
            final RoutingTable now = rescued(base, suspects);
            assertThat(now).as("seed %d", seed).isEqualTo(rescued(base, suspects));
            for (int layer = 0; layer < LAYERS; layer++) {
                for (int expert = 0; expert < EXPERTS; expert++) {
                    final List<Integer> before = holders(base, layer, expert);
                    final List<Integer> after = holders(now, layer, expert);
                    assertThat(after).as("seed %d", seed)
                            .containsAll(before)
                            .anyMatch(device -> !suspects.contains(device))
                            .hasSize(before.size() + (suspects.containsAll(before) ? 1 : 0));
                }
            }
        }
    }

    @Test
    void aFurtherLossMovesOnlyWhatItTook() {
        final RoutingTable base = table(5, 1);
        final RoutingTable one = rescued(base, Set.of(0));
        final RoutingTable two = rescued(base, Set.of(0, 3));
        for (int layer = 0; layer < LAYERS; layer++) {
            for (int expert = 0; expert < EXPERTS; expert++) {
                if (!holders(one, layer, expert).contains(3)) {
                    assertThat(holders(two, layer, expert)).isEqualTo(holders(one, layer, expert));
                }
            }
        }
    }

    private static List<Integer> holders(final RoutingTable table, final int layer, final int expert) {
        return IntStream.range(0, table.placement().replicas(layer, expert))
                .mapToObj(i -> table.placement().device(layer, expert, i))
                .toList();
    }
}
