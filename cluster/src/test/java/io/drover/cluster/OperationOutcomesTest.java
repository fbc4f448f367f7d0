package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;

import io.drover.cluster.Operation.State;
import io.drover.placement.ComputeRate;
import io.drover.placement.CostModel;
import io.drover.placement.Epoch;
import io.drover.placement.Link;
import io.drover.placement.Mode;
import io.drover.placement.Placement;
import io.drover.placement.PlanRequest;
import io.drover.placement.Planner;
import io.drover.placement.Rebalance;
import io.drover.placement.RebalanceCommand.Kind;
import io.drover.placement.RebalanceEvent;
import io.drover.placement.RebalanceSettings;
import io.drover.placement.RoutingStatistics;
import io.drover.placement.Wire;

/** What operations say of themselves is what became of their moves, and cancelling one touches no other. */
final class OperationOutcomesTest {
    private static final long SECOND = 1_000_000_000L;
    private static final List<String> NODES = List.of("a", "b", "c");
    private static final Identity IDENTITY = new Identity("c", "w", "e", "t", "float32", "float32", "cpu", "1");
    /** One load at a time on each device. */
    private static final RebalanceSettings SETTINGS = new RebalanceSettings(1, 1, 0, 16, 1, 100 * SECOND, 0.05, 0.02, 1, 0.5,
            10 * SECOND, 0, SECOND, 20 * SECOND, 3, 30 * SECOND, 60 * SECOND, 0.1, 1, 100);

    private final Operations operations = new Operations(1);
    /** Of experts 0 to 3, each on one device. */
    private final Placement wanted = Placement.of(Epoch.NONE, new int[][][]{{{1}, {1}, {1}, {2}}});
    private final Planner planner = new Planner() {
        @Override
        public String name() {
            return "wanted";
        }

        @Override
        public Placement plan(final PlanRequest request) {
            return wanted;
        }
    };
    private final long nowNs = SECOND;
    private long budgetBytes = 100;
    private long serial;

    @Test
    void aMoveWhoseTargetDiesIsCancelledAndSaysWhy() {
        final ExpertMoves moves = moves(experts(0, 1, 2), experts(), experts(3));
        final String id = begin(Wish.move(0, 1, "b", ""), moves);
        moves.lose(1, nowNs);
        final Operation end = look(id, moves);
        assertThat(end.state()).isEqualTo(State.CANCELLED);
        assertThat(end.note()).isEqualTo("its device is gone");
        assertThat(end.done()).isZero();
    }

    @Test
    void aMoveThatIsPublishedCannotBeCancelled() {
        final ExpertMoves moves = moves(experts(0, 1, 2), experts(), experts(3));
        final String id = begin(Wish.move(0, 1, "b", ""), moves);
        report(moves, 1, false, 1);
        assertThat(refusal(Wish.cancel(id), moves)).contains("cannot be cancelled any more");
        assertThat(look(id, moves).state()).isEqualTo(State.RUNNING);
        report(moves, 1, false, 1);
        report(moves, 2, false, 3);
        report(moves, 0, false, 0, 1, 2);
        report(moves, 0, false, 0, 2);
        assertThat(look(id, moves).state()).isEqualTo(State.DONE);
    }

    @Test
    void aPlanThatIsCancelledBeginsNothingMore() {
        final ExpertMoves moves = moves(experts(0, 1, 2), experts(), experts(3));
        learn(moves);
        final String id = begin(Wish.of(Wish.Kind.REBALANCE_NOW), moves);
        assertThat(moves.hold(1).size()).isEqualTo(1);
        assertThat(refusal(Wish.cancel(id), moves)).isEmpty();
        report(moves, 1, false);
        moves.step(new RebalanceEvent.Tick(), nowNs);
        assertThat(moves.hold(1)).isEqualTo(ExpertSet.EMPTY);
        assertThat(look(id, moves).state()).isEqualTo(State.CANCELLED);
    }

