package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;

final class EplbPlannerTest {
    private static final int[][] LOADS = {
        {90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86}, {20, 107, 104, 64, 19, 197, 187, 157, 172, 86, 16, 27}
    };
    private static final int[][][] PUBLISHED = {
        {{5, 6}, {5, 7}, {8, 4}, {3, 4}, {10, 9}, {10, 2}, {0, 1}, {11, 1}},
        {{7, 10}, {6, 8}, {6, 11}, {8, 9}, {2, 4}, {5, 1}, {5, 0}, {3, 1}}
    };
    private static final int[] TWO_EACH = {2, 2, 2, 2, 2, 2, 2, 2};
    private static final int[] TWO_NODES = {0, 0, 0, 0, 1, 1, 1, 1};

    private static double[] load(final int layer) {
        return Arrays.stream(LOADS[layer]).asDoubleStream().toArray();
    }

    /** The worked example of DeepSeek's README: 12 experts, 16 replicas, 4 groups, 2 nodes, 8 devices. */
    @Test
    void reproducesThePublishedExample() {
        for (int layer = 0; layer < 2; layer++) {
            assertThat(EplbPlanner.byNode(load(layer), TWO_EACH, TWO_NODES, 4)).isDeepEqualTo(PUBLISHED[layer]);
        }
    }

    @Test
    void plansThePublishedExampleFromStatistics() {
        final List<Device> devices = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            devices.add(new Device(i, "node-" + i / 4, "host-" + i / 4, "cuda", 1 << 20, 4, new ComputeRate(1, 1)));
        }
        final RoutingStatistics statistics = new RoutingStatistics(new int[]{12, 12}, 1,
                new RoutingStatistics.Limits(12, 8, 0), 1);
        for (int layer = 0; layer < 2; layer++) {
            for (int expert = 0; expert < 12; expert++) {
                statistics.restore(layer, expert, LOADS[layer][expert], 0, 0);
            }
        }
        final PlanRequest request = new PlanRequest(statistics, Topology.of(devices, Link.FREE, new Link(1e9, 0)), null,
                Budget.UNLIMITED, PlannerCases.COST, 1, 100);
        final Placement plan = EplbPlanner.hierarchical(4).plan(request);
        for (int layer = 0; layer < 2; layer++) {
            for (int device = 0; device < 8; device++) {
                for (int expert = 0; expert < 12; expert++) {
                    final int wanted = expert;
                    assertThat(plan.hosts(device, layer, expert))
                            .isEqualTo(IntStream.of(PUBLISHED[layer][device]).anyMatch(e -> e == wanted));
                }
            }
        }
    }

    /**
     * Loads of a plain port of the published code, but for the last two devices of each layer: there it puts both replicas of an
     * expert on one device (and has 134 and 132, 172 and 164.5).
     */
    @Test
    void globalBalancesAsThePublishedCodeDoes() {
        final double[][] expected = {
            {130.5, 95.5, 130, 138, 138.5, 134.5, 139, 127}, {123, 123, 125.5, 118.5, 172, 157.5, 164.5, 172}
        };
        for (int layer = 0; layer < 2; layer++) {
            final double[] load = load(layer);
            final int[] replicas = EplbPlanner.replicate(load, 16, 1, 8);
            final int[][] packs = EplbPlanner.byLoad(load, TWO_EACH, new int[8], 1);
            assertThat(packs).isNotNull();
            for (int device = 0; device < 8; device++) {
                final double sum = IntStream.of(packs[device]).mapToDouble(e -> load[e] / replicas[e]).sum();
                assertThat(sum).as("layer %d, device %d", layer, device).isCloseTo(expected[layer][device], within(1e-9));
            }
        }
    }

    @Test
    void neverPutsAnExpertTwiceOnADevice() {
        // The published code would give device 0 or 1 both replicas of the hot expert's third.
        final int[][] packs = EplbPlanner.byLoad(new double[]{100, 1, 1}, new int[]{2, 2}, new int[]{0, 1}, 1);
        assertThat(packs).isNotNull();
        assertThat(Arrays.stream(packs).flatMapToInt(IntStream::of).sorted().toArray()).containsExactly(0, 0, 1, 2);
        assertThat(packs[0]).contains(0);
        assertThat(packs[1]).contains(0);
    }

    @Test
    void refusesWhatItsHierarchyCannotHonour() {
        final RoutingStatistics statistics = SyntheticRouting.ofLoads(new int[][]{{4, 3, 2, 1}});
        final Topology topology = Topology.uniform(3, 8, new ComputeRate(1, 1), new Link(1e9, 0));
        final PlanRequest request = new PlanRequest(statistics, topology, null, Budget.UNLIMITED, PlannerCases.COST, 1, 100);
        assertThatThrownBy(() -> EplbPlanner.hierarchical(4).plan(request))
                .isInstanceOf(PlanningException.class)
                .hasMessageContaining("4 groups, 3 nodes");
        assertThatThrownBy(() -> EplbPlanner.hierarchical(4).plan(PlannerCases.withBudget(request, new Budget(2, 1000))))
                .isInstanceOf(PlanningException.class)
                .hasMessageContaining("2 distinct nodes");
    }

    /** Devices of 3 and of 4 slots for 4 layers: wherever the larger ones stand, no layer gets much more than another. */
    @Test
    void givesLayersAlikeOfDevicesThatAreNot() {
        final List<Device> devices = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            devices.add(new Device(i, "node-" + i, "host-" + i, "cpu", 1 << 20, i < 8 ? 4 : 3, new ComputeRate(1, 1)));
        }
        final int[][] loads = new int[4][12];
        for (final int[] layer : loads) {
            Arrays.fill(layer, 1);
        }
        final PlanRequest request = new PlanRequest(SyntheticRouting.ofLoads(loads),
                Topology.of(devices, Link.FREE, new Link(1e9, 0)), null, Budget.UNLIMITED, PlannerCases.COST, 1, 100);
        for (final int[] layer : LayerSlots.of(request)) {
            assertThat(IntStream.of(layer).sum()).isBetween(13, 15);
        }
    }
}
