package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;

import io.drover.placement.RebalanceCommand.Alert;
import io.drover.placement.RebalanceCommand.Expand;
import io.drover.placement.RebalanceCommand.Kind;
import io.drover.placement.RebalanceCommand.Migrate;
import io.drover.placement.RebalanceCommand.Publish;
import io.drover.placement.RebalanceCommand.Released;
import io.drover.placement.RebalanceCommand.Rollback;
import io.drover.placement.RebalanceCommand.Shrink;
import io.drover.placement.RebalanceEvent.NodeReport;
import io.drover.placement.RebalanceEvent.Replica;
import io.drover.placement.RebalanceLedger.Outcome;

/** The transitions, one by one; {@link RebalanceSimulationTest} mixes them. */
final class RebalanceTest {
    private static final long SECOND = 1_000_000_000L;
    private static final CostModel COST = new CostModel(Mode.WALK, new Wire(8, 4, 0, 0, 1, false), 1_000_000, 16, 0.1);

    private long nowNs = SECOND;
    private Placement wanted = Placement.of(Epoch.NONE, new int[][][]{{{0}, {0}, {1}, {1}}});
    private double costOfCurrent = 2;
    private double costOfWanted = 1;
    private boolean seesNoStep;
    private final Planner planner = new Planner() {
        @Override
        public String name() {
            return "wanted";
        }

        @Override
        public Placement plan(final PlanRequest request) {
            return seesNoStep && request.current() != null ? request.current() : wanted;
        }
    };
    private final RebalancePredictor predictor = (statistics, topology, placement) -> sameTable(placement, wanted)
            ? costOfWanted
            : costOfCurrent;

    private static boolean sameTable(final Placement a, final Placement b) {
        return a.withEpoch(Epoch.NONE).equals(b.withEpoch(Epoch.NONE));
    }

    private static RebalanceSettings settings(final int minReplicas, final double safety) {
        return settings(minReplicas, safety, 0);
    }

    private static RebalanceSettings settings(final int minReplicas, final double safety, final long epochIntervalNs) {
        return new RebalanceSettings(minReplicas, 2, 0, 16, 4, 100 * SECOND, 0.05, 0.02, safety, 0.5, 10 * SECOND,
                epochIntervalNs, SECOND,
                20 * SECOND, 3,
                30 * SECOND, 60 * SECOND, 0.1, 1, 100);
    }

    private Rebalance machine(final RebalanceSettings settings) {
        return new Rebalance(new Rebalance.Model(new int[]{4}, null, COST, Link.FREE, new Link(1e6, 0)), settings, planner,
                predictor, 1,
                1);
    }

    private static NodeReport node(final int device, final int slots, final int... experts) {
        final List<Replica> loaded = new ArrayList<>();
        for (final int expert : experts) {
            loaded.add(new Replica(0, expert, device));
        }
        final String id = "n" + device;
        return new NodeReport(id, List.of(new Device(device, id, id, "cpu", Long.MAX_VALUE, slots, new ComputeRate(1, 1))),
                loaded,
                List.of(), Epoch.NONE);
    }

    /** Two nodes, all experts loaded, epoch applied. */
    private Rebalance running(final RebalanceSettings settings, final int slots) {
        final Rebalance machine = machine(settings);
        machine.on(new RebalanceEvent.Joined(node(0, slots, 0, 1)), nowNs);
        final Publish first = only(Publish.class, machine.on(new RebalanceEvent.Joined(node(1, slots, 2, 3)), nowNs));
        apply(machine, first.epoch(), "n0", "n1");
        assertThat(machine.isIdle()).isTrue();
        return machine;
    }

    /** What a window brings, the wish for a distant plan aside. */
    private List<RebalanceCommand> onWindow(final Rebalance machine) {
        return machine.on(window(), nowNs).stream().filter(command -> !(command instanceof RebalanceCommand.Replan)).toList();
    }

    private List<RebalanceCommand> apply(final Rebalance machine, final Epoch epoch, final String... nodes) {
        final List<RebalanceCommand> commands = new ArrayList<>();
        for (final String node : nodes) {
            commands.addAll(machine.on(new RebalanceEvent.EpochApplied(node, epoch), nowNs));
        }
        return commands;
    }

