package io.drover.model.forward;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

import io.drover.model.Fixture;
import io.drover.model.StorageType;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.model.kernel.ComputeTeam;
import io.drover.model.kernel.CpuKernels;

/** A position's logits have the same bits however it is computed. */
class InvarianceTest {
    static final List<String> FAMILIES = Fixture.FAMILIES;
    private static final int PAGES = 64;

    @ParameterizedTest
    @FieldSource("FAMILIES")
    void chunksPagesKernelsAndThreadsChangeNoBit(final String family) {
        final int[] prompt = prompt(family, new Random(1), 75);
        for (final StorageType kv : StorageType.values()) {
            for (final StorageType wire : StorageType.values()) {
                final float[][] expected = run(family, "auto", 1, kv, wire, prompt, prompt.length);
                for (final int chunk : new int[]{1, 2, 3, 7, 33}) {
                    assertSameBits(run(family, "auto", 1, kv, wire, prompt, chunk), expected, "chunks of " + chunk);
                }
                assertSameBits(run(family, "plain", 1, kv, wire, prompt, 40), expected, "plain");
                assertSameBits(run(family, "vector-256", 2, kv, wire, prompt, 11), expected, "256 bits, 2 threads");
                assertSameBits(run(family, "vector-512", 3, kv, wire, prompt, 75), expected, "512 bits, 3 threads");
            }
        }
    }

    private static float[][] run(final String family, final String mode, final int threads, final StorageType kv,
            final StorageType wire,
            final int[] prompt, final int chunk) {
        try (Checkpoint checkpoint = Checkpoint.open(Fixture.of(family).directory());
                ComputeTeam team = new ComputeTeam(threads, () -> {});
                Model model = new Model(checkpoint, CpuKernels.create(team, mode), kv, wire, PAGES)) {
            model.shufflePages(new Random(chunk));
            return model.prompt(prompt, chunk);
        }
    }

    /** A node that copied the first pages of a sequence goes on with it. */
    @ParameterizedTest
    @FieldSource("FAMILIES")
    void aCopiedPageChangesNoBit(final String family) {
        final int[] prompt = prompt(family, new Random(3), 75);
        for (final StorageType kv : StorageType.values()) {
            try (Checkpoint checkpoint = Checkpoint.open(Fixture.of(family).directory());
                    ComputeTeam team = new ComputeTeam(1, () -> {});
                    Model home = new Model(checkpoint, CpuKernels.create(team, "auto"), kv, StorageType.FLOAT32, PAGES);
                    Model buddy = new Model(checkpoint, CpuKernels.create(team, "auto"), kv, StorageType.FLOAT32, PAGES)) {
                final KvSequence original = home.pool.open();
                final float[][] expected = home.prompt(prompt, 75, original);
                buddy.shufflePages(new Random(4));
                final KvSequence copy = buddy.pool.open();
                for (int page = 0; page < 2; page++) {
                    final long taken = buddy.pool.take();
                    buddy.pool.page(taken).copyFrom(home.pool.page(original.page(page)));
                    buddy.pool.append(copy, taken);
                }
                assertThat(copy.capacity()).isEqualTo(64);
                final Rows rows = new Rows(buddy.config, 1);
                for (int position = 64; position < prompt.length; position++) {
                    final Model.Step step = new Model.Step(prompt[position], position, copy);
                    assertSameBits(buddy.forward(rows, List.of(step), Model.slots(1)), new float[][]{expected[position]},
                            "after copied pages, " + kv);
                }
                buddy.pool.release(copy);
                assertThat(buddy.pool.freePages()).isEqualTo(PAGES);
                buddy.pool.giveBack(buddy.pool.take());
                assertThat(buddy.pool.freePages()).isEqualTo(PAGES);
            }
        }
    }

    /** Sequences of several lengths move on by random strides, in random company, order and slots. */
    @ParameterizedTest
    @FieldSource("FAMILIES")
    void theRowsBesideChangeNoBit(final String family) {
        final Random random = new Random(2);
        try (Checkpoint checkpoint = Checkpoint.open(Fixture.of(family).directory());
                ComputeTeam team = new ComputeTeam(2, () -> {});
                Model model = new Model(checkpoint, CpuKernels.create(team, "auto"), StorageType.BFLOAT16, StorageType.BFLOAT16,
                        PAGES)) {
            final List<int[]> prompts = new ArrayList<>();
            final List<float[][]> alone = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                prompts.add(prompt(family, random, 5 + random.nextInt(80)));
                alone.add(model.prompt(prompts.get(i), 1));
            }
            model.shufflePages(random);
            together(model, random, prompts, alone);
            assertThat(model.pool.freePages()).isEqualTo(PAGES);
        }
    }

    private static void together(final Model model, final Random random, final List<int[]> prompts, final List<float[][]> alone) {
        final Rows rows = new Rows(model.config, 64);
        final KvSequence[] sequences = new KvSequence[prompts.size()];
        Arrays.setAll(sequences, i -> model.pool.open());
        final int[] done = new int[prompts.size()];
        while (!Arrays.equals(done, prompts.stream().mapToInt(prompt -> prompt.length).toArray())) {
            final List<Model.Step> steps = new ArrayList<>();
            final List<float[]> expected = new ArrayList<>();
            for (final int i : shuffled(random, prompts.size())) {
                final int left = Math.min(rows.capacity() - steps.size(), prompts.get(i).length - done[i]);
                final int stride = Math.min(left, random.nextInt(4) == 0 ? random.nextInt(20) : random.nextInt(3));
                for (int j = 0; j < stride; j++) {
                    steps.add(new Model.Step(prompts.get(i)[done[i]], done[i], sequences[i]));
                    expected.add(alone.get(i)[done[i]++]);
                }
            }
            if (!steps.isEmpty()) {
                final int[] slots = Arrays.copyOf(shuffled(random, rows.capacity()), steps.size());
                assertSameBits(model.forward(rows, steps, slots), expected.toArray(float[][]::new), "in company");
            }
        }
        for (final KvSequence sequence : sequences) {
            model.pool.release(sequence);
            model.pool.release(sequence);
        }
    }

    private static int[] shuffled(final Random random, final int count) {
        final List<Integer> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            all.add(i);
        }
        Collections.shuffle(all, random);
        return all.stream().mapToInt(Integer::intValue).toArray();
    }

    private static int[] prompt(final String family, final Random random, final int length) {
        final int[] ids = Fixture.of(family).inputIds();
        return random.ints(length, 0, ids.length).map(i -> ids[i]).toArray();
    }

    private static void assertSameBits(final float[][] actual, final float[][] expected, final String how) {
        assertThat(actual).hasNumberOfRows(expected.length);
        for (int i = 0; i < expected.length; i++) {
            assertThat(Arrays.equals(actual[i], expected[i])).as("row %d, %s", i, how).isTrue();
        }
    }
}
