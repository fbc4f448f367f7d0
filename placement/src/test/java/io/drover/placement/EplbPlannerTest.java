package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class EplbPlannerTest {
    private static final double[][] README = {
        {90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86}, {20, 107, 104, 64, 19, 197, 187, 157, 172, 86, 16, 27}
    };
    private static final int[] TWO_EACH = {2, 2, 2, 2, 2, 2, 2, 2};
    private static final int[] TWO_NODES = {0, 0, 0, 0, 1, 1, 1, 1};

    @Test
    void reproducesThePublishedHierarchicalExample() {
        assertThat(EplbPlanner.byNode(README[0], TWO_EACH, TWO_NODES, 4))
                .isDeepEqualTo(new int[][]{{5, 6}, {5, 7}, {8, 4}, {3, 4}, {10, 9}, {10, 2}, {0, 1}, {11, 1}});
        assertThat(EplbPlanner.byNode(README[1], TWO_EACH, TWO_NODES, 4))
                .isDeepEqualTo(new int[][]{{7, 10}, {6, 8}, {6, 11}, {8, 9}, {2, 4}, {5, 1}, {5, 0}, {3, 1}});
    }
}
