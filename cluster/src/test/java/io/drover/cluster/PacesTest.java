package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;

import io.drover.actors.EngineStatus;
import io.drover.cluster.NodeReport.SlowPeer;
import io.drover.placement.Epoch;

class PacesTest {
    private static final List<SlowPeer> NOBODY = List.of();

    private static final long SECOND_NS = 1_000_000_000;

    private final Paces paces = new Paces();
    private long nowNs;

    @Test
    void anEngineComparesASlowPeerWithThoseThatAreNot() {
        assertThat(Paces.slow(List.of(peer(0, false, 1_000_000), peer(1, true, 9_000_000), peer(2, false, 1_200_000))))
                .containsExactly(new SlowPeer(1, 8));
        assertThat(Paces.slow(List.of(peer(1, true, 900_000_000), peer(2, false, 1_000_000))))
                .containsExactly(new SlowPeer(1, Paces.MOST));
        assertThat(Paces.slow(List.of(peer(1, true, 900_000_000), peer(2, false, 0)))).as("nobody to compare it with").isEmpty();
    }

    @Test
    void aNodeIsSlowWhenMostOthersHaveLongSaidSo() {
        assertThat(during(0, List.of(new SlowPeer(3, 16)), NOBODY, NOBODY, NOBODY)).as("one of three").isEmpty();
        assertThat(step(nowNs, List.of(new SlowPeer(3, 16)), List.of(new SlowPeer(3, 16)), NOBODY, NOBODY)).as("for an instant")
                .isEmpty();
        assertThat(step(nowNs + 100 * Paces.SURE_NS, List.of(new SlowPeer(3, 16)), List.of(new SlowPeer(3, 16)), NOBODY, NOBODY))
                .as("nobody watched meanwhile")
                .isEmpty();
        nowNs += 100 * Paces.SURE_NS;
        assertThat(during(nowNs, List.of(new SlowPeer(3, 16)), List.of(new SlowPeer(3, 4)), NOBODY, NOBODY))
                .isEqualTo(Map.of(3, 4));
        assertThat(during(nowNs, List.of(new SlowPeer(3, 16)), List.of(new SlowPeer(3, 16)), NOBODY, NOBODY))
                .isEqualTo(Map.of(3, 16));
        assertThat(during(nowNs, List.of(new SlowPeer(3, 2)), List.of(new SlowPeer(3, 2)), NOBODY, NOBODY))
                .as("it may look faster only because it has less to do")
                .isEmpty();
    }

    @Test
    void aNodeThatIsOftenSlowForASecondIsNotSlow() {
        for (int second = 0; second < 600; second++) {
            final List<SlowPeer> said = second % 2 == 0 ? List.of(new SlowPeer(2, 8)) : NOBODY;
            assertThat(step(second * SECOND_NS, said, said, NOBODY)).as("second %s", second).isEmpty();
        }
    }

    @Test
    void aNodesOwnWordDoesNotCount() {
        assertThat(during(0, NOBODY, List.of(new SlowPeer(0, 8)), List.of(new SlowPeer(2, 64)))).isEmpty();
        assertThat(during(nowNs, NOBODY, List.of(new SlowPeer(0, 8)), List.of(new SlowPeer(0, 8)))).isEqualTo(Map.of(0, 8));
    }

    @Test
    void aSlowNodeIsTriedAgainLaterAfterEachRelapse() {
        final List<SlowPeer> said = List.of(new SlowPeer(2, 8));
        for (int relapse = 0; relapse < 4; relapse++) {
            assertThat(during(nowNs, said, said, NOBODY)).isEqualTo(Map.of(2, 8));
            final long memoryNs = Paces.MEMORY_NS << relapse;
            assertThat(step(nowNs + memoryNs - 1, NOBODY, NOBODY, NOBODY)).as("relapse %s", relapse).isEmpty();
            nowNs += memoryNs;
            assertThat(step(nowNs, NOBODY, NOBODY, NOBODY)).as("relapse %s", relapse).isEqualTo(Map.of(2, 1));
            assertThat(during(nowNs, NOBODY, NOBODY, NOBODY)).isEmpty();
        }
        // Good for as long as it was remembered: forgiven.
        nowNs += Paces.MEMORY_NS << 3;
        assertThat(step(nowNs, NOBODY, NOBODY, NOBODY)).isEmpty();
        assertThat(during(nowNs, said, said, NOBODY)).isEqualTo(Map.of(2, 8));
        assertThat(step(nowNs + Paces.MEMORY_NS, NOBODY, NOBODY, NOBODY)).isEqualTo(Map.of(2, 1));
    }

    /** The same words for long enough. @return what they have changed */
    @SafeVarargs
    private Map<Integer, Integer> during(final long fromNs, final List<SlowPeer>... slow) {
        final Map<Integer, Integer> changes = new TreeMap<>();
        for (nowNs = fromNs; nowNs < fromNs + Paces.SURE_NS + SECOND_NS; nowNs += SECOND_NS / 2) {
            changes.putAll(step(nowNs, slow));
        }
        nowNs -= SECOND_NS / 2;
        return changes;
    }

    @SafeVarargs
    private Map<Integer, Integer> step(final long nowNs, final List<SlowPeer>... slow) {
        return paces.step(IntStream.range(0, slow.length).mapToObj(node -> report(node, slow[node])).toList(), nowNs);
    }

    private static NodeReport report(final int node, final List<SlowPeer> slow) {
        final NodeDescriptor descriptor = new NodeDescriptor("node-" + node, "h:" + node, node, "host", 100,
                new Identity("c", "w", "e", "t", "float32", "float32", "cpu", "1"));
        return new NodeReport(descriptor, 1, false, node, null, null, Epoch.NONE, Epoch.NONE, Epoch.NONE, false,
                NodeReport.Replicas.NONE, "", List.of(), slow, false, null);
    }

    private static EngineStatus.Peer peer(final int node, final boolean slow, final long typicalNs) {
        return new EngineStatus.Peer(node, "node-" + node, false, 0, 0, slow, typicalNs);
    }
}
