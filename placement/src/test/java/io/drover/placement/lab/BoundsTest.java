package io.drover.placement.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.drover.placement.Epoch;
import io.drover.placement.Measured;
import io.drover.placement.Mode;
import io.drover.placement.Placement;

import picocli.CommandLine;

final class BoundsTest {
    /** Every placement of one layer of six experts on two devices, with and without a replica: none may be below. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void isNowhereAboveAnyPlacement(final long seed) {
        final Trace trace = SyntheticTrace.of(seed, 1, 6, 3, 6, 40);
        final Bounds bounds = new Bounds(trace);
        for (final String slots : List.of("6", "7", "8")) {
            for (final Scenario scenario : List.of(scenario(Mode.HOME, slots, 6), scenario(Mode.WALK, slots, 6),
                    scenario(Mode.HOME, slots, 6, "--homes", "chosen", "--home-prefix", "3"))) {
                final String mode = scenario.mode() + " with homes chosen after " + scenario.prefix();
                for (int code = 0; code < 729; code++) {
                    final Placement placement = placement(code, Integer.parseInt(slots));
                    if (placement != null) {
                        final Measured measured = Replay.measure(trace, placement, scenario).measured();
                        final LowerBound bound = bounds.of(scenario, measured.imbalance());
                        assertThat(bound.vectors()).as("%s, %s slots, %s", mode, slots, placement)
                                .isLessThanOrEqualTo(measured.vectors() + 1e-9);
                        assertThat(bound.copies()).as("%s, %s slots, %s", mode, slots, placement)
                                .isLessThanOrEqualTo(measured.copies() + 1e-9);
                        assertThat(bound.bytes(scenario.wire())).isLessThanOrEqualTo(measured.bytes(scenario.wire()) + 1e-6);
                    }
                }
            }
        }
    }

    private static Scenario scenario(final Mode mode, final String slots, final int experts, final String... more) {
        final PlanOptions options = new PlanOptions();
        new CommandLine(options).parseArgs(Stream.concat(Stream.of("--slack", "inf"), Stream.of(more)).toArray(String[]::new));
        return Scenario.of(options, mode, 2, slots, 1, experts);
    }

    /** The code's ternary digits say device 0, device 1 or both. @return null if it needs other numbers of slots */
    private static Placement placement(final int code, final int slots) {
        final int[][][] table = new int[1][6][];
        final int[] used = new int[2];
        int rest = code;
        for (int expert = 0; expert < 6; expert++) {
            table[0][expert] = switch (rest % 3) {
                case 0 -> new int[]{0};
                case 1 -> new int[]{1};
                default -> new int[]{0, 1};
            };
            for (final int device : table[0][expert]) {
                used[device]++;
            }
            rest /= 3;
        }
        final boolean fits = used[0] <= (slots + 1) / 2 && used[1] <= slots / 2;
        return fits ? Placement.of(Epoch.NONE, table) : null;
    }

    @Test
    void isTightWhereEverythingCanBeLocal() {
        // Each token uses experts of one half only, so two devices need no vector but the first hand-over.
        final short[] ids = new short[40 * 2];
        for (int token = 0; token < 40; token++) {
            ids[2 * token] = (short) (token % 2 * 2);
            ids[2 * token + 1] = (short) (token % 2 * 2 + 1);
        }
        final float[] weights = new float[ids.length];
        Arrays.fill(weights, 0.5f);
        final Trace trace = new Trace("halves", 1, 4, 2, ids, weights, List.of(new Trace.Sequence("0", "", 0, 40)));
        assertThat(new Bounds(trace).of(scenario(Mode.WALK, "4", 4), 1).vectors()).isLessThan(0.1);
    }
}
