package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;

import io.drover.cluster.FormationEvent.MemberState;
import io.drover.placement.Epoch;
import io.drover.placement.Placement;
import io.drover.placement.PlanningException;
import io.drover.placement.RebalanceMove;
import io.drover.streams.Endpoint;

/** Single decisions; what holds under faults is in {@link FormationSimulationTest}. */
class FormationTest {
    private static final Identity IDENTITY = new Identity("c", "w", "e", "t", "float32", "float32", "cpu", "1");
    private static final ExpertSet BOTH = ExpertSet.of(java.util.stream.IntStream.of(0, 1));

    private final Map<MemberId, MemberState> members = new HashMap<>();
    private long serial;

    @Test
    void plansWhenTheExpectedNodesAreThereAndPublishesWhenAllIsLoaded() {
        final Formation formation = formation(2);
        join(formation, "a");
        assertThat(report(formation, "a", 0, ExpertSet.EMPTY).getLast().orders().hold()).isEqualTo(ExpertSet.EMPTY);
        assertThat(formation.view().reason()).isEqualTo("1 of 2 nodes have joined: a");

        join(formation, "b");
        report(formation, "b", 1, ExpertSet.EMPTY);
        assertThat(formation.view().reason()).isEqualTo("experts are loading: 0 of 2 replicas are ready");
        report(formation, "a", 0, BOTH.filter(code -> code == 0));
        assertThat(formation.published()).isNull();
        report(formation, "b", 1, BOTH.filter(code -> code == 1));
        assertThat(formation.published().epoch()).isEqualTo(new Epoch(1, 1));
        assertThat(formation.published().placement().toArray()).isEqualTo(new int[][][]{{{0}, {1}}});
    }

    @Test
    void refusesAnotherModelWithBothValues() {
        final Formation formation = formation(1);
        members.put(new MemberId("h:9", 9), MemberState.UP);
        formation.on(new FormationEvent.Members(members), 0);
        final Identity other = new Identity("c", "other", "e", "t", "float32", "bfloat16", "cpu", "1");
        final NodeReport stranger = arrival(new NodeDescriptor("x", "h:9", 9, "h", 1, other), 1);
        assertThat(formation.on(new FormationEvent.Reported(stranger), 0)).containsExactly(new FormationCommand.Refuse(
                new MemberId("h:9", 9),
                "node 'x' may not join: model weights is other here and w in the cluster; KV type is bfloat16 here and float32 in the"
                        + " cluster"));
        assertThat(formation.view().nodes()).isEmpty();
    }

    @Test
    void refusesANameInUseButWaitsForOneThatIsOnItsWayOut() {
        final Formation formation = formation(1);
        join(formation, "a");
        members.put(new MemberId("h:77", 77), MemberState.UP);
        formation.on(new FormationEvent.Members(members), 0);
        final NodeReport twin = arrival(new NodeDescriptor("a", "h:77", 77, "h", 1, IDENTITY), 1);
        assertThat(formation.on(new FormationEvent.Reported(twin), 0))
                .containsExactly(new FormationCommand.Refuse(new MemberId("h:77", 77),
                        "node name 'a' is in use by the running node at h:a"));
        members.put(member("a"), MemberState.UNREACHABLE);
        formation.on(new FormationEvent.Members(members), 0);
        assertThat(formation.on(new FormationEvent.Reported(twin), 0)).isEmpty();
        members.remove(member("a"));
        formation.on(new FormationEvent.Members(members), 0);
        assertThat(formation.on(new FormationEvent.Reported(twin), 0)).hasSize(1)
                .allMatch(FormationCommand.Send.class::isInstance);
    }

    @Test
    void restoresWhatALostNodeHadOnTheNodesThatAreLeft() {
        final Formation formation = formation(1);
        join(formation, "a");
        report(formation, "a", 0, ExpertSet.EMPTY);
        report(formation, "a", 0, BOTH);
        join(formation, "b");
        assertThat(report(formation, "b", 1, ExpertSet.EMPTY).getLast().orders().hold()).isEqualTo(ExpertSet.EMPTY);
        assertThat(formation.published().nodes()).hasSize(2);
        members.remove(member("a"));
        final List<FormationCommand> commands = formation.on(new FormationEvent.Members(members), 0);
        assertThat(formation.view().reason())
                .isEqualTo("2 of 2 experts have no replica that can be reached; a is gone, b is loading");
        assertThat(formation.published().nodes()).extracting(Endpoint::name).containsExactly("b");
        assertThat(((FormationCommand.Send) commands.getLast()).orders().hold()).isEqualTo(BOTH);
        report(formation, "b", 1, BOTH);
        assertThat(formation.published().placement().toArray()).isEqualTo(new int[][][]{{{1}, {1}}});
    }