    @Test
    void cancellingAPlanLeavesTheRestorationOfALostNodeAlone() {
        final ExpertMoves moves = moves(experts(0, 1, 2), experts(), experts(3));
        learn(moves);
        final String id = begin(Wish.of(Wish.Kind.REBALANCE_NOW), moves);
        moves.lose(2, nowNs);
        assertThat(moves.hold(0)).isEqualTo(experts(0, 1, 2, 3));
        assertThat(refusal(Wish.cancel(id), moves)).isEmpty();
        assertThat(moves.hold(0)).isEqualTo(experts(0, 1, 2, 3));
        assertThat(moves.hold(1)).isEqualTo(ExpertSet.EMPTY);
    }

    @Test
    void aPlanCountsAllMovesOfItsStepAndNoOthers() {
        final ExpertMoves moves = moves(experts(0, 1, 2), experts(), experts(3));
        learn(moves);
        final String id = begin(Wish.of(Wish.Kind.REBALANCE_NOW), moves);
        final String other = begin(Wish.move(0, 3, "a", ""), moves);
        assertThat(look(id, moves).total()).isEqualTo(3);
        for (int expert = 0; expert < 3; expert++) {
            assertThat(look(id, moves).state()).isEqualTo(State.RUNNING);
            final int loaded = expert;
            report(moves, 1, false, IntStream.rangeClosed(0, loaded).toArray());
            report(moves, 1, false, IntStream.rangeClosed(0, loaded).toArray());
            report(moves, 2, false, 3);
            report(moves, 0, false, IntStream.range(0, 3).toArray());
            report(moves, 0, false, IntStream.range(loaded + 1, 3).toArray());
        }
        assertThat(look(id, moves).state()).isEqualTo(State.DONE);
        assertThat(look(id, moves).done()).isEqualTo(3);
        assertThat(look(other, moves).state()).isEqualTo(State.RUNNING);
    }

    @Test
    void saysWhyNoPlanIsMade() {
        final ExpertMoves moves = moves(experts(0, 1, 2), experts(), experts(3));
        assertThat(refusal(Wish.of(Wish.Kind.REBALANCE_NOW), moves)).contains("no routing statistics");
        learn(moves);
        begin(Wish.move(0, 1, "b", ""), moves);
        assertThat(refusal(Wish.of(Wish.Kind.REBALANCE_NOW), moves)).contains("experts are being loaded");
        moves.lose(2, nowNs);
        assertThat(refusal(Wish.of(Wish.Kind.REBALANCE_NOW), moves)).contains("must be made come first");
    }

    @Test
    void aMoveIsRefusedInWordsWhereEverybodyStopsAndRaisesNoAlert() {
        final ExpertMoves moves = moves(experts(0, 1, 2), experts(), experts(3));
        report(moves, 0, true, 0, 1, 2);
        report(moves, 1, true);
        report(moves, 2, true, 3);
        moves.takeOutside();
        assertThat(refusal(Wish.move(0, 1, "b", ""), moves)).isEqualTo("L0/E1 cannot be moved: b is leaving");
        assertThat(moves.takeOutside()).isEmpty();
    }

    @Test
    void alertsOutliveATerm() {
        final ExpertMoves moves = moves(experts(0, 1, 2), experts(), experts(3));
        operations.alerted("STALLED: no progress", nowNs);
        begin(Wish.move(0, 1, "b", ""), moves);
        operations.enter(5);
        final MovesView view = operations.on(Wish.of(Wish.Kind.LOOK), moves, NODES, nowNs);
        assertThat(view.alerts()).singleElement().asString().endsWith("ago: STALLED: no progress");
        assertThat(view.operations()).isEmpty();
    }

    @Test
    void theLastNodeThatStaysIsNotDrained() {
        final ExpertMoves moves = moves(experts(0, 1, 2), experts(), experts(3));
        begin(Wish.drain("b"), moves);
        begin(Wish.drain("c"), moves);
        assertThat(refusal(Wish.drain("a"), moves)).isEqualTo("no node but 'a' stays: nobody can take its experts over");
    }

    @Test
    void aNodeThatHasBeenEmptiedCanBeTakenBack() {
        final ExpertMoves moves = moves(experts(0, 1, 2), experts(), experts(3));
        final String id = begin(Wish.drain("b"), moves);
        assertThat(look(id, moves).state()).isEqualTo(State.DONE);
        assertThat(refusal(Wish.cancel(id), moves)).isEmpty();
        assertThat(moves.isLeaving("b")).isFalse();
        assertThat(moves.isReleased("b")).as("it may not stop with experts that come to it").isFalse();
        assertThat(refusal(Wish.cancel(id), moves)).contains("has ended already");
    }

