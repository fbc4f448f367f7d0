package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;

import org.junit.jupiter.api.Test;

import io.drover.placement.Epoch;
import io.drover.placement.Placement;
import io.drover.placement.RoutingStatistics;

class LoadBalanceTest {
    @Test
    void comparesTheBusiestDeviceWithTheMean() {
        final RoutingStatistics statistics = new RoutingStatistics(new int[]{3, 0, 3}, 1, new RoutingStatistics.Limits(8, 8, 0),
                1);
        final float[][] gates = {{1}, {}, {1}};
        for (int i = 0; i < 8; i++) {
            // Layer 0: 6 calls of expert 0, 2 of expert 1; layer 2: all of expert 2.
            statistics.record(0, new int[][]{{i < 6 ? 0 : 1}, {}, {2}}, gates);
        }
        final Placement placement = Placement.of(new Epoch(1, 1),
                new int[][][]{{{0, 1}, {1}, {2}}, {}, {{0}, {1}, {0, 1, 2, 3}}});
        final LoadBalance balance = LoadBalance.of(statistics, placement, List.of(0, 1, 2, 3));
        // Layer 0: devices have 3, 5, 0 and 0 of 8 calls; layer 2: 2 each.
        assertThat(balance.layers().get(0)).isEqualTo(2.5);
        assertThat(balance.layers().get(1)).isNaN();
        assertThat(balance.layers().get(2)).isEqualTo(1);
        assertThat(balance.imbalance()).isEqualTo(1.75);
        assertThat(balance.worst()).isEqualTo(2.5);
        assertThat(balance.balancedness()).isEqualTo((2 + 2) / (5.0 + 2), within(1e-12));
        assertThat(LoadBalance.UNKNOWN.imbalance()).isNaN();
    }
}
