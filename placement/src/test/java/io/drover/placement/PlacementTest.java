package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;

import org.junit.jupiter.api.Test;

final class PlacementTest {
    @Test
    void isAnImmutableSortedTable() {
        final int[][][] devices = {{{5, 1}, {}}, {}, {{2}}};
        final Placement placement = Placement.of(new Epoch(1, 2), devices);
        devices[0][0][0] = 9;
        placement.toArray()[2][0][0] = 9;
        assertThat(placement.layers()).isEqualTo(3);
        assertThat(placement.experts(1)).isZero();
        assertThat(placement.replicas(0, 0)).isEqualTo(2);
        assertThat(placement.replicas(0, 1)).isZero();
        assertThat(placement.device(0, 0, 0)).isEqualTo(1);
        assertThat(placement.hosts(5, 0, 0)).isTrue();
        assertThat(placement.hosts(9, 2, 0)).isFalse();
        assertThat(placement.withEpoch(Epoch.NONE).epoch()).isEqualTo(Epoch.NONE);
        assertThat(placement).isEqualTo(Placement.of(new Epoch(1, 2), new int[][][]{{{1, 5}, {}}, {}, {{2}}}))
                .hasSameHashCodeAs(Placement.of(new Epoch(1, 2), new int[][][]{{{1, 5}, {}}, {}, {{2}}}))
                .isNotEqualTo(placement.withEpoch(Epoch.NONE));
    }

    @Test
    void agreesLayerByLayerWithWhatItSharesAndWithWhatItDoesNot() {
        final Placement placement = Placement.of(Epoch.NONE, new int[][][]{{{1}, {2}}, {{3}, {0}}});
        final Placement other = placement.with(Map.of(1, Map.of(0, new int[]{0, 3})));
        assertThat(other.toArray()).isDeepEqualTo(new int[][][]{{{1}, {2}}, {{0, 3}, {0}}});
        assertThat(placement.device(1, 0, 0)).isEqualTo(3);
        assertThat(placement.agrees(other, 0)).isTrue();
        assertThat(placement.agrees(other, 1)).isFalse();
        assertThat(placement.agrees(Placement.of(Epoch.NONE, placement.toArray()), 1)).isTrue();
    }

    @Test
    void refusesADeviceTwiceOrBelowZero() {
        assertThatThrownBy(() -> Placement.of(Epoch.NONE, new int[][][]{{{0}, {3, 3}}})).hasMessageContaining("L0/E1")
                .hasMessageContaining("[3, 3]");
        assertThatThrownBy(() -> Placement.of(Epoch.NONE, new int[][][]{{{-1}}})).hasMessageContaining("[-1]");
    }

    @Test
    void epochsAreOrderedByTermThenNumber() {
        assertThat(new Epoch(2, 1)).isGreaterThan(new Epoch(1, 9));
        assertThat(new Epoch(2, 1).next()).isEqualTo(new Epoch(2, 2)).isGreaterThan(new Epoch(2, 1));
        assertThat(Epoch.NONE).isLessThan(new Epoch(1, 0));
        assertThatThrownBy(() -> new Epoch(-1, 0)).hasMessageContaining("-1.0");
    }
}
