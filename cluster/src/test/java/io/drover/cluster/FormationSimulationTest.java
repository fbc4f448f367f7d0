package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Whole clusters of {@link Formation} and {@link Participant} on a network that loses, repeats and delays, from one seed each. */
class FormationSimulationTest {
    private static final int CLUSTERS = Integer.getInteger("drover.formation.clusters", 40);

    @Test
    void keepsItsPromisesUnderFaults() {
        final long firstSeed = Long.getLong("drover.formation.seed", System.nanoTime());
        int restarts = 0;
        int refusals = 0;
        for (long seed = firstSeed; seed < firstSeed + CLUSTERS; seed++) {
            final SimulatedCluster cluster = run(seed);
            restarts += cluster.coordinators();
            refusals += cluster.refusals();
        }
        // Else the faults were too tame to show anything.
        assertThat(restarts).isGreaterThan(3 * CLUSTERS);
        assertThat(refusals).isLessThan(CLUSTERS / 6);
    }

    private static SimulatedCluster run(final long seed) {
        final SimulatedCluster cluster = new SimulatedCluster(seed);
        try {
            cluster.runWithFaults(1500);
            cluster.settle();
        } catch (final AssertionError | RuntimeException e) {
            throw new AssertionError("seed " + seed + "\n" + cluster.history(), e);
        }
        return cluster;
    }
}