    @Test
    void takesANodeThatMostOthersHaveLostOutOfTheTableAndInAgain() {
        final Formation formation = formation(3);
        for (final String name : List.of("a", "b", "c")) {
            join(formation, name);
        }
        suspecting(formation, "a", 0, ExpertSet.of(java.util.stream.IntStream.of(0)), 0);
        suspecting(formation, "b", 1, ExpertSet.EMPTY, 0);
        suspecting(formation, "c", 2, ExpertSet.of(java.util.stream.IntStream.of(1)), 0);
        assertThat(formation.published().nodes()).hasSize(3);
        suspecting(formation, "a", 0, ExpertSet.of(java.util.stream.IntStream.of(0)), 100, 2);
        formation.on(new FormationEvent.Tick(), 700);
        assertThat(formation.published().nodes()).as("one witness of two is no majority").hasSize(3);
        suspecting(formation, "b", 1, ExpertSet.EMPTY, 800, 2);
        formation.on(new FormationEvent.Tick(), 1200);
        assertThat(formation.published().nodes()).hasSize(3);
        formation.on(new FormationEvent.Tick(), 1300);
        assertThat(formation.published().nodes()).extracting(Endpoint::name).containsExactly("a", "b");
        assertThat(formation.view().nodes().getLast().state()).isEqualTo(NodeView.State.SUSPECTED);
        suspecting(formation, "a", 0, ExpertSet.of(java.util.stream.IntStream.of(0)), 1400);
        suspecting(formation, "b", 1, ExpertSet.EMPTY, 1400);
        formation.on(new FormationEvent.Tick(), 1900);
        assertThat(formation.published().nodes()).as("nobody calls it, so nobody can miss it").hasSize(2);
        suspecting(formation, "c", 2, ExpertSet.of(java.util.stream.IntStream.of(1)), 2000);
        formation.on(new FormationEvent.Tick(), 2500);
        assertThat(formation.published().nodes()).hasSize(3);
    }

    /** The others do not speak to it any more, so that it misses all of them. */
    @Test
    void whatANodeOutOfTheTableSaysOfOthersDoesNotCount() {
        final Formation formation = formation(2);
        join(formation, "a");
        join(formation, "b");
        suspecting(formation, "a", 0, ExpertSet.of(java.util.stream.IntStream.of(0)), 0, 1);
        suspecting(formation, "b", 1, ExpertSet.of(java.util.stream.IntStream.of(1)), 0);
        formation.on(new FormationEvent.Tick(), 10);
        formation.on(new FormationEvent.Tick(), 510);
        assertThat(formation.published().nodes()).extracting(Endpoint::name).containsExactly("a");
        for (long nowNs = 520; nowNs < 5000; nowNs += 100) {
            suspecting(formation, "a", 0, BOTH, nowNs, 1);
            suspecting(formation, "b", 1, ExpertSet.EMPTY, nowNs, 0);
            formation.on(new FormationEvent.Tick(), nowNs);
            assertThat(formation.published().nodes()).as("at %s", nowNs).extracting(Endpoint::name).containsExactly("a");
        }
    }