    @Test
    void lostExpertsComeToADrainedNodeWhereThereIsNoOther() {
        budgetBytes = 3;
        final ExpertMoves moves = moves(experts(0, 1, 2), experts(), experts(3));
        begin(Wish.drain("b"), moves);
        moves.lose(2, nowNs);
        assertThat(moves.hold(1)).as("'a' is full").isEqualTo(experts(3));
        assertThat(moves.isReleased("b")).isFalse();
        report(moves, 1, false, 3);
        moves.lose(0, nowNs);
        report(moves, 1, false, 0, 3);
        report(moves, 1, false, 0, 1, 3);
        assertThat(moves.hold(1)).isEqualTo(experts(0, 1, 3));
        assertThat(moves.takeOutside()).anyMatch(command -> command instanceof final FormationCommand.Alert alert
                && alert.kind() == Kind.EXPERT_UNPLACEABLE && alert.message().startsWith("L0/E2 "));
    }

    private ExpertMoves moves(final ExpertSet... loaded) {
        final CostModel cost = new CostModel(Mode.HOME, new Wire(1, 4, 0, 0, 1, false), 1, 1, 0);
        final ExpertMoves.Settings settings = new ExpertMoves.Settings(
                new Rebalance.Model(new int[]{4}, null, cost, Link.FREE, Link.FREE), SETTINGS, planner,
                (statistics, topology, placement) -> placement.withEpoch(Epoch.NONE).equals(wanted) ? 1 : 2,
                new ComputeRate(0, 0), 1);
        final ExpertMoves moves = new ExpertMoves(settings, 1, Rebalance.Saved.NOTHING,
                IntStream.range(0, loaded.length).mapToObj(id -> report(id, Epoch.NONE, false, loaded[id])).toList(), 0, nowNs);
        for (int id = 0; id < loaded.length; id++) {
            moves.report(report(id, moves.table().epoch(), false, loaded[id]), nowNs);
        }
        return moves;
    }

    /** The routing is known, and nothing is moved for gain unasked. */
    private void learn(final ExpertMoves moves) {
        moves.step(new RebalanceEvent.Switched(false), nowNs);
        final RoutingStatistics statistics = new RoutingStatistics(new int[]{4}, 1, new RoutingStatistics.Limits(8, 8, 4), 0);
        statistics.record(0, new int[][]{{0}}, new float[][]{{1}});
        moves.step(new RebalanceEvent.Window(statistics, 1000), nowNs);
    }

    private static ExpertSet experts(final int... experts) {
        return ExpertSet.of(IntStream.of(experts));
    }

    /** A node that has obeyed all orders has these experts and routes by the newest table. */
    private void report(final ExpertMoves moves, final int id, final boolean leaving, final int... ready) {
        moves.report(report(id, moves.table().epoch(), leaving, experts(ready)), nowNs);
    }

    private NodeReport report(final int id, final Epoch installed, final boolean leaving, final ExpertSet ready) {
        final String name = NODES.get(id);
        return new NodeReport(new NodeDescriptor(name, "h:" + name, id, "host", budgetBytes, IDENTITY), ++serial, true, id, null,
                null, new Epoch(1, 1_000_000), installed, Epoch.NONE, false,
                new NodeReport.Replicas(ready, ExpertSet.EMPTY, ExpertSet.EMPTY), "", List.of(), List.of(), leaving, null);
    }

    private String begin(final Wish wish, final ExpertMoves moves) {
        final MovesView view = operations.on(wish, moves, NODES, nowNs);
        assertThat(view.refusal()).isEmpty();
        return view.operation();
    }

    private String refusal(final Wish wish, final ExpertMoves moves) {
        return operations.on(wish, moves, NODES, nowNs).refusal();
    }

    private Operation look(final String id, final ExpertMoves moves) {
        return operations.on(Wish.look(id), moves, NODES, nowNs).operations().getFirst();
    }
}
