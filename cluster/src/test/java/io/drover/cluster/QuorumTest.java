package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

import org.junit.jupiter.api.Test;

final class QuorumTest {
    private static final long GRACE_NS = 2_000;

    private static NodeView node(final int id, final NodeView.State state) {
        return new NodeView("node-" + id, id, "10.0.0." + (1 + id % 2) + ":" + (9000 + 500 * id), state, 8, 10, null);
    }

    private static List<NodeView> serving(final int count) {
        final List<NodeView> nodes = new ArrayList<>();
        for (int id = 0; id < count; id++) {
            nodes.add(node(id, NodeView.State.SERVING));
        }
        return nodes;
    }

    private static Quorum of(final NodeView own) {
        return new Quorum(own.address(), GRACE_NS);
    }

    @Test
    void aMinorityIsCutOffAfterTheGraceAndAdmitsAgainAfterHalfOfIt() {
        final Quorum quorum = of(node(2, NodeView.State.SERVING));
        quorum.step(serving(3), Set.of(0, 1), 10);
        quorum.step(serving(3), Set.of(0, 1), 10 + GRACE_NS - 1);
        assertThat(quorum.problem()).isEmpty();
        quorum.step(serving(3), Set.of(0, 1), 10 + GRACE_NS);
        assertThat(quorum.problem()).isEqualTo("this node is cut off: of 3 nodes it hears 1, itself included");
        final long backNs = 10 + GRACE_NS + 1;
        quorum.step(serving(3), Set.of(0), backNs);
        quorum.step(serving(3), Set.of(0), backNs + GRACE_NS / 2 - 1);
        assertThat(quorum.problem()).isNotEmpty();
        quorum.step(serving(3), Set.of(0), backNs + GRACE_NS / 2);
        assertThat(quorum.problem()).isEmpty();
        quorum.step(serving(3), Set.of(0, 1), backNs + GRACE_NS / 2 + 1);
        assertThat(quorum.problem()).as("the grace begins anew").isEmpty();
    }

    /** The coordinator of a minority takes the lost out of its table and in again; until they are suspected anew they seem to be heard. */
    @Test
    void nodesThatAreTriedAgainDoNotLetTheGraceBeginAnew() {
        final Quorum quorum = of(node(2, NodeView.State.SERVING));
        for (long ns = 0; ns <= GRACE_NS; ns += GRACE_NS / 10) {
            final boolean tried = ns % (GRACE_NS / 2) < GRACE_NS / 4;
            quorum.step(serving(3), tried && ns > 0 ? Set.of() : Set.of(0, 1), ns);
        }
        quorum.step(serving(3), Set.of(0, 1), GRACE_NS + GRACE_NS / 4);
        assertThat(quorum.problem()).isNotEmpty();
    }

    @Test
    void ofTwoNodesTheOneOfTheLowestAddressSurvives() {
        final List<NodeView> two = serving(2);
        final Quorum lowest = of(two.get(0));
        final Quorum other = of(two.get(1));
        lowest.step(two, Set.of(1), 0);
        other.step(two, Set.of(0), 0);
        lowest.step(two, Set.of(1), GRACE_NS);
        other.step(two, Set.of(0), GRACE_NS);
        assertThat(lowest.problem()).isEmpty();
        assertThat(other.problem()).isNotEmpty();
    }

    @Test
    void portsAreComparedAsNumbers() {
        final NodeView nine = new NodeView("a", 0, "h:9000", NodeView.State.SERVING, 1, 0, null);
        final NodeView ten = new NodeView("b", 1, "h:10000", NodeView.State.SERVING, 1, 0, null);
        final Quorum quorum = of(nine);
        quorum.step(List.of(nine, ten), Set.of(1), 0);
        quorum.step(List.of(nine, ten), Set.of(1), GRACE_NS);
        assertThat(quorum.problem()).isEmpty();
    }

    @Test
    void theDeadDoNotCountAndTheSuspectedDo() {
        final List<NodeView> nodes = List.of(node(0, NodeView.State.SERVING), node(1, NodeView.State.GONE),
                node(2, NodeView.State.GONE), node(3, NodeView.State.LOADING));
        final Quorum quorum = of(nodes.getFirst());
        quorum.step(nodes, Set.of(), GRACE_NS);
        quorum.step(nodes, Set.of(), 3 * GRACE_NS);
        assertThat(quorum.problem()).isEmpty();
        final List<NodeView> alone = List.of(node(0, NodeView.State.SERVING), node(1, NodeView.State.SUSPECTED),
                node(2, NodeView.State.UNREACHABLE));
        quorum.step(alone, Set.of(), 4 * GRACE_NS);
        quorum.step(alone, Set.of(), 5 * GRACE_NS);
        assertThat(quorum.problem()).as("a coordinator that sits in the minority takes all others for lost").isNotEmpty();
    }

    /** However a cluster is cut in two, at most one side admits, and one does unless the cut is of three or more parts. */
    @Test
    void atMostOneSideOfACutAdmits() {
        for (long seed = 0; seed < 2000; seed++) {
            final Random random = new Random(seed);
            final int count = 1 + random.nextInt(9);
            final List<NodeView> nodes = serving(count);
            final int[] side = random.ints(count, 0, 2).toArray();
            final Set<Integer> admitting = new HashSet<>();
            for (int id = 0; id < count; id++) {
                final Set<Integer> silent = new HashSet<>();
                for (int other = 0; other < count; other++) {
                    if (side[other] != side[id]) {
                        silent.add(other);
                    }
                }
                final Quorum quorum = of(nodes.get(id));
                quorum.step(nodes, silent, 0);
                quorum.step(nodes, silent, GRACE_NS);
                if (quorum.problem().isEmpty()) {
                    admitting.add(side[id]);
                }
            }
            assertThat(admitting).as("seed %d", seed).hasSize(1);
        }
    }
}