    private static <T> T only(final Class<T> type, final List<RebalanceCommand> commands) {
        final List<T> found = commands.stream().filter(type::isInstance).map(type::cast).toList();
        assertThat(found).as("%s in %s", type.getSimpleName(), commands).hasSize(1);
        return found.getFirst();
    }

    private static RebalanceEvent.Window window() {
        final RoutingStatistics statistics = new RoutingStatistics(new int[]{4}, 1, new RoutingStatistics.Limits(8, 8, 4), 0);
        statistics.record(0, new int[][]{{0}}, new float[][]{{1}});
        return new RebalanceEvent.Window(statistics, 1000);
    }

    @Test
    void loadsEachExpertOnceTheExpectedNodesHaveJoined() {
        final Rebalance machine = machine(settings(1, 1));
        assertThat(machine.on(new RebalanceEvent.Joined(node(0, 4)), nowNs)).isEmpty();
        final List<RebalanceCommand> orders = machine.on(new RebalanceEvent.Joined(node(1, 4)), nowNs);
        assertThat(orders).hasSize(4).allSatisfy(order -> assertThat(order).isInstanceOf(Expand.class));
        assertThat(orders).extracting(order -> ((Expand) order).device()).containsExactlyInAnyOrder(0, 0, 1, 1);
        List<RebalanceCommand> last = List.of();
        for (final RebalanceCommand order : orders) {
            assertThat(machine.published()).as("the first table is whole").isNull();
            last = machine.on(new RebalanceEvent.LoadDone(((Expand) order).move()), nowNs);
        }
        assertThat(only(Publish.class, last).epoch()).isEqualTo(new Epoch(1, 1));
    }

    @Test
    void migratesByLoadingPublishingAndOnlyThenDropping() {
        final Rebalance machine = running(settings(1, 1), 4);
        final Migrate order = only(Migrate.class, machine.on(new RebalanceEvent.MoveRequested(0, 0, 0, 1), nowNs));
        final Publish table = only(Publish.class, machine.on(new RebalanceEvent.LoadDone(order.move()), nowNs));
        assertThat(table.placement().toArray()[0][0]).containsExactly(1);
        assertThat(apply(machine, table.epoch(), "n0")).as("n1 still routes by the old epoch").isEmpty();
        final Shrink drop = only(Shrink.class, apply(machine, table.epoch(), "n1"));
        assertThat(drop).isEqualTo(new Shrink(order.move(), 0, 0, 0));
        assertThat(machine.on(new RebalanceEvent.DropDone(drop.move()), nowNs)).isEmpty();
        assertThat(machine.isIdle()).isTrue();
        assertThat(machine.ledger().getLast().outcome()).isEqualTo(Outcome.DONE);
    }

    @Test
    void saysWhyAMoveIsRefused() {
        final Rebalance machine = running(settings(1, 1), 4);
        assertThat(refused(machine, 0, 0, 0)).isEqualTo("L0/E0 cannot be moved: n0 has it already");
        assertThat(refused(machine, 0, 1, -1)).isEqualTo("L0/E0 cannot be moved: n1 has no live replica");
        assertThat(refused(machine, 0, 0, -1)).isEqualTo("L0/E0 cannot be moved: fewer than 1 replicas would be left");
        assertThat(refused(machine, 0, 0, 7)).isEqualTo("L0/E0 cannot be moved: there is no device 7");
        assertThat(refused(machine, 9, 0, 1)).isEqualTo("L0/E9 cannot be moved: there is no such expert");
        machine.on(new RebalanceEvent.Left("n1"), nowNs);
        assertThat(refused(machine, 0, 0, 1)).isEqualTo("L0/E0 cannot be moved: n1 is leaving");
        assertThat(refused(running(settings(1, 1), 2), 0, 0, 1))
                .isEqualTo("L0/E0 cannot be moved: n1 uses 2 of 2 slots and has 0 of 4 loads under way");
    }

