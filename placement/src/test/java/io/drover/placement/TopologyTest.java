package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;

import org.junit.jupiter.api.Test;

final class TopologyTest {
    private static final ComputeRate RATE = new ComputeRate(1, 1);
    private static final Link HOST = new Link(1e10, 1e-6);
    private static final Link NETWORK = new Link(1e9, 1e-5);

    private static Device device(final int ordinal, final String node, final String host, final String family) {
        return new Device(ordinal, node, host, family, 1000, 4, RATE);
    }

    private static final Topology TOPOLOGY = Topology.of(List.of(device(9, "c", "h2", "cpu"), device(2, "a", "h1", "cpu"),
            device(5, "a", "h1", "cuda"), device(7, "b", "h1", "cpu")), HOST, NETWORK);

    @Test
    void indexesDevicesInTheOrderOfTheirOrdinals() {
        assertThat(TOPOLOGY.devices()).extracting(Device::ordinal).containsExactly(2, 5, 7, 9);
        assertThat(TOPOLOGY.index(7)).isEqualTo(2);
        assertThat(TOPOLOGY.index(3)).isEqualTo(-1);
        assertThat(TOPOLOGY.index(100)).isEqualTo(-1);
        assertThat(TOPOLOGY.ordinals()).isEqualTo(10);
        assertThat(TOPOLOGY.nodes()).isEqualTo(3);
        assertThat(TOPOLOGY.hosts()).isEqualTo(2);
        assertThat(TOPOLOGY.node(0)).isEqualTo(TOPOLOGY.node(1)).isNotEqualTo(TOPOLOGY.node(2));
    }

    @Test
    void tiersFollowHosts() {
        assertThat(TOPOLOGY.tier(0, 0)).isEqualTo(Tier.SAME_DEVICE);
        assertThat(TOPOLOGY.tier(0, 2)).isEqualTo(Tier.SAME_HOST);
        assertThat(TOPOLOGY.tier(0, 3)).isEqualTo(Tier.NETWORK);
        assertThat(TOPOLOGY.link(Tier.SAME_HOST)).isEqualTo(HOST);
        assertThat(TOPOLOGY.link(Tier.NETWORK)).isEqualTo(NETWORK);
        assertThat(TOPOLOGY.link(Tier.SAME_DEVICE).latencySeconds()).isZero();
    }

    @Test
    void pinsSayWhichDevicesRunAnExpert() {
        assertThat(TOPOLOGY.runs(1, 0, 0)).isTrue();
        final Topology pinned = TOPOLOGY.withPins(new String[][]{{"cuda", "cpu"}});
        assertThat(pinned.runs(1, 0, 0)).isTrue();
        assertThat(pinned.runs(0, 0, 0)).isFalse();
        assertThat(pinned.withDevices(TOPOLOGY.devices().subList(0, 2)).runs(0, 0, 1)).isTrue();
    }

    @Test
    void refusesWhatCannotBe() {
        assertThatThrownBy(() -> Topology.of(List.of(), HOST, NETWORK)).hasMessageContaining("not 0");
        assertThatThrownBy(() -> Topology.of(List.of(device(1, "a", "h", "cpu"), device(1, "b", "h", "cpu")), HOST, NETWORK))
                .hasMessageContaining("ordinal 1");
        assertThatThrownBy(() -> new Link(0, 0)).hasMessageContaining("0.0 bytes/s");
        assertThatThrownBy(() -> new ComputeRate(-1, 0)).hasMessageContaining("-1.0");
        assertThatThrownBy(() -> device(-1, "a", "h", "cpu")).hasMessageContaining("-1");
        assertThatThrownBy(() -> new Budget(0, 5)).hasMessageContaining("0 and 5");
        assertThatThrownBy(() -> new Wire(0, 2, 0, 0, 1, false)).hasMessageContaining("not 0");
    }
}
