package io.drover.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

import io.drover.model.checkpoint.Checkpoint;

class ReferenceForwardTest {
    static final List<String> FAMILIES = Fixture.FAMILIES;

    @ParameterizedTest
    @FieldSource("FAMILIES")
    void logitsAndGreedyIdsOfEachFamilyEqualThePublishedImplementation(final String family) {
        final Fixture expected = Fixture.of(family);
        final ReferenceForward reference = reference(expected, StorageType.FLOAT32, StorageType.FLOAT32);
        final float[][] logits = reference.logits(expected.inputIds());
        final double allowed = 2e-4 * standardDeviation(expected.logits());
        double worst = 0;
        for (int position = 0; position < logits.length; position++) {
            for (int id = 0; id < logits[position].length; id++) {
                worst = Math.max(worst, Math.abs(logits[position][id] - expected.logits()[position][id]));
            }
        }
        System.out.printf("%s: largest difference %.2e, allowed %.2e%n", family, worst, allowed);
        assertThat(worst).isLessThan(allowed);
        assertThat(reference.greedy(expected.inputIds(), expected.greedyIds().length)).containsExactly(expected.greedyIds());
    }

    @Test
    void everyGreedyIdOfTheEmbeddedModelEqualsThePublishedImplementation() {
        try (Checkpoint demo = Checkpoint.open(Fixture.DEMO)) {
            final ReferenceForward reference = new ReferenceForward(demo, StorageType.FLOAT32, StorageType.FLOAT32);
            final List<Fixture.DemoCase> cases = Fixture.demoCases();
            assertThat(cases).hasSize(64);
            for (final Fixture.DemoCase expected : cases) {
                assertThat(reference.greedy(expected.promptIds(), expected.greedyIds().length)).as(expected.prompt())
                        .containsExactly(expected.greedyIds());
            }
        }
    }

    /** Every fourth case, two of each domain. */
    @Test
    void bfloat16OnTheWireAndInTheCacheChangesFewContinuations() {
        int equal = 0;
        int total = 0;
        try (Checkpoint demo = Checkpoint.open(Fixture.DEMO)) {
            final ReferenceForward reference = new ReferenceForward(demo, StorageType.BFLOAT16, StorageType.BFLOAT16);
            final List<Fixture.DemoCase> cases = Fixture.demoCases();
            for (int i = 0; i < cases.size(); i += 4) {
                final int[] actual = reference.greedy(cases.get(i).promptIds(), cases.get(i).greedyIds().length);
                equal += Arrays.equals(actual, cases.get(i).greedyIds()) ? 1 : 0;
                total++;
            }
        }
        System.out.printf("bfloat16: %d of %d continuations equal those of float32%n", equal, total);
        assertThat(equal).isGreaterThanOrEqualTo(total - 3);
    }

    @ParameterizedTest
    @FieldSource("FAMILIES")
    void bothRoundingsAreApplied(final String family) {
        final Fixture fixture = Fixture.of(family);
        final float[] plain = last(reference(fixture, StorageType.FLOAT32, StorageType.FLOAT32).logits(fixture.inputIds()));
        final float[] wire = last(reference(fixture, StorageType.BFLOAT16, StorageType.FLOAT32).logits(fixture.inputIds()));
        final float[] kv = last(reference(fixture, StorageType.FLOAT32, StorageType.BFLOAT16).logits(fixture.inputIds()));
        assertThat(wire).isNotEqualTo(plain).isNotEqualTo(kv);
        assertThat(kv).isNotEqualTo(plain);
    }

    @Test
    void theRouterChoosesEachExpertOnceAndNormalisesWhereTheFamilySaysSo() {
        final Fixture fixture = Fixture.of("qwen3_moe");
        final List<ReferenceForward.Routing> routings = reference(fixture, StorageType.FLOAT32, StorageType.FLOAT32)
                .routings(fixture.inputIds());
        assertThat(routings).hasSize(3 * fixture.inputIds().length);
        for (final ReferenceForward.Routing routing : routings) {
            assertThat(routing.experts()).hasSize(4).doesNotHaveDuplicates();
            assertThat(routing.weights()).isSortedAccordingTo((a, b) -> Float.compare(b, a));
            assertThat(routing.weights()[0] + routing.weights()[1] + routing.weights()[2] + routing.weights()[3])
                    .isCloseTo(1, within(1e-6f));
        }
    }

    @Test
    void aSampledContinuationTakenUpInTheMiddleGoesOnAsItWas() {
        final Fixture fixture = Fixture.of("mixtral");
        final ReferenceForward reference = reference(fixture, StorageType.FLOAT32, StorageType.FLOAT32);
        final Sampling sampling = new Sampling(1, 0.9f, 40, 7);
        final int[] whole = reference.generate(fixture.inputIds(), 16, sampling);
        assertThat(whole).isNotEqualTo(reference.generate(fixture.inputIds(), 16, new Sampling(1, 0.9f, 40, 8)));
        final int[] prompt = Arrays.copyOf(fixture.inputIds(), fixture.inputIds().length + 6);
        System.arraycopy(whole, 0, prompt, fixture.inputIds().length, 6);
        assertThat(reference.generate(prompt, 10, sampling)).containsExactly(Arrays.copyOfRange(whole, 6, 16));
    }

    @Test
    void idsOutsideOfTheVocabularyAndSequencesLongerThanTheContextAreRefused() {
        final Fixture fixture = Fixture.of("mixtral");
        final ReferenceForward reference = reference(fixture, StorageType.FLOAT32, StorageType.FLOAT32);
        assertThatThrownBy(() -> reference.logits(new int[]{200})).hasMessage("token id 200; expected 0 to 199");
        assertThatThrownBy(() -> reference.logits(new int[257])).hasMessageContaining("at most 256 positions");
        assertThatThrownBy(() -> reference.greedy(new int[0], 1)).hasMessageContaining("empty");
    }

    private static ReferenceForward reference(final Fixture fixture, final StorageType wire, final StorageType kv) {
        try (Checkpoint checkpoint = Checkpoint.open(fixture.directory())) {
            return new ReferenceForward(checkpoint, wire, kv);
        }
    }

    private static float[] last(final float[][] rows) {
        return rows[rows.length - 1];
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
