package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletionException;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;

import io.drover.cluster.Operation.State;
import io.drover.placement.Epoch;
import io.drover.placement.Placement;
import io.drover.placement.PlanningException;
import io.drover.placement.Rebalance;
import io.drover.placement.RebalanceEvent;
import io.drover.placement.RebalanceLedger.Outcome;
import io.drover.streams.Endpoint;

/** Two nodes that do what they are told, a second after they are told: a has six experts of one byte, b none. */
final class OperationsTest {
    private static final Identity IDENTITY = new Identity("c", "w", "e", "t", "float32", "float32", "cpu", "1");
    private static final long SECOND_NS = 1_000_000_000;
    private static final int EXPERTS = 6;
    private static final List<String> NODES = List.of("a", "b");

    private final List<ExpertSet> held = new ArrayList<>(
            List.of(ExpertSet.of(IntStream.range(0, EXPERTS)), ExpertSet.EMPTY));
    private final Operations operations = new Operations(1);
    private long nowNs = SECOND_NS;
    private long serial;
    private final ExpertMoves moves = new ExpertMoves(SimulatedCluster.moves(new int[]{EXPERTS}), 1, Rebalance.Saved.NOTHING,
            List.of(report(0), report(1)), 0, nowNs);

    private NodeReport report(final int id) {
        final String name = NODES.get(id);
        final Placement table = moves == null ? null : moves.table();
        return new NodeReport(new NodeDescriptor(name, "h:" + id, id, "host", 12, IDENTITY), ++serial, true, id,
                new Endpoint(id, 1, name, "host", "127.0.0.1:1000", 1), null, new Epoch(1, 1_000_000),
                table == null ? Epoch.NONE : table.epoch(), Epoch.NONE, false,
                new NodeReport.Replicas(held.get(id), ExpertSet.EMPTY, ExpertSet.EMPTY), "", List.of(), List.of(), false, null);
    }

    /** A second passes; then the nodes report what they were told before it. */
    private void second() {
        nowNs += SECOND_NS;
        moves.step(new RebalanceEvent.Tick(), nowNs);
        for (int id = 0; id < NODES.size(); id++) {
            moves.report(report(id), nowNs);
        }
        for (int id = 0; id < NODES.size(); id++) {
            held.set(id, Objects.requireNonNull(moves.hold(id)));
        }
    }

    private MovesView ask(final Wish wish) {
        return operations.on(wish, moves, NODES, nowNs);
    }

    /** @return the id of the operation that the wish began */
    private String begin(final Wish wish) {
        final MovesView answer = ask(wish);
        assertThat(answer.refusal()).isEmpty();
        return answer.operation();
    }

    private Operation look(final String id) {
        final MovesView answer = ask(Wish.look(id));
        assertThat(answer.operations()).hasSize(1);
        assertThat(answer.moves()).as("a look at one operation").isEmpty();
        return answer.operations().getFirst();
    }

    /** @return how many seconds it took */
    private int untilEnded(final String id) {
        int seconds = 0;
        while (look(id).state() == State.RUNNING) {
            second();
            assertThat(++seconds).as("seconds of %s", look(id)).isLessThan(60);
        }
        return seconds;
    }

    private Wish move(final int expert) {
        return Wish.move(0, expert, "b", "");
    }

    @Test
    void aMoveRunsUntilItIsDone() {
        final String id = begin(move(2));
        assertThat(look(id)).isEqualTo(new Operation(id, "move L0/E2 from a to b", State.RUNNING, 0, 1, 1000, -1, ""));
        assertThat(untilEnded(id)).as("a load, a table and a drop").isBetween(2, 10);
        assertThat(look(id)).isEqualTo(new Operation(id, "move L0/E2 from a to b", State.DONE, 1, 1, 1000, 0, ""));
        assertThat(held).extracting(ExpertSet::size).containsExactly(5, 1);
        assertThat(ask(Wish.of(Wish.Kind.LOOK)).moves().getLast().outcome()).isEqualTo(Outcome.DONE);
    }