    private String refused(final Rebalance machine, final int expert, final int from, final int to) {
        final Alert alert = only(Alert.class, machine.on(new RebalanceEvent.MoveRequested(0, expert, from, to), nowNs));
        assertThat(alert.kind()).isEqualTo(RebalanceCommand.Kind.REFUSED);
        return alert.message();
    }

    @Test
    void putsChangesThatCanWaitIntoOneTable() {
        final Rebalance machine = running(settings(1, 1, SECOND), 4);
        final Migrate first = only(Migrate.class, machine.on(new RebalanceEvent.MoveRequested(0, 0, 0, 1), nowNs));
        final Migrate second = only(Migrate.class, machine.on(new RebalanceEvent.MoveRequested(0, 1, 0, 1), nowNs));
        assertThat(machine.on(new RebalanceEvent.LoadDone(first.move()), nowNs)).as("the first table is new").isEmpty();
        nowNs += SECOND / 2;
        assertThat(machine.on(new RebalanceEvent.LoadDone(second.move()), nowNs)).isEmpty();
        assertThat(machine.isIdle()).isFalse();
        nowNs += SECOND / 2;
        final Publish table = only(Publish.class, machine.on(new RebalanceEvent.Tick(), nowNs));
        assertThat(table.placement().toArray()[0]).isDeepEqualTo(new int[][]{{1}, {1}, {1}, {1}});
    }

    @Test
    void restoresWhatALostNodeHeldAndSaysSoAtOnce() {
        final Rebalance machine = running(settings(1, 1, SECOND), 4);
        final List<RebalanceCommand> commands = machine.on(new RebalanceEvent.Lost("n1"), nowNs);
        assertThat(only(Publish.class, commands).placement().replicas(0, 2)).isZero();
        assertThat(commands).filteredOn(Expand.class::isInstance).extracting(c -> ((Expand) c).expert()).containsExactly(2, 3);
        commands.stream().filter(Expand.class::isInstance).map(Expand.class::cast).forEach(load -> {
            final List<RebalanceCommand> then = machine.on(new RebalanceEvent.LoadDone(load.move()), nowNs);
            assertThat(only(Publish.class, then).placement().hosts(0, 0, load.expert())).isTrue();
        });
    }

    @Test
    void publishesNothingToNobodyAndTheNextToJoinLearnsNothingOld() {
        final Rebalance machine = running(settings(1, 1), 4);
        machine.on(new RebalanceEvent.Lost("n0"), nowNs);
        assertThat(machine.on(new RebalanceEvent.Lost("n1"), nowNs)).noneMatch(Publish.class::isInstance);
        final List<RebalanceCommand> commands = machine.on(new RebalanceEvent.Joined(node(2, 4, 3)), nowNs);
        assertThat(only(Publish.class, commands).placement().toArray()[0]).isDeepEqualTo(new int[][]{{}, {}, {}, {2}});
        assertThat(commands).filteredOn(Expand.class::isInstance).hasSize(3);
    }

    @Test
    void givesUpALateLoadAndTriesAgainElsewhereOrLater() {
        final Rebalance machine = running(settings(1, 1), 4);
        final List<Expand> loads = machine.on(new RebalanceEvent.Lost("n1"), nowNs)
                .stream()
                .filter(Expand.class::isInstance)
                .map(Expand.class::cast)
                .toList();
        loads.forEach(load -> machine.on(new RebalanceEvent.Acknowledged(load.move()), nowNs));
        nowNs += 25 * SECOND;
        final List<RebalanceCommand> late = machine.on(new RebalanceEvent.Tick(), nowNs);
        assertThat(late).filteredOn(Rollback.class::isInstance).hasSize(2);
        assertThat(late).filteredOn(Alert.class::isInstance).hasSize(2);
        loads.forEach(load -> assertThat(machine.on(new RebalanceEvent.LoadDone(load.move()), nowNs)).as("too late").isEmpty());
        loads.forEach(load -> machine.on(new RebalanceEvent.DropDone(load.move()), nowNs));
        nowNs += 31 * SECOND;
        assertThat(machine.on(new RebalanceEvent.Tick(), nowNs)).filteredOn(Expand.class::isInstance).hasSize(2);
    }

