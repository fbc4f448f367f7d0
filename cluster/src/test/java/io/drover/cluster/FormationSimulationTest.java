package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.LongStream;

import org.junit.jupiter.api.Test;

/**
 * Whole clusters of {@link Formation} and {@link Participant} on a network that loses, repeats and delays, from one seed each. A
 * build runs the same thousand every time; {@code -Ddrover.formation.seed} and {@code -Ddrover.formation.clusters} run others.
 */
class FormationSimulationTest {
    private static final int CLUSTERS = Integer.getInteger("drover.formation.clusters", 1000);

    @Test
    void keepsItsPromisesUnderFaults() {
        final long firstSeed = Long.getLong("drover.formation.seed", 1);
        final List<int[]> faults = LongStream.range(firstSeed, firstSeed + CLUSTERS)
                .parallel()
                .mapToObj(FormationSimulationTest::run)
                .toList();
        // Else the faults were too tame to show anything.
        assertThat(faults.stream().mapToInt(counts -> counts[0]).sum()).isGreaterThan(3 * CLUSTERS);
        assertThat(faults.stream().mapToInt(counts -> counts[1]).sum()).isLessThanOrEqualTo(CLUSTERS / 6);
    }

    /** How many coordinators it had, and how many nodes were refused. */
    private static int[] run(final long seed) {
        final SimulatedCluster cluster = new SimulatedCluster(seed);
        try {
            cluster.runWithFaults(1500);
            cluster.settle();
        } catch (final AssertionError | RuntimeException e) {
            throw new AssertionError("seed " + seed + "\n" + cluster.history(), e);
        }
        return new int[]{cluster.coordinators(), cluster.refusals()};
    }
}
