package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

final class MeasuresTest {
    private static final double PLAIN = Double.POSITIVE_INFINITY;
    private static final ComputeRate RATE = new ComputeRate(1e-3, 1e-5);

    private static Topology devices(final int count) {
        return Topology.uniform(count, 1000, RATE, new Link(1e9, 1e-4));
    }

    @Test
    void countsAPathByHandInHome() {
        final Placement placement = Placement.of(Epoch.NONE, new int[][][]{{{0}, {1}, {1}, {2}}, {{0}, {0}, {2}, {2}}});
        final Measures measures = new Measures(placement, devices(3), Mode.HOME, PLAIN);
        measures.position(0, new int[][]{{1, 2, 3, 0}, {0, 1, 2, 3}});
        final Measured measured = measures.measured();
        // Layer 0: dispatch to 1 and 2, returns 2 + 1. Layer 1: dispatch to 2, returns 2.
        assertThat(measured.tokenLayers()).isEqualTo(2);
        assertThat(measured.traffic()).isEqualTo(new Traffic(3 / 2.0, 0, 5 / 2.0, 3 / 2.0));
        assertThat(measured.vectors()).isEqualTo(4);
        assertThat(measured.copies()).isEqualTo(3);
        // Calls of layer 0 are 1, 2, 1 and of layer 1 are 2, 0, 2; the mean is 4 / 3.
        assertThat(measured.imbalance()).isCloseTo(1.5, within(1e-12));
        assertThat(measured.balancedness()).isCloseTo(2.0 / 3, within(1e-12));
        assertThat(measured.attentionImbalance()).isEqualTo(3);
        assertThat(measured.bytes(new Wire(10, 2, 4, 100, 1, false))).isEqualTo(4 * 24);
        assertThat(measured.bytes(new Wire(10, 2, 4, 100, 3, false))).isEqualTo(4 * 24 + 200);
        assertThat(measured.bytes(new Wire(10, 2, 4, 100, 3, true))).isEqualTo(4 * 24 + 100);
    }

    @Test
    void countsAPathByHandInWalk() {
        final Placement placement = Placement.of(Epoch.NONE, new int[][][]{{{0}, {1}, {1}, {2}}, {{0}, {0}, {2}, {2}}});
        final Measures measures = new Measures(placement, devices(3), Mode.WALK, PLAIN);
        measures.position(0, new int[][]{{1, 2, 3, 0}, {0, 1, 2, 3}});
        final Measured measured = measures.measured();
        // Layer 0 moves from 0 to 1: residual to 1, dispatch to 2, returns from 2 and 0. Layer 1 moves to 0: dispatch to 2, 2 returns.
        assertThat(measured.traffic()).isEqualTo(new Traffic(2 / 2.0, 2 / 2.0, 4 / 2.0, 3 / 2.0));
        assertThat(measured.bytes(new Wire(10, 2, 4, 0, 1, false))).isEqualTo(24 + 44 + 2 * 24);
    }

    /** Without replicas there is no choice: compares with a second count written straight from the definitions. */
    @Test
    void agreesWithAPlainCount() {
        for (long seed = 1; seed <= 30; seed++) {
            final SplittableRandom random = new SplittableRandom(seed);
            final int[] shape = {8, 0, 12, 8};
            final int devices = 2 + random.nextInt(4);
            final int[][][] at = new int[4][][];
            for (int layer = 0; layer < 4; layer++) {
                at[layer] = new int[shape[layer]][1];
                for (final int[] expert : at[layer]) {
                    expert[0] = random.nextInt(devices);
                }
            }
            final Topology topology = devices(devices);
            for (final Mode mode : Mode.values()) {
                final Measures measures = new Measures(Placement.of(Epoch.NONE, at), topology, mode, PLAIN);
                final SyntheticRouting routing = new SyntheticRouting(shape, 3, 0.7, 0.4, seed);
                long vectors = 0;
                long copies = 0;
                for (int i = 0; i < 200; i++) {
                    int from = Measures.drawHome(topology, seed, i / 20);
                    measures.position(from, routing.next());
                    for (final int layer : new int[]{0, 2, 3}) {
                        final int combine = mode == Mode.HOME ? from : at[layer][routing.chosen[layer][0]][0];
                        final Set<Integer> used = new HashSet<>();
                        for (final int expert : routing.chosen[layer]) {
                            used.add(at[layer][expert][0]);
                            vectors += at[layer][expert][0] != combine ? 1 : 0;
                        }
                        final int start = from;
                        vectors += used.stream().filter(device -> device != start).count();
                        copies += used.stream().filter(device -> device != start).count()
                                + used.stream().filter(device -> device != combine).count();
                        from = combine;
                    }
                }
                assertThat(measures.measured().vectors()).as("seed %d, %s", seed, mode).isCloseTo(vectors / 600.0, within(1e-9));
                assertThat(measures.measured().copies()).as("seed %d, %s", seed, mode).isCloseTo(copies / 600.0, within(1e-9));
            }
        }
    }

    @Test
    void everywhereCostsNothingAndOneDeviceIsBalanced() {
        final int[][][] everywhere = {{{0, 1}, {0, 1}, {0, 1}, {0, 1}}};
        for (final Mode mode : Mode.values()) {
            final Measures measures = new Measures(Placement.of(Epoch.NONE, everywhere), devices(2), mode, PLAIN);
            for (int i = 0; i < 10; i++) {
                measures.position(i % 2, new int[][]{{0, 1}});
            }
            assertThat(measures.measured().vectors()).isZero();
            assertThat(measures.measured().imbalance()).isEqualTo(1);
        }
    }

    @Test
    void slackBoundsTheImbalanceWhereReplicasAllowIt() {
        final int[][][] everywhere = {{{0, 1}, {0, 1}, {0, 1}, {0, 1}}};
        final Measures plain = new Measures(Placement.of(Epoch.NONE, everywhere), devices(2), Mode.HOME, PLAIN);
        final Measures bounded = new Measures(Placement.of(Epoch.NONE, everywhere), devices(2), Mode.HOME, 0.1);
        for (int i = 0; i < 2000; i++) {
            plain.position(0, new int[][]{{0, 1}});
            bounded.position(0, new int[][]{{0, 1}});
        }
        assertThat(plain.measured().imbalance()).isEqualTo(2);
        assertThat(bounded.measured().imbalance()).isLessThan(1.11);
        assertThat(bounded.measured().vectors()).isGreaterThan(0);
    }

    @Test
    void homesAreUniformAndDependOnTheSeed() {
        final Topology topology = devices(4);
        final int[] drawn = new int[4];
        int same = 0;
        for (int sequence = 0; sequence < 40_000; sequence++) {
            drawn[Measures.drawHome(topology, 5, sequence)]++;
            same += Measures.drawHome(topology, 5, sequence) == Measures.drawHome(topology, 6, sequence) ? 1 : 0;
        }
        for (final int count : drawn) {
            assertThat(count).isBetween(9_480, 10_520);
        }
        assertThat(same).isBetween(9_480, 10_520);
    }

    @Test
    void aLostExpertIsNamed() {
        final Measures measures = new Measures(Placement.of(Epoch.NONE, new int[][][]{{{0}, {}}}), devices(1), Mode.HOME, PLAIN);
        assertThatThrownBy(() -> measures.position(0, new int[][]{{0, 1}}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("L0/E1");
    }
}