    @Test
    void emptiesANodeThatLeavesAndReleasesIt() {
        final Rebalance machine = running(settings(1, 1), 4);
        final List<RebalanceCommand> orders = machine.on(new RebalanceEvent.Left("n1"), nowNs);
        assertThat(orders).hasSize(2).allSatisfy(order -> assertThat(order).isInstanceOf(Migrate.class));
        final List<RebalanceCommand> rest = new ArrayList<>();
        orders.forEach(order -> rest.addAll(machine.on(new RebalanceEvent.LoadDone(((Migrate) order).move()), nowNs)));
        final Epoch newest = ((Publish) rest.getLast()).epoch();
        final List<RebalanceCommand> drops = apply(machine, newest, "n0", "n1");
        assertThat(drops).hasSize(2).allSatisfy(order -> assertThat(order).isInstanceOf(Shrink.class));
        final List<RebalanceCommand> end = new ArrayList<>();
        drops.forEach(drop -> end.addAll(machine.on(new RebalanceEvent.DropDone(((Shrink) drop).move()), nowNs)));
        assertThat(end).containsExactly(new Released("n1"));
    }

    @Test
    void saysThatANodeCannotLeaveWithoutRoomElsewhere() {
        final Rebalance machine = running(settings(1, 1), 2);
        final Alert alert = only(Alert.class, machine.on(new RebalanceEvent.Left("n1"), nowNs));
        assertThat(alert.kind()).isEqualTo(Kind.DRAIN_BLOCKED);
        assertThat(machine.on(new RebalanceEvent.Tick(), nowNs)).as("said once").isEmpty();
    }

    @Test
    void movesForGainOnlyIfTheHorizonPaysForIt() {
        wanted = Placement.of(Epoch.NONE, new int[][][]{{{1}, {0}, {1}, {1}}});
        // One load of 1 MB over 1 MB/s, half of it hidden: 0.5 s. The gain: 1 s per step of 16 tokens at 1000 tokens/s for 100 s.
        assertThat(onWindow(running(settings(1, 1), 4))).hasSize(1);
        costOfWanted = 2 - 0.09;
        assertThat(onWindow(running(settings(1, 1), 4))).as("below enterGain").isEmpty();
        costOfWanted = 1;
        assertThat(onWindow(running(settings(1, 100_000), 4))).as("dearer than the gain").isEmpty();
        final Rebalance off = running(settings(1, 1), 4);
        off.on(new RebalanceEvent.Switched(false), nowNs);
        assertThat(onWindow(off)).as("switched off").isEmpty();
        assertThat(off.on(new RebalanceEvent.PlanRequested(), nowNs)).as("the operator's word")
                .hasAtLeastOneElementOfType(Migrate.class);
    }

    @Test
    void undoesWhatDidNotPayAndDoesNotRepeatIt() {
        wanted = Placement.of(Epoch.NONE, new int[][][]{{{1}, {0}, {1}, {1}}});
        final Rebalance machine = running(settings(1, 1), 4);
        finish(machine, only(Migrate.class, machine.on(window(), nowNs)));
        costOfWanted = 3;
        nowNs += 11 * SECOND;
        final List<RebalanceCommand> undo = machine.on(window(), nowNs);
        assertThat(only(Alert.class, undo).kind()).isEqualTo(Kind.DID_NOT_PAY);
        finish(machine, only(Migrate.class, undo));
        assertThat(machine.published().toArray()[0][0]).containsExactly(0);
        assertThat(machine.ledger().getFirst().predictedGain()).isEqualTo(0.5);
        assertThat(machine.ledger().getFirst().realisedGain()).isEqualTo((2.0 - 3.0) / 2.0);
        costOfWanted = 1;
        nowNs += 20 * SECOND;
        assertThat(onWindow(machine)).as("it left device 1 within the horizon").isEmpty();
        nowNs += 100 * SECOND;
        assertThat(onWindow(machine)).as("the horizon is over").hasSize(1);
    }

