package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import io.drover.actors.RoutingTable;
import io.drover.cluster.Participant.Command;
import io.drover.placement.Epoch;
import io.drover.placement.Placement;
import io.drover.streams.Endpoint;

/** Single decisions of a node; what holds under faults is in {@link FormationSimulationTest}. */
final class ParticipantTest {
    private static final Identity IDENTITY = new Identity("c", "w", "e", "t", "float32", "float32", "cpu", "1");
    private static final Endpoint SELF = new Endpoint(0, 1, "a", "host", "127.0.0.1:1000", 1);
    private static final ExpertSet FIRST = ExpertSet.of(IntStream.of(0));
    private static final ExpertSet OTHER = ExpertSet.of(IntStream.of(1));

    private final Participant node = new Participant(new NodeDescriptor("a", "h:1", 1, "host", 12, IDENTITY),
            new Residency(12, 4, 1000, 1000), new Quorum("h:1", 1000), new Rescue(1000), 0);
    private long nowNs;

    private List<Command> order(final Epoch stamp, final ExpertSet hold, final @Nullable Epoch table) {
        final RoutingTable routes = table == null
                ? null
                : new RoutingTable(List.of(SELF), Placement.of(table, new int[][][]{{{0}, {}}}), List.of(0));
        return node.on(new Participant.Event.Ordered(new Orders(stamp, 0, hold, false, routes, null, false,
                new ClusterView(true, "", stamp, List.of()))), nowNs);
    }

    private NodeReport report() {
        nowNs += 2_000_000_000;
        return node.on(new Participant.Event.Tick(), nowNs)
                .stream()
                .filter(Command.Report.class::isInstance)
                .map(command -> ((Command.Report) command).state())
                .findFirst()
                .orElseThrow();
    }

    @Test
    void ordersOfALowerTermAreRefusedHoweverHighTheirNumber() {
        assertThat(order(new Epoch(2, 1), FIRST, null)).contains(new Command.StartEngine(0));
        node.on(new Participant.Event.EngineStarted(SELF, SELF), nowNs);
        assertThat(order(new Epoch(2, 2), FIRST, new Epoch(2, 1))).anyMatch(Command.Install.class::isInstance);
        for (final Epoch late : List.of(new Epoch(1, 99), new Epoch(2, 1), new Epoch(2, 2))) {
            assertThat(order(late, OTHER, new Epoch(2, 5))).as("orders %s", late).noneMatch(Command.Install.class::isInstance);
            assertThat(report().replicas().busy()).as("orders %s", late).isEqualTo(FIRST);
            assertThat(report().obeyed()).isEqualTo(new Epoch(2, 2));
            assertThat(report().installed()).isEqualTo(new Epoch(2, 1));
        }
    }

    @Test
    void aTableOfALowerTermIsNotInstalledWhoeverBringsIt() {
        order(new Epoch(2, 1), FIRST, null);
        node.on(new Participant.Event.EngineStarted(SELF, SELF), nowNs);
        order(new Epoch(2, 2), FIRST, new Epoch(2, 1));
        assertThat(order(new Epoch(3, 1), FIRST, new Epoch(1, 7))).noneMatch(Command.Install.class::isInstance);
        assertThat(report().obeyed()).isEqualTo(new Epoch(3, 1));
        assertThat(report().installed()).isEqualTo(new Epoch(2, 1));
        assertThat(order(new Epoch(3, 2), FIRST, new Epoch(3, 1))).anyMatch(Command.Install.class::isInstance);
    }
}
