package io.drover.actors;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;

/**
 * A gateway's desk and the desks of three homes over a network that loses, doubles and delays messages, while homes stand still,
 * go on, die, start anew and leave: every stream ends exactly once, with the tokens of a run without any of that, each once and in
 * order; and in the end no home holds a page.
 */
class GatewayDeskSimulationTest {
    @Test
    void everyStreamEndsOnceWithTheTokensOfAnUndisturbedRun() {
        int finished = 0;
        int refused = 0;
        long takeovers = 0;
        long fenced = 0;
        for (long seed = 0; seed < 600; seed++) {
            final GatewayDeskWorld world = new GatewayDeskWorld(seed);
            final boolean mishaps = world.random.nextInt(4) > 0;
            try {
                world.run(20, mishaps);
                assertThat(world.ends.values()).allMatch(TokenEvent.Finished.class::isInstance);
                finished += world.ends.size();
                refused += world.refusals.size();
                takeovers += world.desk.takeovers();
                fenced += world.desk.fenced();
                if (!mishaps) {
                    assertThat(world.desk.takeovers()).isZero();
                }
            } catch (final AssertionError | RuntimeException failure) {
                throw new AssertionError("seed " + seed + "\n" + world.history, failure);
            }
        }
        assertThat(finished).isGreaterThan(5_000);
        assertThat(refused).as("requests that met full queues").isGreaterThan(10);
        assertThat(takeovers).as("streams that changed their home").isGreaterThan(500);
        assertThat(fenced).as("messages of homes that had been taken over from").isGreaterThan(500);
    }

    @Test
    void whoKeepsThePagesIsAskedFirst() {
        int asked = 0;
        for (long seed = 0; seed < 40; seed++) {
            final GatewayDeskWorld world = new GatewayDeskWorld(seed);
            world.submit(1);
            while (world.received.get(1L).isEmpty()) {
                world.step();
            }
            final int home = homeOf(world);
            final int buddy = (home + 1 + (int) seed % 2) % GatewayDeskWorld.HOMES;
            for (long term = 1; term < 5; term++) {
                world.desk.onKeptBy(home, 1, term, buddy);
                world.desk.onKeptBy(buddy, 1, term, home);
            }
            world.desk.onKeptBy(home, 1, 50, home);
            world.homes[home].lost = true;
            world.homes[home].known = false;
            world.desk.nodeLost(home, "node-" + home, world.nowNs);
            asked += world.desk.openAt(buddy);
        }
        // One offer in twenty is not taken by the link, and another home is asked.
        assertThat(asked).isBetween(34, 40);
    }

    private static int homeOf(final GatewayDeskWorld world) {
        return IntStream.range(0, GatewayDeskWorld.HOMES).filter(node -> world.desk.openAt(node) == 1).findFirst().orElseThrow();
    }

    /** What a client is told whose request the homes refuse, one after the other, for these reasons. */
    private static Gateway.Reason refusalAfter(final Gateway.Reason... reasons) {
        final GatewayDeskWorld world = new GatewayDeskWorld(1);
        world.linksRefuse = false;
        world.submit(1);
        for (final Gateway.Reason reason : reasons) {
            assertThat(world.refusals).isEmpty();
            world.desk.onAdmission(homeOf(world), 1, world.terms.get(1L), false, reason, "for this test", 1_000, world.nowNs);
        }
        return world.refusals.get(1L);
    }

    @Test
    void aRequestIsTooLongOnlyIfItIsSoForEveryHome() {
        final Gateway.Reason tooLong = Gateway.Reason.TOO_LONG;
        final Gateway.Reason full = Gateway.Reason.QUEUE_FULL;
        assertThat(refusalAfter(tooLong, tooLong, tooLong)).isEqualTo(tooLong);
        assertThat(refusalAfter(tooLong, full, tooLong)).isEqualTo(full);
        assertThat(refusalAfter(full, tooLong, tooLong)).isEqualTo(full);
        assertThat(refusalAfter(tooLong, tooLong, full)).isEqualTo(full);
    }

    @Test
    void tokensThatNobodyWaitsForAnyMoreAreNotThoseOfAFormerHome() {
        final GatewayDeskWorld world = new GatewayDeskWorld(1);
        world.linksRefuse = false;
        world.submit(1);
        final int home = homeOf(world);
        world.desk.onToken(home, 1, 1, 0, GatewayDeskWorld.draw(1, 0), world.nowNs);
        world.desk.onToken(home, 1, 0, 1, GatewayDeskWorld.draw(1, 1) + GatewayDeskWorld.POISON, world.nowNs);
        world.desk.onEnd(home, 1, 0, new TokenEvent.Finished(false, 3, 1), world.nowNs);
        assertThat(world.desk.fenced()).isEqualTo(2);
        world.cancelled.add(1L);
        world.desk.cancel(1);
        world.desk.onToken(home, 1, 1, 1, GatewayDeskWorld.draw(1, 1), world.nowNs);
        assertThat(world.desk.fenced()).isEqualTo(2);
    }

    @Test
    void tokensBeyondAGapAskForWhatIsMissingOnce() {
        final GatewayDeskWorld world = new GatewayDeskWorld(1);
        world.linksRefuse = false;
        world.submit(1);
        final int home = homeOf(world);
        world.nowNs += 20;
        for (int index = 1; index < 40; index++) {
            world.desk.onToken(home, 1, 1, index, 0, world.nowNs);
        }
        assertThat(world.syncs).isEqualTo(1);
        world.desk.onToken(home, 1, 1, 40, 0, world.nowNs + 20);
        assertThat(world.syncs).isEqualTo(2);
    }

    @Test
    void withoutAnyHomeLeftAStreamEndsWithAnErrorInTime() {
        final GatewayDeskWorld world = new GatewayDeskWorld(7);
        for (long key = 0; key < 4; key++) {
            world.submit(key);
        }
        while (world.received.values().stream().anyMatch(List::isEmpty)) {
            world.step();
        }
        for (int home = 0; home < GatewayDeskWorld.HOMES; home++) {
            world.homes[home].lost = true;
            world.homes[home].known = false;
            world.desk.nodeLost(home, "node-" + home, world.nowNs);
        }
        final long lostNs = world.nowNs;
        while (world.desk.open() > 0) {
            world.step();
            assertThat(world.nowNs - lostNs).isLessThanOrEqualTo(8_005);
        }
        assertThat(world.ends.values()).filteredOn(TokenEvent.Failed.class::isInstance)
                .isNotEmpty()
                .allSatisfy(end -> {
                    assertThat(((TokenEvent.Failed) end).code()).isEqualTo("node_lost");
                    assertThat(((TokenEvent.Failed) end).message()).contains("the home of this sequence, was lost",
                            "no other node took it");
                });
    }
}