    @Test
    void goesToADistantPlanOnceItHasProvenItself() {
        wanted = Placement.of(Epoch.NONE, new int[][][]{{{1}, {0}, {1}, {1}}});
        seesNoStep = true;
        final Rebalance machine = running(settings(1, 1), 4);
        final PlanRequest request = only(RebalanceCommand.Replan.class, machine.on(window(), nowNs)).request();
        assertThat(request.current()).as("from nothing").isNull();
        assertThat(machine.on(new RebalanceEvent.Planned(planner.plan(request)), nowNs)).isEmpty();
        nowNs += 9 * SECOND;
        assertThat(machine.on(window(), nowNs)).as("not proven").isEmpty();
        nowNs += 2 * SECOND;
        finish(machine, only(Migrate.class, machine.on(window(), nowNs)));
        assertThat(machine.published().toArray()).isDeepEqualTo(wanted.toArray());
    }

    @Test
    void forgetsADistantPlanThatLaterRoutingDoesNotBearOut() {
        wanted = Placement.of(Epoch.NONE, new int[][][]{{{1}, {0}, {1}, {1}}});
        seesNoStep = true;
        final Rebalance machine = running(settings(1, 1), 4);
        final PlanRequest request = only(RebalanceCommand.Replan.class, machine.on(window(), nowNs)).request();
        machine.on(new RebalanceEvent.Planned(planner.plan(request)), nowNs);
        costOfWanted = 2.1;
        nowNs += 11 * SECOND;
        assertThat(machine.on(window(), nowNs)).isEmpty();
        costOfWanted = 1;
        nowNs += 5 * SECOND;
        assertThat(machine.on(window(), nowNs)).as("gone for good").isEmpty();
        nowNs += 10 * SECOND;
        assertThat(machine.on(window(), nowNs)).as("a quarter of the horizon after the first, which came to nothing").isEmpty();
        nowNs += 25 * SECOND;
        assertThat(machine.on(window(), nowNs)).as("twice as long after it")
                .hasSize(1)
                .hasOnlyElementsOfType(RebalanceCommand.Replan.class);
    }

    @Test
    void asksForADistantPlanSoonerWhenTheLoadShifts() {
        wanted = Placement.of(Epoch.NONE, new int[][][]{{{1}, {0}, {1}, {1}}});
        seesNoStep = true;
        final Rebalance machine = running(settings(1, 1), 4);
        assertThat(machine.on(window(), nowNs)).hasOnlyElementsOfType(RebalanceCommand.Replan.class);
        machine.on(new RebalanceEvent.Unplanned("whim"), nowNs);
        nowNs += 11 * SECOND;
        costOfCurrent = 2.05;
        assertThat(machine.on(window(), nowNs)).as("noise").isEmpty();
        costOfCurrent = 2.2;
        assertThat(machine.on(window(), nowNs)).hasSize(1).hasOnlyElementsOfType(RebalanceCommand.Replan.class);
        assertThat(machine.on(window(), nowNs)).as("asked already").isEmpty();
    }

    @Test
    void makesOnePlanAtATimeAndRestsAfterIt() {
        seesNoStep = true;
        final Rebalance machine = running(settings(1, 1), 4);
        assertThat(machine.on(window(), nowNs)).hasOnlyElementsOfType(RebalanceCommand.Replan.class);
        nowNs += 26 * SECOND;
        assertThat(machine.on(window(), nowNs)).as("due, but one is in the making").isEmpty();
        nowNs += 4 * SECOND;
        assertThat(machine.on(new RebalanceEvent.Unplanned("whim"), nowNs))
                .containsExactly(
                        new RebalanceCommand.Alert(RebalanceCommand.Kind.PLAN_REFUSED, planner.name() + ", from nothing: whim"));
        costOfCurrent = 3;
        nowNs += 269 * SECOND;
        assertThat(machine.on(window(), nowNs)).as("nine times as long as it took").isEmpty();
        nowNs += 2 * SECOND;
        assertThat(machine.on(window(), nowNs)).hasSize(1).hasOnlyElementsOfType(RebalanceCommand.Replan.class);
    }