    @Test
    void theTimeLeftOfAMoveIsWhatTheLatestMovesTookLessWhatHasPassed() {
        final int usual = untilEnded(begin(move(0)));
        final String id = begin(move(1));
        assertThat(look(id).leftMs()).isEqualTo(usual * 1000L);
        second();
        assertThat(look(id).leftMs()).isEqualTo((usual - 1) * 1000L);
        nowNs += usual * SECOND_NS;
        assertThat(look(id).leftMs()).as("longer than usual").isEqualTo(-1);
        untilEnded(id);
        assertThat(look(id).leftMs()).isZero();
        assertThat(look(begin(Wish.move(0, 3, "b", Wish.NONE))).leftMs()).as("the middle of two, the slower")
                .isGreaterThan(
                        usual * 1000L);
        assertThat(look(begin(Wish.move(0, 0, "a", Wish.NONE))).leftMs()).isPositive();
    }

    @Test
    void nothingIsKnownOfTheTimeOfADropFromTheTimeOfLoads() {
        untilEnded(begin(Wish.move(0, 0, "b", Wish.NONE)));
        assertThat(look(begin(Wish.move(0, 0, "", "a"))).leftMs()).isEqualTo(-1);
    }

    @Test
    void aCancelledMoveLeavesEverythingWhereItIs() {
        final String id = begin(move(2));
        assertThat(moves.hold(1).size()).isEqualTo(1);
        final MovesView answer = ask(Wish.cancel(id));
        assertThat(answer.operation()).isEqualTo(id);
        assertThat(answer.operations()).containsExactly(
                new Operation(id, "move L0/E2 from a to b", State.CANCELLED, 0, 1, 1000, 0,
                        "cancelled by the operator; what was done stays"));
        IntStream.range(0, 10).forEach(i -> second());
        assertThat(held).extracting(ExpertSet::size).containsExactly(6, 0);
        assertThat(moves.ledger().getLast().outcome()).isEqualTo(Outcome.CANCELLED);
        assertThat(look(id).state()).isEqualTo(State.CANCELLED);
        assertThat(moves.isIdle()).isTrue();
    }

    @Test
    void aDrainShowsItsProgressAndTheTimeLeft() {
        final String id = begin(Wish.drain("a"));
        assertThat(look(id)).isEqualTo(new Operation(id, "drain a", State.RUNNING, 0, 6, 1000, -1, ""));
        final List<Operation> seen = new ArrayList<>();
        for (Operation now = look(id); now.state() == State.RUNNING; now = look(id)) {
            seen.add(now);
            second();
            assertThat(seen).hasSizeLessThan(60);
        }
        assertThat(seen).extracting(Operation::done).isSorted().contains(2, 4);
        assertThat(seen).filteredOn(now -> now.done() > 0 && now.done() < 6)
                .allSatisfy(now -> assertThat(now.leftMs())
                        .isEqualTo((nowOf(seen, now) - 1000) / now.done() * (6 - now.done())));
        assertThat(look(id)).isEqualTo(new Operation(id, "drain a", State.DONE, 6, 6, 1000, 0, ""));
        assertThat(held).extracting(ExpertSet::size).containsExactly(0, 6);
    }

    /** The time, in ms, at which the state was seen. */
    private static long nowOf(final List<Operation> seen, final Operation state) {
        return 1000 * (1 + seen.indexOf(state));
    }

    @Test
    void aCancelledDrainKeepsWhatHasMoved() {
        final String id = begin(Wish.drain("a"));
        while (look(id).done() == 0) {
            second();
        }
        assertThat(ask(Wish.cancel(id)).refusal()).isEmpty();
        assertThat(moves.isLeaving("a")).isFalse();
        IntStream.range(0, 20).forEach(i -> second());
        assertThat(look(id).state()).isEqualTo(State.CANCELLED);
        assertThat(held.get(0).size()).as("on the node that stays").isBetween(1, 5);
        assertThat(IntStream.concat(held.get(0).codes(), held.get(1).codes())).hasSize(EXPERTS);
        assertThat(moves.isReleased("a")).isFalse();
    }

    @Test
    void whatHasEndedCannotBeCancelled() {
        final String done = begin(move(2));
        untilEnded(done);
        assertThat(ask(Wish.cancel(done)).refusal()).isEqualTo("operation op-1-1 has ended already: done");
        final String cancelled = begin(move(3));
        ask(Wish.cancel(cancelled));
        assertThat(ask(Wish.cancel(cancelled)).refusal()).isEqualTo("operation op-1-2 has ended already: cancelled");
        assertThat(ask(Wish.cancel("op-1-9")).refusal())
                .isEqualTo("there is no operation 'op-1-9'; the latest are [op-1-1, op-1-2]");
    }

