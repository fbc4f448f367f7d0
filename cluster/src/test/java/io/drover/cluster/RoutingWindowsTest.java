package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Objects;
import java.util.Set;

import org.apache.pekko.util.ByteString;
import org.junit.jupiter.api.Test;

import io.drover.placement.RebalanceEvent;
import io.drover.placement.Relation;
import io.drover.placement.RoutingStatistics;

class RoutingWindowsTest {
    private static final MemberId A = new MemberId("127.0.0.1:1", 7);
    private static final MemberId B = new MemberId("127.0.0.1:2", 8);
    private static final MemberId B_AGAIN = new MemberId("127.0.0.1:2", 9);

    private final RoutingWindows windows = new RoutingWindows(100);

    private static RoutingStatistics counted(final int positions, final int expert, final int layers) {
        final int[] experts = new int[layers];
        java.util.Arrays.fill(experts, 4);
        final RoutingStatistics statistics = new RoutingStatistics(experts, 2, new RoutingStatistics.Limits(256, 64, 64), expert);
        final int[][] chosen = new int[layers][];
        java.util.Arrays.fill(chosen, new int[]{expert, (expert + 1) % 4});
        final float[][] gates = new float[layers][];
        java.util.Arrays.fill(gates, new float[]{0.75f, 0.25f});
        for (int i = 0; i < positions; i++) {
            statistics.record(i, chosen, gates);
        }
        return statistics;
    }

    private static RoutingReport report(final MemberId member, final long serial, final int positions, final int expert) {
        return new RoutingReport(member, serial, positions / 2.0,
                ByteString.fromArray(counted(positions, expert, 3).toBytes(1 << 20)));
    }

    private RebalanceEvent.Window at(final long nowNs) {
        return Objects.requireNonNull(windows.merged(nowNs));
    }

    @Test
    void mergesTheLastReportOfEachNode() {
        assertThat(windows.merged(0)).isNull();
        windows.onReport(report(A, 1, 1000, 0), 1);
        windows.onReport(report(A, 3, 10, 0), 2);
        windows.onReport(report(A, 2, 500, 0), 3);
        windows.onReport(report(B, 1, 30, 1), 3);
        final RebalanceEvent.Window window = at(4);
        assertThat(window.tokensPerSecond()).isEqualTo(20);
        assertThat(window.statistics().positions()).isEqualTo(40);
        assertThat(window.statistics().calls(2, 1)).isEqualTo(40);
        assertThat(window.statistics().pairs(Relation.TRANSITION, 0, 1, 2)).isEqualTo(30);
        assertThat(window.statistics().paths()).isEqualTo(40);
        assertThat(windows.nodes()).isEqualTo(2);
        assertThat(at(5)).as("merged once").isSameAs(window);
    }

    @Test
    void forgetsNodesThatLeftAndNodesThatAreSilent() {
        windows.onReport(report(A, 1, 10, 0), 0);
        windows.onReport(report(B, 5, 30, 1), 50);
        windows.onMembers(Set.of(A, B));
        assertThat(at(99).statistics().positions()).isEqualTo(40);
        assertThat(at(100).statistics().positions()).as("A has been silent").isEqualTo(30);
        windows.onReport(report(A, 2, 10, 0), 101);
        windows.onMembers(Set.of(A, B_AGAIN));
        assertThat(at(102).statistics().positions()).as("B left").isEqualTo(10);
        windows.onReport(report(B_AGAIN, 1, 7, 0), 103);
        assertThat(at(104).statistics().positions()).as("another life counts its reports anew").isEqualTo(17);
        windows.onMembers(Set.of());
        assertThat(windows.merged(105)).isNull();
    }

    @Test
    void leavesOutWhatCannotBeUsed() {
        windows.onReport(report(A, 1, 10, 0), 0);
        windows.onReport(new RoutingReport(B, 1, 1000, ByteString.fromInts(1, 2, 3)), 0);
        assertThat(at(1).tokensPerSecond()).isEqualTo(5);
        windows.onReport(new RoutingReport(B, 2, 1000, ByteString.fromArray(counted(9, 1, 2).toBytes())), 2);
        assertThat(at(3).statistics().positions()).as("another model's shape").isEqualTo(10);
    }

    @Test
    void aCountWeighsHalfAfterAHalfLife() {
        final DecayedWindow decayed = new DecayedWindow(counted(0, 0, 3), 30);
        assertThat(decayed.positionsPerSecond()).isZero();
        final RoutingStatistics first = counted(1000, 0, 3);
        decayed.add(first, 10);
        assertThat(first.positions()).as("left empty").isZero();
        assertThat(first.calls(0, 0)).isZero();
        assertThat(decayed.positionsPerSecond()).isEqualTo(100, within(1e-9));
        decayed.add(first, 30);
        assertThat(decayed.counts().positions()).isEqualTo(500, within(1e-9));
        assertThat(decayed.counts().calls(1, 1)).isEqualTo(500, within(1e-9));
        assertThat(decayed.positionsPerSecond()).isEqualTo(500 / 35.0, within(1e-9));
    }
}
