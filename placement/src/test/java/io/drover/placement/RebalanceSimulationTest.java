package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/**
 * Ten thousand schedules of joins, losses, drains, restarts and a bad network; {@code -Ddrover.rebalance.schedules=N} runs another number,
 * {@code -Ddrover.rebalance.seed=S} one.
 */
final class RebalanceSimulationTest {
    private static final int SCHEDULES = Integer.getInteger("drover.rebalance.schedules", 10_000);

    @Test
    void holdsItsInvariantsAfterEveryEvent() {
        final Long only = Long.getLong("drover.rebalance.seed");
        long events = 0;
        for (long seed = only == null ? 0 : only; seed < (only == null ? SCHEDULES : only + 1); seed++) {
            final RebalanceSimulation simulation = new RebalanceSimulation(seed);
            try {
                simulation.run();
            } catch (final AssertionError | RuntimeException e) {
                throw new AssertionError("schedule " + seed + " (-Ddrover.rebalance.seed=" + seed + "): " + e.getMessage() + "\n"
                        + simulation.story(), e);
            }
            events += simulation.history.size();
        }
        assertThat(events).as("events and commands").isGreaterThan(only == null ? 50L * SCHEDULES : 10);
    }
}
