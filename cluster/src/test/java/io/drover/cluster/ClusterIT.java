package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Real nodes in one process answer as the reference does, whatever their number. */
class ClusterIT {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void answersLikeTheReference(final int nodes) {
        final long startNs = System.nanoTime();
        try (LocalCluster cluster = LocalCluster.of(nodes)) {
            final long readyMs = (System.nanoTime() - startNs) / 1_000_000;
            System.out.println(nodes + " nodes were ready after " + readyMs + " ms");
            for (final DroverNode node : cluster.nodes()) {
                assertThat(node.status().ready()).as(node.status().reason()).isTrue();
                assertThat(node.status().nodes()).hasSize(nodes).allMatch(view -> view.state() == NodeView.State.SERVING);
                for (final LocalCluster.Case test : LocalCluster.cases(2)) {
                    assertThat(cluster.generate(node, test.prompt(), test.expected().size())).isEqualTo(test.expected());
                }
            }
        }
    }
}
