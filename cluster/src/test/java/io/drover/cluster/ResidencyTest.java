package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;

import io.drover.actors.ReplicaId;
import io.drover.cluster.Residency.Command.Drain;
import io.drover.cluster.Residency.Command.Load;

class ResidencyTest {
    private final Residency residency = new Residency(6, 2, 100, 1000);

    @Test
    void loadsSoManyAtOnceAndAsksAgainWhenNobodyAnswers() {
        residency.want(codes(1, 2, 3));
        assertThat(residency.step(0)).containsExactly(new Load(1), new Load(2));
        assertThat(residency.step(99)).isEmpty();
        residency.ready(1, 99);
        assertThat(residency.step(99)).containsExactly(new Load(3));
        assertThat(residency.step(100)).containsExactly(new Load(2));
        assertThat(residency.loading()).isTrue();
        residency.ready(2, 101);
        residency.ready(3, 101);
        assertThat(residency.loading()).isFalse();
        assertThat(residency.loaded()).isEqualTo(codes(1, 2, 3));
    }

    @Test
    void triesAFailedLoadAgainLater() {
        residency.want(codes(ExpertSet.code(2, 7)));
        residency.step(0);
        residency.failed(ExpertSet.code(2, 7), "no room", 10);
        assertThat(residency.problem()).isEqualTo("L2/E7: no room");
        assertThat(residency.loading()).isFalse();
        assertThat(residency.step(1009)).isEmpty();
        assertThat(residency.step(1010)).containsExactly(new Load(ExpertSet.code(2, 7)));
        residency.ready(ExpertSet.code(2, 7), 1011);
        assertThat(residency.problem()).isEmpty();
    }

    /** Make before break, seen from the node: what the installed table names stays. */
    @Test
    void drainsOnlyWhatNoTableNames() {
        residency.want(codes(1, 2));
        residency.step(0);
        residency.ready(1, 1);
        residency.ready(2, 1);
        residency.installed(codes(1));
        residency.want(codes());
        assertThat(residency.step(2)).containsExactly(new Drain(2));
        assertThat(residency.loaded()).isEqualTo(codes(1));
        assertThat(residency.step(102)).containsExactly(new Drain(2));
        residency.drained(2);
        residency.installed(codes());
        assertThat(residency.step(103)).containsExactly(new Drain(1));
    }

    @Test
    void rescuesWhatThereIsRoomForUntilItIsToldWhatToHold() {
        residency.want(codes(0, 1, 2, 3));
        residency.step(0);
        residency.rescue(codes(2, 3, 4, 5, 6));
        residency.rescue(codes(7));
        for (int code = 0; code < 8; code++) {
            residency.ready(code, 1);
            residency.step(1);
        }
        assertThat(residency.loaded()).isEqualTo(codes(0, 1, 2, 3, 4, 5));
        residency.rescue(codes(5));
        assertThat(residency.step(2)).as("what was rescued first stays").isEmpty();
        residency.want(codes(0, 1, 2, 3, 5));
        assertThat(residency.step(3)).containsExactly(new Drain(4));
        residency.want(codes(0, 1, 2, 3, 5, 6));
        assertThat(residency.step(4)).as("its room is not free").isEmpty();
        residency.drained(4);
        assertThat(residency.step(5)).containsExactly(new Load(6));
    }

    @Test
    void readsEntityIds() {
        final ReplicaId id = new ReplicaId(3, 17, 2);
        assertThat(ExpertShards.replica(id.toString())).isEqualTo(id);
        for (final String bad : new String[]{"L3E17#2", "3/E17#2", "L3/E17", "L3/E#2", "Lx/E1#2"}) {
            assertThatThrownBy(() -> ExpertShards.replica(bad)).isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("'" + bad + "'");
        }
    }

    private static ExpertSet codes(final int... codes) {
        return ExpertSet.of(IntStream.of(codes));
    }
}
