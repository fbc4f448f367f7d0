package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;

import com.sun.management.ThreadMXBean;

final class ReplicaChoiceTest {
    private static final double NO_LIMIT = Double.POSITIVE_INFINITY;

    /** Devices 0 and 1 on one host, 2 and 3 on another. */
    private static final Topology TOPOLOGY = twoHosts();

    private static Topology twoHosts() {
        final List<Device> devices = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            devices.add(new Device(i, "node-" + i, "host-" + i / 2, "cpu", 1 << 20, 8, new ComputeRate(0, 0)));
        }
        return Topology.of(devices, Link.FREE, new Link(1e9, 0));
    }

    private static Placement placement(final int[]... devicesOfExpert) {
        return Placement.of(Epoch.NONE, new int[][][]{devicesOfExpert});
    }

    private static int[] choose(
            final Mode mode, final Placement placement, final int[] experts, final int from, final double[] load,
            final double limit) {
        final int[] chosen = new int[experts.length];
        new ReplicaChoice(TOPOLOGY, mode).choose(placement, 0, experts, 0, experts.length, from, load, limit, chosen);
        return chosen;
    }

    @Test
    void localComesFirstWhateverItsLoad() {
        assertThat(choose(Mode.HOME, placement(new int[]{0, 1, 2}), new int[]{0}, 1, new double[]{0, 9, 0, 0}, NO_LIMIT))
                .containsExactly(1);
    }

    @Test
    void aDeviceThatIsVisitedAnywayComesBeforeALighterOne() {
        // Expert 1 is only on device 3, so that expert 0, though of higher rank, goes there too.
        assertThat(choose(Mode.HOME, placement(new int[]{1, 3}, new int[]{3}), new int[]{0, 1}, 0, new double[]{0, 0, 0, 5},
                NO_LIMIT))
                .containsExactly(3, 3);
    }

    @Test
    void theSameHostComesBeforeTheNetworkAndLoadDecidesWithin() {
        assertThat(choose(Mode.HOME, placement(new int[]{1, 2, 3}), new int[]{0}, 0, new double[]{0, 9, 0, 0}, NO_LIMIT))
                .containsExactly(1);
        assertThat(choose(Mode.HOME, placement(new int[]{2, 3}), new int[]{0}, 0, new double[]{0, 0, 4, 3}, NO_LIMIT))
                .containsExactly(3);
        assertThat(choose(Mode.HOME, placement(new int[]{2, 3}), new int[]{0}, 0, new double[4], NO_LIMIT)).containsExactly(2);
    }

    @Test
    void devicesOverTheLimitComeLastAndUnusableOnesNever() {
        final double[] load = {8, 0, 3, 2};
        assertThat(choose(Mode.HOME, placement(new int[]{0, 3}), new int[]{0}, 0, load, 4)).containsExactly(3);
        assertThat(choose(Mode.HOME, placement(new int[]{0}), new int[]{0}, 0, load, 4)).containsExactly(0);
        assertThat(choose(Mode.HOME, placement(new int[]{0, 2, 3}), new int[]{0}, 0, load, 1)).containsExactly(3);
        load[0] = Double.POSITIVE_INFINITY;
        assertThat(choose(Mode.HOME, placement(new int[]{0, 2}), new int[]{0}, 0, load, NO_LIMIT)).containsExactly(2);
        assertThat(choose(Mode.HOME, placement(new int[]{0}), new int[]{0}, 0, load, NO_LIMIT))
                .containsExactly(ReplicaChoice.NONE);
        assertThat(choose(Mode.WALK, placement(new int[]{0}, new int[]{1}), new int[]{0, 1}, 1, load, NO_LIMIT))
                .containsExactly(ReplicaChoice.NONE, 1);
        assertThat(choose(Mode.HOME, placement(new int[]{}), new int[]{0}, 0, load, NO_LIMIT))
                .containsExactly(ReplicaChoice.NONE);
    }

    @Test
    void inWalkTheHighestGateGoesWhereTheLayerNeedsFewestVectors() {
        // On device 0 a stay needs a dispatch and three returns; device 2 has all experts: one hand-over.
        final Placement all = placement(new int[]{0, 2}, new int[]{2}, new int[]{2}, new int[]{2});
        assertThat(choose(Mode.WALK, all, new int[]{0, 1, 2, 3}, 0, new double[4], NO_LIMIT)).containsExactly(2, 2, 2, 2);
        // All of them are here, too: it stays.
        final Placement even = placement(new int[]{0, 2}, new int[]{0, 3});
        assertThat(choose(Mode.WALK, even, new int[]{0, 1}, 0, new double[4], NO_LIMIT)).containsExactly(0, 0);
        // Other experts prefer the device where the token now is.
        final Placement moved = placement(new int[]{2}, new int[]{0, 2});
        assertThat(choose(Mode.WALK, moved, new int[]{0, 1}, 0, new double[4], NO_LIMIT)).containsExactly(2, 2);
    }

    @Test
    void allocatesNothing() {
        final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        final ReplicaChoice choice = new ReplicaChoice(TOPOLOGY, Mode.WALK);
        final Placement placement = placement(new int[]{0, 2}, new int[]{2}, new int[]{1, 3}, new int[]{0, 1, 2, 3});
        final int[] experts = {0, 1, 2, 3};
        final int[] chosen = new int[4];
        final double[] load = new double[4];
        choice.choose(placement, 0, experts, 0, 4, 0, load, NO_LIMIT, chosen);
        final long before = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < 10_000; i++) {
            choice.choose(placement, 0, experts, 0, 4, i & 3, load, NO_LIMIT, chosen);
        }
        assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(1024);
    }
}
