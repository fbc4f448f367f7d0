package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;

import io.drover.cluster.Formation.Command;
import io.drover.cluster.Formation.Event;
import io.drover.cluster.Formation.MemberState;
import io.drover.placement.Epoch;
import io.drover.placement.Placement;
import io.drover.placement.PlanningException;
import io.drover.streams.Endpoint;

/** Single decisions; what holds under faults is in {@link FormationSimulationTest}. */
class FormationTest {
    private static final Identity IDENTITY = new Identity("c", "w", "t", "float32", "float32", "cpu", "1");
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
        assertThat(formation.published().table().epoch()).isEqualTo(new Epoch(1, 1));
        assertThat(formation.published().table().placement().toArray()).isEqualTo(new int[][][]{{{0}, {1}}});
    }

    @Test
    void refusesAnotherModelWithBothValues() {
        final Formation formation = formation(1);
        members.put(new MemberId("h:9", 9), MemberState.UP);
        formation.on(new Event.Members(members), 0);
        final Identity other = new Identity("c", "other", "t", "float32", "bfloat16", "cpu", "1");
        final NodeReport stranger = new NodeReport(new NodeDescriptor("x", "h:9", 9, "h", 1, other), 1, -1, null, 0, Epoch.NONE,
                false,
                ExpertSet.EMPTY, "", null);
        assertThat(formation.on(new Event.Reported(stranger), 0)).containsExactly(new Command.Refuse(new MemberId("h:9", 9),
                "node 'x' may not join: model weights is other here and w in the cluster; KV type is bfloat16 here and float32 in the"
                        + " cluster"));
        assertThat(formation.view().nodes()).isEmpty();
    }

    @Test
    void refusesANameInUseButWaitsForOneThatIsOnItsWayOut() {
        final Formation formation = formation(1);
        join(formation, "a");
        members.put(new MemberId("h:77", 77), MemberState.UP);
        formation.on(new Event.Members(members), 0);
        final NodeReport twin = new NodeReport(new NodeDescriptor("a", "h:77", 77, "h", 1, IDENTITY), 1, -1, null, 0, Epoch.NONE,
                false,
                ExpertSet.EMPTY, "", null);
        assertThat(formation.on(new Event.Reported(twin), 0)).containsExactly(new Command.Refuse(new MemberId("h:77", 77),
                "node name 'a' is in use by the running node at h:a"));
        members.put(member("a"), MemberState.UNREACHABLE);
        formation.on(new Event.Members(members), 0);
        assertThat(formation.on(new Event.Reported(twin), 0)).isEmpty();
        members.remove(member("a"));
        formation.on(new Event.Members(members), 0);
        assertThat(formation.on(new Event.Reported(twin), 0)).hasSize(1).allMatch(Command.Send.class::isInstance);
    }

    @Test
    void tellsOfWhatIsLostAndGivesLateNodesNoExperts() {
        final Formation formation = formation(1);
        join(formation, "a");
        report(formation, "a", 0, ExpertSet.EMPTY);
        report(formation, "a", 0, BOTH);
        join(formation, "b");
        assertThat(report(formation, "b", 1, ExpertSet.EMPTY).getLast().orders().hold()).isEqualTo(ExpertSet.EMPTY);
        assertThat(formation.published().table().nodes()).hasSize(2);
        members.remove(member("a"));
        formation.on(new Event.Members(members), 0);
        assertThat(formation.view().reason()).isEqualTo("2 of 2 experts have no replica that can be reached; a is gone");
        assertThat(formation.published().table().nodes()).extracting(Endpoint::name).containsExactly("b");
    }

    @Test
    void saysWhyExpertsCannotBePlaced() {
        final Formation formation = new Formation(new Formation.Settings(1, 1000, IDENTITY, nodes -> {
            throw new PlanningException("1 devices have 1 slots, but 2 experts need 2");
        }), 1, 0, 0);
        join(formation, "a");
        report(formation, "a", 0, ExpertSet.EMPTY);
        assertThat(formation.view().reason()).isEqualTo(
                "the experts cannot be placed: 1 devices have 1 slots, but 2 experts need 2");
    }

    private static Formation formation(final int expected) {
        return new Formation(new Formation.Settings(expected, 1000, IDENTITY, nodes -> Placement.of(Epoch.NONE,
                new int[][][]{{{nodes.firstKey()}, {nodes.lastKey()}}})), 1, 0, 0);
    }

    private static MemberId member(final String name) {
        return new MemberId("h:" + name, name.charAt(0));
    }

    private void join(final Formation formation, final String name) {
        members.put(member(name), MemberState.UP);
        formation.on(new Event.Members(members), 0);
        formation.on(
                new Event.Reported(new NodeReport(descriptor(name), ++serial, -1, null, 0, Epoch.NONE, false, ExpertSet.EMPTY, "",
                        null)),
                0);
    }

    private List<Command.Send> report(final Formation formation, final String name, final int id, final ExpertSet loaded) {
        final List<Command.Send> sent = new ArrayList<>();
        for (final Command command : formation.on(new Event.Reported(new NodeReport(descriptor(name), ++serial, id,
                new Endpoint(id, 1, name, "host", "127.0.0.1:1000", 1), 1, Epoch.NONE, false, loaded, "", null)), 0)) {
            sent.add((Command.Send) command);
        }
        return sent;
    }

    private static NodeDescriptor descriptor(final String name) {
        return new NodeDescriptor(name, member(name).address(), member(name).uid(), "host", 1, IDENTITY);
    }
}