    @Test
    void takesSingleStepsForAShiftedLoadWhileItMayNotPlan() {
        wanted = Placement.of(Epoch.NONE, new int[][][]{{{1}, {0}, {1}, {1}}});
        costOfWanted = 1.99;
        final Rebalance machine = running(settings(1, 1), 4);
        assertThat(machine.on(window(), nowNs)).hasOnlyElementsOfType(RebalanceCommand.Replan.class);
        nowNs += 5 * SECOND;
        machine.on(new RebalanceEvent.Unplanned("whim"), nowNs);
        nowNs += 11 * SECOND;
        costOfCurrent = 2.5;
        assertThat(machine.on(window(), nowNs)).hasSize(1).hasOnlyElementsOfType(Migrate.class);
    }

    @Test
    void takesNoSingleStepUntilThePlanForAShiftedLoadIsProven() {
        wanted = Placement.of(Epoch.NONE, new int[][][]{{{1}, {0}, {1}, {1}}});
        costOfWanted = 1.99;
        final Rebalance machine = running(settings(1, 1), 4);
        assertThat(machine.on(window(), nowNs)).hasOnlyElementsOfType(RebalanceCommand.Replan.class);
        machine.on(new RebalanceEvent.Unplanned("whim"), nowNs);
        nowNs += 11 * SECOND;
        costOfCurrent = 2.5;
        final List<RebalanceCommand> asked = machine.on(window(), nowNs);
        assertThat(asked).as("it would gain a fifth").hasSize(1);
        machine.on(new RebalanceEvent.Planned(planner.plan(only(RebalanceCommand.Replan.class, asked).request())), nowNs);
        nowNs += 9 * SECOND;
        assertThat(machine.on(window(), nowNs)).as("not proven").isEmpty();
        nowNs += 2 * SECOND;
        assertThat(machine.on(window(), nowNs)).hasSize(1).hasOnlyElementsOfType(Migrate.class);
    }

    @Test
    void takesNoNoiseForAShift() {
        wanted = Placement.of(Epoch.NONE, new int[][][]{{{1}, {0}, {1}, {1}}});
        seesNoStep = true;
        final Rebalance machine = running(settings(1, 1), 4);
        assertThat(machine.on(window(), nowNs)).hasOnlyElementsOfType(RebalanceCommand.Replan.class);
        machine.on(new RebalanceEvent.Unplanned("whim"), nowNs);
        for (int i = 0; i < 6; i++) {
            costOfCurrent = i % 2 == 0 ? 2.08 : 2;
            nowNs += SECOND;
            assertThat(machine.on(window(), nowNs)).isEmpty();
        }
        nowNs += 5 * SECOND;
        costOfCurrent = 2.15;
        assertThat(machine.on(window(), nowNs)).as("within the noise").isEmpty();
        costOfCurrent = 2.5;
        assertThat(machine.on(window(), nowNs)).hasOnlyElementsOfType(RebalanceCommand.Replan.class).hasSize(1);
    }

    @Test
    void asksForAnotherPlanWhenTheLoadShiftedOnSinceTheFirst() {
        wanted = Placement.of(Epoch.NONE, new int[][][]{{{1}, {0}, {1}, {1}}});
        seesNoStep = true;
        final Rebalance machine = running(settings(1, 1), 4);
        final PlanRequest request = only(RebalanceCommand.Replan.class, machine.on(window(), nowNs)).request();
        machine.on(new RebalanceEvent.Planned(planner.plan(request)), nowNs);
        nowNs += 11 * SECOND;
        costOfCurrent = 2.2;
        assertThat(machine.on(window(), nowNs)).as("though the first one gains")
                .hasSize(1)
                .hasOnlyElementsOfType(RebalanceCommand.Replan.class);
    }

    @Test
    void aGainWithinTheNoiseMovesNothing() {
        wanted = Placement.of(Epoch.NONE, new int[][][]{{{1}, {0}, {1}, {1}}});
        final Rebalance machine = running(settings(1, 1), 4);
        for (int i = 0; i < 6; i++) {
            costOfCurrent = i % 2 == 0 ? 2 : 2.09;
            costOfWanted = i < 4 ? 2.5 : 1.85;
            nowNs += SECOND;
            assertThat(onWindow(machine)).as("window %d", i).isEmpty();
        }
        costOfWanted = 1.5;
        nowNs += SECOND;
        assertThat(onWindow(machine)).hasSize(1).hasOnlyElementsOfType(Migrate.class);
    }

