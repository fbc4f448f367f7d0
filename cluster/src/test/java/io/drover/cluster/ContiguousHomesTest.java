package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.SortedMap;
import java.util.TreeMap;

import org.junit.jupiter.api.Test;

import io.drover.model.checkpoint.Checkpoint;
import io.drover.placement.Placement;
import io.drover.placement.PlanningException;

class ContiguousHomesTest {
    private static final Identity IDENTITY = new Identity("c", "w", "e", "t", "float32", "float32", "cpu", "1");
    /** gate, up and down of 128 x 192 in bfloat16. */
    private static final long EXPERT_BYTES = 3 * 128 * 192 * 2;

    @Test
    void givesEqualRunsOfExpertsToTheDevicesThatAreThere() {
        final Placement plan = plan(Long.MAX_VALUE, 1, 4, 7);
        assertThat(plan.layers()).isEqualTo(8);
        for (int expert = 0; expert < 16; expert++) {
            assertThat(plan.replicas(5, expert)).isEqualTo(1);
            assertThat(plan.device(5, expert, 0)).isEqualTo(expert < 6 ? 1 : expert < 11 ? 4 : 7);
        }
    }

    @Test
    void refusesWhatDoesNotFitWithTheNumbers() {
        assertThat(plan(128 * EXPERT_BYTES, 0).experts(0)).isEqualTo(16);
        assertThatThrownBy(() -> plan(128 * EXPERT_BYTES - 1, 0)).isInstanceOf(PlanningException.class)
                .hasMessageContaining("1 devices have 127 slots, but 128 experts");
    }

    private static Placement plan(final long budgetBytes, final int... ids) {
        try (Checkpoint checkpoint = Checkpoint.open(LocalCluster.MODEL)) {
            final SortedMap<Integer, NodeDescriptor> nodes = new TreeMap<>();
            for (final int id : ids) {
                nodes.put(id, new NodeDescriptor("node-" + id, "h:" + id, id, "host", budgetBytes, IDENTITY));
            }
            return new ContiguousHomes(checkpoint).apply(nodes);
        }
    }
}
