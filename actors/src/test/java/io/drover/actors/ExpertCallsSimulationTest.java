package io.drover.actors;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/**
 * Expert calls of one node against the services of two others, over a network that loses, doubles and delays frames, with
 * replicas that come and go, links that take nothing for a while, peers that become slow, stand still or die: every call comes back exactly once with the right bits, or
 * its chunk is failed within the call timeout; and second calls stay within their budget.
 */
class ExpertCallsSimulationTest {
    @Test
    void everyCallComesBackOnceOrFailsInTime() {
        int ready = 0;
        int failed = 0;
        long hedged = 0;
        long won = 0;
        for (long seed = 0; seed < 150; seed++) {
            final ExpertCallsWorld world = new ExpertCallsWorld(seed);
            try {
                final boolean kill = world.random.nextInt(5) == 0;
                final boolean slow = world.random.nextInt(2) == 0;
                final boolean suspect = world.random.nextInt(4) == 0;
                final boolean full = world.random.nextInt(2) == 0;
                final boolean churn = world.random.nextInt(2) == 0;
                world.churn = churn;
                for (int i = 0; i < 600; i++) {
                    if (churn && i == 550) {
                        world.churn = false;
                        world.registerAll();
                    }
                    if (kill && i == 200) {
                        world.kill(1 + world.random.nextInt(ExpertCallsWorld.NODES - 1));
                    }
                    if (slow && world.random.nextInt(60) == 0) {
                        world.slow(1 + world.random.nextInt(ExpertCallsWorld.NODES - 1));
                    }
                    if (suspect && world.random.nextInt(60) == 0) {
                        world.suspect(1 + world.random.nextInt(ExpertCallsWorld.NODES - 1));
                    }
                    if (full && world.random.nextInt(60) == 0) {
                        world.refuse(1 + world.random.nextInt(ExpertCallsWorld.NODES - 1));
                    }
                    world.step();
                }
                world.closing = true;
                for (int i = 0; i <= (ExpertCallsWorld.CALL_TIMEOUT + 500) / 10 && !world.open.isEmpty(); i++) {
                    world.step();
                }
                assertThat(world.open).as("chunks that wait for nothing").isEmpty();
                if (!kill && !suspect && !churn) {
                    assertThat(world.failed).as("with a replica of every expert").isZero();
                }
                ready += world.ready;
                failed += world.failed;
                hedged += world.calls.counters().hedgedCalls;
                won += world.calls.counters().hedgesWon;
                assertThat(world.calls.counters().hedgesWon).isLessThanOrEqualTo(world.calls.counters().hedgedCalls);
            } catch (final AssertionError | RuntimeException failure) {
                throw new AssertionError("seed " + seed, failure);
            }
        }
        assertThat(ready).isGreaterThan(8_000);
        assertThat(failed).as("chunks whose experts died").isPositive();
        assertThat(hedged).as("second calls").isGreaterThan(500);
        assertThat(won).as("second calls that were answered first").isGreaterThan(hedged / 10);
        System.out.printf("%d chunks, %d second calls, %d of them won%n", ready, hedged, won);
    }
}