    @Test
    void aNodeThatIsToBeEmptiedStillIsWhenItComesBackButNotWhenItIsStartedAnew() {
        final Formation formation = formation(2);
        join(formation, "a");
        join(formation, "b");
        suspecting(formation, "a", 0, ExpertSet.of(java.util.stream.IntStream.of(0)), 0);
        suspecting(formation, "b", 1, ExpertSet.of(java.util.stream.IntStream.of(1)), 0);
        formation.moves().leave("b", 0);
        suspecting(formation, "a", 0, ExpertSet.of(java.util.stream.IntStream.of(0)), 0, 1);
        formation.on(new FormationEvent.Tick(), 500);
        assertThat(formation.moves().isMember(1)).isFalse();
        suspecting(formation, "a", 0, BOTH, 600);
        suspecting(formation, "b", 1, ExpertSet.of(java.util.stream.IntStream.of(1)), 700);
        formation.on(new FormationEvent.Tick(), 1300);
        assertThat(formation.moves().isMember(1)).isTrue();
        assertThat(formation.moves().isLeaving("b")).isTrue();
        assertThat(formation.moves().saved().leaving()).containsExactly("b");
        suspecting(formation, "a", 0, BOTH, 1400);
        suspecting(formation, "b", 1, ExpertSet.of(java.util.stream.IntStream.of(1)), 1400);
        assertThat(formation.moves().ledger()).as("it is being emptied again")
                .anyMatch(move -> move.why() == RebalanceMove.Why.DRAIN && move.from() == 1 && move.endedNs() == Long.MAX_VALUE);

        final MemberId anew = new MemberId("h:b", 77);
        members.remove(member("b"));
        members.put(anew, MemberState.UP);
        formation.on(new FormationEvent.Members(members), 1500);
        formation.on(
                new FormationEvent.Reported(arrival(new NodeDescriptor("b", anew.address(), anew.uid(), "host", 100, IDENTITY),
                        ++serial)),
                1500);
        assertThat(formation.moves().isLeaving("b")).isFalse();
    }

    @Test
    void saysWhyExpertsCannotBePlaced() {
        final Formation formation = new Formation(new Formation.Settings(1, 1000, 500, IDENTITY, nodes -> {
            throw new PlanningException("1 devices have 1 slots, but 2 experts need 2");
        }, SimulatedCluster.moves(new int[]{2})), 1, 0, 0);
        join(formation, "a");
        report(formation, "a", 0, ExpertSet.EMPTY);
        assertThat(formation.view().reason()).isEqualTo(
                "the experts cannot be placed: 1 devices have 1 slots, but 2 experts need 2");
    }

    private static Formation formation(final int expected) {
        return new Formation(new Formation.Settings(expected, 1000, 500, IDENTITY, nodes -> Placement.of(Epoch.NONE,
                new int[][][]{{{nodes.firstKey()}, {nodes.lastKey()}}}), SimulatedCluster.moves(new int[]{2})), 1, 0, 0);
    }

    private static MemberId member(final String name) {
        return new MemberId("h:" + name, name.charAt(0));
    }

    private void join(final Formation formation, final String name) {
        members.put(member(name), MemberState.UP);
        formation.on(new FormationEvent.Members(members), 0);
        formation.on(new FormationEvent.Reported(arrival(descriptor(name), ++serial)), 0);
    }

    private List<FormationCommand.Send> report(final Formation formation, final String name, final int id,
            final ExpertSet ready) {
        return suspecting(formation, name, id, ready, 0);
    }

    /** A report of a node that has obeyed all that it was told. */
    private List<FormationCommand.Send> suspecting(final Formation formation, final String name, final int id,
            final ExpertSet ready,
            final long nowNs, final Integer... suspects) {
        final List<FormationCommand.Send> sent = new ArrayList<>();
        final NodeReport report = new NodeReport(descriptor(name), ++serial, true, id,
                new Endpoint(id, 1, name, "host", "127.0.0.1:1000", 1), null,
                new Epoch(1, 1_000_000), Epoch.NONE, Epoch.NONE, false,
                new NodeReport.Replicas(ready, ExpertSet.EMPTY, ExpertSet.EMPTY), "", List.of(suspects), List.of(), false, null);
        for (final FormationCommand command : formation.on(new FormationEvent.Reported(report), nowNs)) {
            if (command instanceof final FormationCommand.Send send && send.to().equals(member(name))) {
                sent.add(send);
            }
        }
        return sent;
    }

    /** The first report of a node. */
    private static NodeReport arrival(final NodeDescriptor node, final long serial) {
        return new NodeReport(node, serial, true, -1, null, null, Epoch.NONE, Epoch.NONE, Epoch.NONE, false,
                NodeReport.Replicas.NONE,
                "",
                List.of(), List.of(), false, null);
    }

    private static NodeDescriptor descriptor(final String name) {
        return new NodeDescriptor(name, member(name).address(), member(name).uid(), "host", 100, IDENTITY);
    }
}
