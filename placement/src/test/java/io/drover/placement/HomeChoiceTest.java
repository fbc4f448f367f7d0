package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

final class HomeChoiceTest {
    private static final Topology THREE = Topology.uniform(3, 100, new ComputeRate(0, 0), Link.FREE);

    /** The vectors saved are exactly those that the measures then do not count. */
    @Test
    void savesWhatItSaysAgainstAHomeWithoutExperts() {
        for (long seed = 1; seed <= 20; seed++) {
            final int[] shape = {8, 0, 8};
            final SyntheticRouting routing = new SyntheticRouting(shape, 3, 0.8, 0.3, seed);
            final int[][][] at = new int[3][][];
            for (int layer = 0; layer < 3; layer++) {
                at[layer] = new int[shape[layer]][1];
                for (int expert = 0; expert < shape[layer]; expert++) {
                    at[layer][expert][0] = (int) ((expert * 7 + layer + seed) % 5 % 2);
                }
            }
            final Placement placement = Placement.of(Epoch.NONE, at);
            final HomeChoice choice = new HomeChoice(placement, THREE);
            final Measures[] homes = new Measures[3];
            for (int home = 0; home < 3; home++) {
                homes[home] = new Measures(placement, THREE, Mode.HOME, Double.POSITIVE_INFINITY);
            }
            for (int i = 0; i < 100; i++) {
                routing.next();
                choice.observe(routing.chosen);
                for (int home = 0; home < 3; home++) {
                    homes[home].position(home, routing.chosen);
                }
            }
            for (int home = 0; home < 3; home++) {
                final double fewer = 200 * (homes[2].measured().vectors() - homes[home].measured().vectors());
                assertThat(Math.round(fewer)).as("seed %d, home %d", seed, home).isEqualTo(choice.saved(home));
            }
            final int best = choice.choose(new double[3], 1);
            assertThat(choice.saved(best)).isGreaterThanOrEqualTo(Math.max(choice.saved(0), choice.saved(1)));
        }
    }

    @Test
    void loadLimitsComeFirst() {
        final HomeChoice choice = new HomeChoice(Placement.of(Epoch.NONE, new int[][][]{{{0}, {0}, {1}}}), THREE);
        choice.observe(new int[][]{{0, 1, 2}});
        assertThat(choice.saved(0)).isEqualTo(3);
        assertThat(choice.choose(new double[]{5, 0, 0}, 10)).isEqualTo(0);
        assertThat(choice.choose(new double[]{10, 0, 0}, 10)).isEqualTo(1);
        assertThat(choice.choose(new double[]{12, 11, 13}, 10)).isEqualTo(1);
        assertThat(choice.choose(new double[]{Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY, 13}, 10)).isEqualTo(2);
        choice.reset();
        assertThat(choice.choose(new double[]{2, 1, 3}, 10)).isEqualTo(1);
        assertThatThrownBy(() -> choice.choose(new double[]{Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY,
            Double.POSITIVE_INFINITY}, 10)).hasMessageContaining("3 devices");
    }
}
