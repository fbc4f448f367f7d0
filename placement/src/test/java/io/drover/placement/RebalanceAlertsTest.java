package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;

import io.drover.placement.RebalanceCommand.Alert;
import io.drover.placement.RebalanceCommand.Kind;
import io.drover.placement.RebalanceCommand.Migrate;
import io.drover.placement.RebalanceCommand.Publish;
import io.drover.placement.RebalanceCommand.Shrink;
import io.drover.placement.RebalanceEvent.NodeReport;
import io.drover.placement.RebalanceEvent.Replica;

/** What people are told of nodes that do not answer: once while it lasts, by the node's name, and again when it begins anew. */
final class RebalanceAlertsTest {
    private static final long SECOND = 1_000_000_000L;

    private final Rebalance machine = new Rebalance(
            new Rebalance.Model(new int[]{2}, null, new CostModel(Mode.WALK, new Wire(8, 4, 0, 0, 1, false), 1, 16, 0.1),
                    Link.FREE,
                    Link.FREE),
            new RebalanceSettings(1, 2, 0, 16, 4, 100 * SECOND, 0.05, 0.02, 1, 0.5, 10 * SECOND, 0, SECOND, 20 * SECOND, 3,
                    30 * SECOND, 600 * SECOND, 0.1, 1, 100),
            new ContiguousPlanner(), (statistics, topology, placement) -> 1, 1, 1);
    private long nowNs = SECOND;
    private final List<Alert> alerts = new ArrayList<>();

    private List<RebalanceCommand> tell(final RebalanceEvent event) {
        final List<RebalanceCommand> commands = machine.on(event, nowNs);
        commands.stream().filter(Alert.class::isInstance).map(Alert.class::cast).forEach(alerts::add);
        return commands;
    }

    private static <T> T only(final Class<T> type, final List<RebalanceCommand> commands) {
        final List<T> found = commands.stream().filter(type::isInstance).map(type::cast).toList();
        assertThat(found).as("%s in %s", type.getSimpleName(), commands).hasSize(1);
        return found.getFirst();
    }

    private static RebalanceEvent.Joined joined(final String name, final int device, final int... experts) {
        final List<Replica> loaded = new ArrayList<>();
        for (final int expert : experts) {
            loaded.add(new Replica(0, expert, device));
        }
        final Device cpu = new Device(device, name, name, "cpu", Long.MAX_VALUE, 4, new ComputeRate(1, 1));
        return new RebalanceEvent.Joined(new NodeReport(name, List.of(cpu), loaded, List.of(), Epoch.NONE));
    }

    private void apply(final String... nodes) {
        for (final String node : nodes) {
            tell(new RebalanceEvent.EpochApplied(node, machine.published().epoch()));
        }
    }

    /** @return the move of an expert from nova, device 0, to vega, device 1, when it is loaded and published */
    private RebalanceMove.Id published(final int expert) {
        final RebalanceMove.Id move = only(Migrate.class, tell(new RebalanceEvent.MoveRequested(0, expert, 0, 1))).move();
        only(Publish.class, tell(new RebalanceEvent.LoadDone(move)));
        return move;
    }

    private void begin() {
        tell(joined("nova", 0, 0, 1));
        tell(joined("vega", 1));
        apply("nova", "vega");
        assertThat(machine.isIdle()).isTrue();
    }

    private void seconds(final int count) {
        for (int i = 0; i < count; i++) {
            nowNs += SECOND;
            tell(new RebalanceEvent.Tick());
        }
    }

    @Test
    void aNodeThatDoesNotConfirmADropIsNamedOnce() {
        begin();
        final RebalanceMove.Id move = published(0);
        tell(new RebalanceEvent.EpochApplied("nova", machine.published().epoch()));
        assertThat(only(Shrink.class, tell(new RebalanceEvent.EpochApplied("vega", machine.published().epoch()))).device())
                .isZero();
        seconds(3);
        assertThat(alerts).as("two repetitions may be lost").isEmpty();
        seconds(100);
        assertThat(alerts).containsExactly(
                new Alert(Kind.DROP_LAGGING, "nova has not confirmed to have dropped L0/E0 after 4 orders"));
        tell(new RebalanceEvent.DropDone(move));
        assertThat(machine.isIdle()).isTrue();
        alerts.clear();
        published(1);
        apply("nova", "vega");
        seconds(100);
        assertThat(alerts).extracting(Alert::kind).as("the next one").containsExactly(Kind.DROP_LAGGING);
    }

    @Test
    void aNodeThatDoesNotConfirmAnEpochIsNamedOnce() {
        begin();
        published(0);
        apply("nova");
        seconds(3);
        assertThat(alerts).as("two repetitions may be lost").isEmpty();
        seconds(100);
        final Alert first = new Alert(Kind.EPOCH_LAGGING,
                "node vega does not confirm epoch " + machine.published().epoch() + "; nothing can be dropped meanwhile");
        assertThat(alerts).containsExactly(first);
        apply("vega");
        published(1);
        apply("nova");
        alerts.clear();
        seconds(100);
        assertThat(alerts).extracting(Alert::kind).as("it begins anew").contains(Kind.EPOCH_LAGGING);
    }

    @Test
    void aNodeThatComesBackAndLagsAgainIsNamedAgain() {
        begin();
        published(0);
        apply("nova");
        seconds(100);
        tell(new RebalanceEvent.Lost("vega"));
        alerts.clear();
        tell(joined("vega", 1));
        apply("nova");
        seconds(100);
        assertThat(alerts).extracting(Alert::kind).contains(Kind.EPOCH_LAGGING);
    }

    @Test
    void aLoadThatFailsNamesTheNode() {
        begin();
        final RebalanceMove.Id move = only(Migrate.class, tell(new RebalanceEvent.MoveRequested(0, 1, 0, 1))).move();
        tell(new RebalanceEvent.LoadFailed(move, "digest differs"));
        assertThat(alerts).containsExactly(
                new Alert(Kind.MOVE_FAILED, "L0/E1 could not be loaded on vega (" + move + "): digest differs"));
    }
}