    @Test
    void aDrainOfANodeThatIsLostGoesOnUntilTheNodeIsGone() {
        final String id = begin(Wish.drain("a"));
        moves.lose(0, nowNs);
        assertThat(look(id).state()).isEqualTo(State.RUNNING);
        assertThat(look(id).note()).isEqualTo("the node is not heard");
        moves.ended("a");
        assertThat(look(id).state()).isEqualTo(State.FAILED);
        assertThat(look(id).note()).isEqualTo("the node is gone");
    }

    @Test
    void refusalsSayWhy() {
        assertThat(ask(Wish.move(0, 6, "b", "")).refusal()).isEqualTo("there is no expert L0/E6; layers are 0 to 0");
        assertThat(ask(Wish.move(0, 0, "c", "")).refusal()).isEqualTo("there is no node 'c'; the nodes are [a, b]");
        assertThat(ask(Wish.move(0, 0, "a", "")).refusal()).contains("a has it already");
        assertThat(ask(Wish.drain("c")).refusal()).isEqualTo("there is no node 'c'; the nodes are [a, b]");
        assertThat(ask(Wish.of(Wish.Kind.LOOK)).operations()).as("a refused wish begins nothing").isEmpty();
        moves.lose(1, nowNs);
        assertThat(ask(Wish.move(0, 0, "b", "")).refusal()).isEqualTo("there is no node 'b'; the nodes are [a]");
        assertThat(ask(Wish.drain("a")).refusal()).isEqualTo("no node but 'a' stays: nobody can take its experts over");
    }

    @Test
    void alertsCarryTheirAgeAndTheLatestSixtyFourAreKept() {
        operations.alerted("STALLED: no progress", nowNs);
        nowNs += 119 * SECOND_NS;
        operations.alerted("MOVE_FAILED: no luck", nowNs);
        assertThat(ask(Wish.of(Wish.Kind.LOOK)).alerts()).containsExactly("119 s ago: STALLED: no progress",
                "0 s ago: MOVE_FAILED: no luck");
        nowNs += 7100 * SECOND_NS;
        assertThat(ask(Wish.of(Wish.Kind.LOOK)).alerts()).containsExactly("2 h ago: STALLED: no progress",
                "118 min ago: MOVE_FAILED: no luck");
        for (int i = 0; i < 64; i++) {
            operations.alerted("later " + i, nowNs);
        }
        assertThat(ask(Wish.of(Wish.Kind.LOOK)).alerts()).hasSize(64).startsWith("0 s ago: later 0");
    }

    @Test
    void whatBlocksADrainIsAnAlertSinceItsBegin() {
        operations.alerted("DRAIN_BLOCKED: node a wants to leave, long ago", nowNs - 1);
        final String id = begin(Wish.drain("a"));
        assertThat(look(id).note()).isEmpty();
        operations.alerted("DRAIN_BLOCKED: node aa wants to leave", nowNs);
        assertThat(look(id).note()).isEmpty();
        operations.alerted("DRAIN_BLOCKED: node a wants to leave", nowNs);
        assertThat(look(id).note()).isEqualTo("DRAIN_BLOCKED: node a wants to leave");
    }

    @Test
    void aPlannersRefusalIsToldInItsOwnWords() {
        assertThat(Coordinator.reason(new CompletionException(new PlanningException("no room")))).isEqualTo("no room");
        assertThat(Coordinator.reason(new CompletionException(new IllegalStateException("odd"))))
                .isEqualTo("java.lang.IllegalStateException: odd");
    }

    @Test
    void theLatestSixtyFourAreKept() {
        final String first = begin(Wish.drain("a"));
        ask(Wish.cancel(first));
        for (int i = 0; i < 64; i++) {
            ask(Wish.cancel(begin(Wish.drain("a"))));
        }
        final MovesView all = ask(Wish.of(Wish.Kind.LOOK));
        assertThat(all.operations()).extracting(Operation::id).hasSize(64).startsWith("op-1-2").endsWith("op-1-65");
        assertThat(ask(Wish.look(first)).operations()).isEmpty();
    }
}