    @Test
    void dropsADistantPlanWhenTheClusterChanges() {
        seesNoStep = true;
        final Rebalance machine = running(settings(1, 1), 4);
        final PlanRequest request = only(RebalanceCommand.Replan.class, machine.on(window(), nowNs)).request();
        machine.on(new RebalanceEvent.Lost("n1"), nowNs);
        assertThat(machine.on(new RebalanceEvent.Planned(planner.plan(request)), nowNs)).as("it names a lost device").isEmpty();
        assertThat(machine.published().replicas(0, 2)).isZero();
    }

    private void finish(final Rebalance machine, final Migrate move) {
        final Publish table = only(Publish.class, machine.on(new RebalanceEvent.LoadDone(move.move()), nowNs));
        apply(machine, table.epoch(), "n0", "n1");
        machine.on(new RebalanceEvent.DropDone(move.move()), nowNs);
        assertThat(machine.isIdle()).isTrue();
    }

    @Test
    void keepsTwoReplicasOnDistinctNodes() {
        final Rebalance machine = machine(settings(2, 1));
        machine.on(new RebalanceEvent.Joined(node(0, 8, 0, 1, 2, 3)), nowNs);
        final List<RebalanceCommand> orders = machine.on(new RebalanceEvent.Joined(node(1, 8)), nowNs);
        assertThat(orders).filteredOn(Expand.class::isInstance)
                .hasSize(4)
                .allSatisfy(order -> assertThat(((Expand) order).device()).isEqualTo(1));
        orders.stream()
                .filter(Expand.class::isInstance)
                .forEach(order -> machine
                        .on(new RebalanceEvent.LoadDone(((Expand) order).move()), nowNs));
        final Alert refused = only(Alert.class, machine.on(new RebalanceEvent.MoveRequested(0, 0, 0, -1), nowNs));
        assertThat(refused.message()).contains("fewer than 2 replicas");
    }

    @Test
    void takesOverFromAnEarlierCoordinator() {
        final Rebalance first = running(settings(1, 1), 4);
        first.on(new RebalanceEvent.Left("n1"), nowNs);
        final Rebalance.Saved saved = first.save();
        final Rebalance second = machine(settings(1, 1));
        final NodeReport half = new NodeReport("n0", node(0, 4).devices(), node(0, 4, 0, 1).loaded(),
                List.of(new Replica(0, 2, 0)),
                new Epoch(1, 1));
        final List<RebalanceCommand> commands = second.on(new RebalanceEvent.Resumed(2, saved, List.of(half, node(1, 4, 2, 3))),
                nowNs);
        assertThat(only(Publish.class, commands).epoch()).isEqualTo(new Epoch(2, 1));
        assertThat(only(Rollback.class, commands).device()).as("half a load is cleared").isZero();
        assertThat(commands).filteredOn(Migrate.class::isInstance).as("the drain goes on").isNotEmpty();
        assertThatThrownBy(() -> second.on(new RebalanceEvent.Resumed(3, saved, List.of()), nowNs))
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void raisesTheWatchdogOnceWhenNothingProgresses() {
        final Rebalance machine = running(settings(1, 1), 4);
        final Migrate order = only(Migrate.class, machine.on(new RebalanceEvent.MoveRequested(0, 0, 0, 1), nowNs));
        machine.on(new RebalanceEvent.LoadDone(order.move()), nowNs);
        int alerts = 0;
        for (int i = 0; i < 200; i++) {
            nowNs += SECOND;
            alerts += (int) machine.on(new RebalanceEvent.Tick(), nowNs)
                    .stream()
                    .filter(c -> c instanceof Alert alert && alert.kind() == Kind.STALLED)
                    .count();
        }
        assertThat(alerts).isEqualTo(1);
        assertThat(machine.ageOfProgressNs(nowNs)).isGreaterThan(60 * SECOND);
    }
}
