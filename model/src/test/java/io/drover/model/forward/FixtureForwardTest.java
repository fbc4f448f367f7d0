package io.drover.model.forward;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

import io.drover.model.Fixture;
import io.drover.model.ReferenceForward;
import io.drover.model.StorageType;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.model.kernel.ComputeTeam;
import io.drover.model.kernel.CpuKernels;

/** The served path against the published implementation (float64) and against the oracle. */
class FixtureForwardTest {
    static final List<String> FAMILIES = Fixture.FAMILIES;

    @ParameterizedTest
    @FieldSource("FAMILIES")
    void logitsAndGreedyIdsOfEachFamilyEqualThePublishedImplementation(final String family) {
        final Fixture fixture = Fixture.of(family);
        try (Checkpoint checkpoint = Checkpoint.open(fixture.directory());
                ComputeTeam team = new ComputeTeam(1, () -> {});
                Model model = new Model(checkpoint, CpuKernels.create(team, "auto"), StorageType.FLOAT32, StorageType.FLOAT32,
                        4)) {
            final float[][] logits = model.prompt(fixture.inputIds(), fixture.inputIds().length);
            final double worst = largestDifference(logits, fixture.logits());
            final double allowed = 2e-4 * standardDeviation(fixture.logits());
            System.out.printf("%s: largest difference %.2e, allowed %.2e%n", family, worst, allowed);
            assertThat(worst).isLessThan(allowed);
            assertThat(model.greedy(fixture.inputIds(), fixture.greedyIds().length)).containsExactly(fixture.greedyIds());
        }
    }

    @ParameterizedTest
    @FieldSource("FAMILIES")
    void greedyIdsEqualTheOraclesForEveryPairOfTypes(final String family) {
        final Fixture fixture = Fixture.of(family);
        for (final StorageType kv : StorageType.values()) {
            for (final StorageType wire : StorageType.values()) {
                try (Checkpoint checkpoint = Checkpoint.open(fixture.directory());
                        ComputeTeam team = new ComputeTeam(1, () -> {});
                        Model model = new Model(checkpoint, CpuKernels.create(team, "auto"), kv, wire, 4)) {
                    final ReferenceForward oracle = new ReferenceForward(checkpoint, wire, kv);
                    assertThat(model.greedy(fixture.inputIds(), 24)).as("kv %s, wire %s", kv, wire)
                            .containsExactly(oracle.greedy(fixture.inputIds(), 24));
                }
            }
        }
    }

    @Test
    void everyGreedyIdOfTheEmbeddedModelEqualsThePublishedImplementation() {
        try (Checkpoint checkpoint = Checkpoint.open(Fixture.DEMO);
                ComputeTeam team = new ComputeTeam(1, () -> {});
                Model model = new Model(checkpoint, CpuKernels.create(team, "auto"), StorageType.FLOAT32, StorageType.FLOAT32,
                        32)) {
            for (final Fixture.DemoCase expected : Fixture.demoCases()) {
                assertThat(model.greedy(expected.promptIds(), expected.greedyIds().length)).as(expected.prompt())
                        .containsExactly(expected.greedyIds());
            }
        }
    }

    @Test
    void greedyIdsOfTheEmbeddedModelInBfloat16EqualTheOracles() {
        try (Checkpoint checkpoint = Checkpoint.open(Fixture.DEMO);
                ComputeTeam team = new ComputeTeam(1, () -> {});
                Model model = new Model(checkpoint, CpuKernels.create(team, "auto"), StorageType.BFLOAT16, StorageType.BFLOAT16,
                        32)) {
            final ReferenceForward oracle = new ReferenceForward(checkpoint, StorageType.BFLOAT16, StorageType.BFLOAT16);
            final List<Fixture.DemoCase> cases = Fixture.demoCases();
            for (int i = 0; i < cases.size(); i += 4) {
                final Fixture.DemoCase some = cases.get(i);
                assertThat(model.greedy(some.promptIds(), some.greedyIds().length)).as(some.prompt())
                        .containsExactly(oracle.greedy(some.promptIds(), some.greedyIds().length));
            }
        }
    }

    private static double largestDifference(final float[][] actual, final float[][] expected) {
        double worst = 0;
        for (int position = 0; position < expected.length; position++) {
            for (int id = 0; id < expected[position].length; id++) {
                worst = Math.max(worst, Math.abs(actual[position][id] - expected[position][id]));
            }
        }
        return worst;
    }

    private static double standardDeviation(final float[][] rows) {
        double sum = 0;
        double squares = 0;
        long count = 0;
        for (final float[] row : rows) {
            for (final float value : row) {
                sum += value;
                squares += (double) value * value;
                count++;
            }
        }
        return Math.sqrt(squares / count - sum / count * (sum / count));
    }
}
