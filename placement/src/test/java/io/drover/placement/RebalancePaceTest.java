package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

import org.junit.jupiter.api.Test;

import io.drover.placement.RebalanceEvent.NodeReport;
import io.drover.placement.RebalanceEvent.Replica;

/** With the real planner: what a device that has become slow is to hold. */
final class RebalancePaceTest {
    private static final int[] EXPERTS = {12, 12};
    private static final int DEVICES = 3;
    private static final long SECOND = 1_000_000_000L;
    private static final ComputeRate RATE = new ComputeRate(1e-4, 1e-5);
    private static final CostModel COST = new CostModel(Mode.HOME, new Wire(64, 4, 32, 0, 1, false), 1 << 16, 64, 0.1);

    private static final RebalanceSettings SETTINGS = new RebalanceSettings(1, DEVICES, 1, 16, 4, 600 * SECOND, 0.05, 0.02, 1,
            0.5,
            10 * SECOND, 0, SECOND, 20 * SECOND, 6, 30 * SECOND, 60 * SECOND, 1, 20, 1000);

    private final Rebalance machine = new Rebalance(
            new Rebalance.Model(EXPERTS, null, COST, new Link(1e9, 1e-5), new Link(1e9, 1e-5)), SETTINGS,
            new JointPlanner(), RebalancePredictor.of(COST, 1), 1, 1);
    private long nowNs = SECOND;

    @Test
    void expertsMoveAwayFromASlowDeviceAndBackWhenItIsNot() {
        for (int device = 0; device < DEVICES; device++) {
            on(new RebalanceEvent.Joined(node(device)));
        }
        assertThat(load()).containsExactly(8, 8, 8);
        on(new RebalanceEvent.Paced(2, RATE.times(64)));
        for (int window = 0; window < 20; window++) {
            nowNs += 15 * SECOND;
            on(window());
        }
        assertThat(load()[2]).as("experts of the slow one: %s", machine.published()).isZero();
        on(new RebalanceEvent.Paced(2, RATE));
        // No expert returns to where it was within the horizon.
        nowNs += SETTINGS.horizonNs();
        for (int window = 0; window < 20; window++) {
            nowNs += 15 * SECOND;
            on(window());
        }
        assertThat(load()[2]).as("experts of one that is as fast as the others").isGreaterThan(4);
    }

    /** Experts by device that the newest table names. */
    private int[] load() {
        final int[] load = new int[DEVICES];
        final Placement table = machine.published();
        for (int layer = 0; layer < EXPERTS.length; layer++) {
            for (int expert = 0; expert < EXPERTS[layer]; expert++) {
                for (int i = 0; i < table.replicas(layer, expert); i++) {
                    load[table.device(layer, expert, i)]++;
                }
            }
        }
        return load;
    }

    /** All that the machine orders is done at once. */
    private void on(final RebalanceEvent event) {
        final List<RebalanceEvent> events = new ArrayList<>(List.of(event));
        int ticks = 0;
        while (!events.isEmpty()) {
            for (final RebalanceCommand command : machine.on(events.removeFirst(), nowNs)) {
                switch (command) {
                    case RebalanceCommand.Expand expand -> events.add(new RebalanceEvent.LoadDone(expand.move()));
                    case RebalanceCommand.Migrate move -> events.add(new RebalanceEvent.LoadDone(move.move()));
                    case RebalanceCommand.Shrink shrink -> events.add(new RebalanceEvent.DropDone(shrink.move()));
                    case RebalanceCommand.Rollback undo -> events.add(new RebalanceEvent.DropDone(undo.move()));
                    case RebalanceCommand.Publish publish -> {
                        for (int device = 0; device < DEVICES; device++) {
                            events.add(new RebalanceEvent.EpochApplied("n" + device, publish.epoch()));
                        }
                    }
                    case RebalanceCommand.Replan replan -> events.add(new RebalanceEvent.Unplanned("not asked for"));
                    case RebalanceCommand.Released released -> throw new AssertionError(released);
                    case RebalanceCommand.Alert alert ->
                        assertThat(alert.kind()).isEqualTo(RebalanceCommand.Kind.PLAN_REFUSED);
                }
            }
            nowNs += SECOND / 100;
            if (events.isEmpty() && !machine.isIdle() && machine.published() != null) {
                assertThat(++ticks).as("ticks for %s, %s", event, machine.ledger()).isLessThan(100);
                events.add(new RebalanceEvent.Tick());
            }
        }
    }

    private static NodeReport node(final int device) {
        final List<Replica> loaded = new ArrayList<>();
        for (int layer = 0; layer < EXPERTS.length; layer++) {
            for (int expert = device; expert < EXPERTS[layer]; expert += DEVICES) {
                loaded.add(new Replica(layer, expert, device));
            }
        }
        final String id = "n" + device;
        return new NodeReport(id, List.of(new Device(device, id, id, "cpu", Long.MAX_VALUE, 20, RATE)), loaded, List.of(),
                Epoch.NONE);
    }

    private static RebalanceEvent.Window window() {
        final RoutingStatistics statistics = new RoutingStatistics(EXPERTS, 2, new RoutingStatistics.Limits(64, 64, 4000), 0);
        final Random random = new Random(1);
        for (int position = 0; position < 4000; position++) {
            final int[][] path = new int[EXPERTS.length][2];
            for (final int[] of : path) {
                of[0] = random.nextInt(12);
                of[1] = (of[0] + 1 + random.nextInt(11)) % 12;
            }
            statistics.record(position / 20, path, new float[][]{{0.5f, 0.5f}, {0.5f, 0.5f}});
        }
        return new RebalanceEvent.Window(statistics, 1000);
    }
}
