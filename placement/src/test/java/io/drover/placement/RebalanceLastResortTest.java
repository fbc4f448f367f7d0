package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;

import org.junit.jupiter.api.Test;

import io.drover.placement.RebalanceCommand.Expand;
import io.drover.placement.RebalanceEvent.NodeReport;
import io.drover.placement.RebalanceEvent.Replica;

/** Where an expert goes that has no live replica, when nodes are to be emptied. */
final class RebalanceLastResortTest {
    private static final CostModel COST = new CostModel(Mode.WALK, new Wire(8, 4, 0, 0, 1, false), 1_000_000, 16, 0.1);

    private final Rebalance machine = new Rebalance(new Rebalance.Model(new int[]{2}, null, COST, Link.FREE, Link.FREE),
            RebalanceSettings.DEFAULT, new ContiguousPlanner(), RebalancePredictor.of(COST, 1), 1, 1);

    @Test
    void toANodeThatStaysIfItHasRoom() {
        machine.on(new RebalanceEvent.Joined(node(0, 1, 0)), 1);
        machine.on(new RebalanceEvent.Joined(node(1, 9)), 1);
        machine.on(new RebalanceEvent.Joined(node(2, 9, 1)), 1);
        machine.on(new RebalanceEvent.PlanRequested(), 1);
        machine.on(new RebalanceEvent.Left("n1"), 1);
        assertThat(expand(machine.on(new RebalanceEvent.Lost("n0"), 2))).isEqualTo(2);
    }

    @Test
    void elseToOneThatLeaves() {
        machine.on(new RebalanceEvent.Joined(node(0, 1, 0)), 1);
        machine.on(new RebalanceEvent.Joined(node(1, 9)), 1);
        machine.on(new RebalanceEvent.Joined(node(2, 1, 1)), 1);
        machine.on(new RebalanceEvent.PlanRequested(), 1);
        machine.on(new RebalanceEvent.Left("n1"), 1);
        final List<RebalanceCommand> commands = machine.on(new RebalanceEvent.Lost("n0"), 2);
        assertThat(expand(commands)).isEqualTo(1);
        assertThat(commands).noneMatch(RebalanceCommand.Alert.class::isInstance);
    }

    private static int expand(final List<RebalanceCommand> commands) {
        return commands.stream().filter(Expand.class::isInstance).map(Expand.class::cast).findFirst().orElseThrow().device();
    }

    private static NodeReport node(final int device, final int slots, final int... experts) {
        final String id = "n" + device;
        return new NodeReport(id, List.of(new Device(device, id, id, "cpu", Long.MAX_VALUE, slots, new ComputeRate(1, 1))),
                Arrays.stream(experts).mapToObj(expert -> new Replica(0, expert, device)).toList(), List.of(), Epoch.NONE);
    }
}
