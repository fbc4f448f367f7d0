package io.drover.actors;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;

import io.drover.model.Sampling;

/** Random sequences, completions, cancellations and page shortages; the batcher's promises are checked after every event. */
class BatcherSimulationTest {
    private static final int PAGE = 8;

    private static final class World implements Batcher.Actions {
        final Random random;
        final int totalPages;
        final Batcher.Limits limits;
        final Batcher batcher;
        final Map<Sequence, Integer> pages = new HashMap<>();
        final List<Sequence> inFlight = new ArrayList<>();
        final List<Sequence> all = new ArrayList<>();
        final StringBuilder history = new StringBuilder();
        int freePages;
        int nextKey;

        World(final long seed) {
            random = new Random(seed);
            totalPages = 4 + random.nextInt(20);
            freePages = totalPages;
            final int chunk = 2 + random.nextInt(12);
            limits = new Batcher.Limits(1 + random.nextInt(8), 1 + random.nextInt(6), chunk + random.nextInt(20), chunk,
                    (long) totalPages * PAGE);
            batcher = new Batcher(limits, this);
        }

        @Override
        public boolean reserve(final Sequence sequence, final int positions) {
            final int have = pages.getOrDefault(sequence, 0);
            final int need = (positions + PAGE - 1) / PAGE;
            if (need - have > freePages) {
                return false;
            }
            freePages -= Math.max(0, need - have);
            pages.put(sequence, Math.max(need, have));
            return true;
        }

        @Override
        public void release(final Sequence sequence) {
            final Integer had = pages.remove(sequence);
            freePages += had == null ? 0 : had;
        }

        @Override
        public void start(final Sequence sequence) {
            assertThat(sequence.ended()).isFalse();
            assertThat(inFlight).doesNotContain(sequence);
            assertThat(pages.get(sequence) * PAGE).isGreaterThanOrEqualTo(sequence.computed + sequence.chunkLength);
            inFlight.add(sequence);
        }

        @Override
        public void abandon(final Sequence sequence) {
            assertThat(inFlight.remove(sequence)).isTrue();
        }

        void step() {
            switch (random.nextInt(10)) {
                case 0, 1 -> offer();
                case 2 -> cancelOne();
                default -> completeOne();
            }
            batcher.schedule();
            check();
        }

        private void offer() {
            final int prompt = 1 + random.nextInt(3 * PAGE);
            final GenerationRequest request = new GenerationRequest("r", IntStream.range(0, prompt).boxed().toList(),
                    Sampling.GREEDY, 1 + random.nextInt(2 * PAGE), 0, true, List.of());
            final Sequence sequence = new Sequence(new Sequence.Key(0, nextKey++), 1, request, new int[0]);
            final Batcher.Offer answer = batcher.offer(sequence);
            history.append("offer ")
                    .append(prompt)
                    .append('+')
                    .append(request.maxTokens())
                    .append(' ')
                    .append(answer)
                    .append('\n');
            if (answer == Batcher.Offer.ACCEPTED) {
                all.add(sequence);
            } else if (answer == Batcher.Offer.TOO_LONG) {
                assertThat(sequence.longest() - 1).isGreaterThan(totalPages * PAGE);
            }
        }

        private void cancelOne() {
            final List<Sequence> live = batcher.live();
            if (!live.isEmpty()) {
                batcher.end(live.get(random.nextInt(live.size())), Sequence.Ending.failure("cancelled", ""));
            }
        }

        void completeOne() {
            if (inFlight.isEmpty()) {
                return;
            }
            final Sequence sequence = inFlight.remove(random.nextInt(inFlight.size()));
            history.append("done ")
                    .append(sequence.key.requestKey())
                    .append(' ')
                    .append(sequence.computed)
                    .append('+')
                    .append(sequence.chunkLength)
                    .append('\n');
            if (batcher.chunkDone(sequence)) {
                sequence.append(7);
                if (sequence.generated() == sequence.request.maxTokens()) {
                    batcher.end(sequence, Sequence.Ending.LENGTH);
                }
            }
        }

        void check() {
            assertThat(freePages).isBetween(0, totalPages);
            assertThat(pages.values().stream().mapToInt(Integer::intValue).sum() + freePages).isEqualTo(totalPages);
            assertThat(batcher.running()).isLessThanOrEqualTo(limits.maxRunning());
            assertThat(inFlight.stream().mapToInt(s -> s.chunkLength > 1 ? s.chunkLength : 0).sum())
                    .isLessThanOrEqualTo(limits.prefillRows());
            for (final Sequence sequence : all) {
                if (sequence.ended()) {
                    assertThat(pages).doesNotContainKey(sequence);
                    assertThat(inFlight).doesNotContain(sequence);
                }
                assertThat(sequence.computed).isLessThanOrEqualTo(sequence.length());
                assertThat(sequence.chunkLength).isLessThanOrEqualTo(limits.prefillChunk());
            }
            assertThat(!batcher.live().isEmpty() && inFlight.isEmpty()).as("work is left and nothing runs").isFalse();
        }

        void finish() {
            for (int i = 0; !batcher.live().isEmpty(); i++) {
                assertThat(i).as("steps to finish").isLessThan(200_000);
                completeOne();
                batcher.schedule();
                check();
            }
            assertThat(freePages).isEqualTo(totalPages);
            all.forEach(sequence -> assertThat(sequence.ended()).isTrue());
        }
    }

    @Test
    void keepsItsPromisesOnRandomSchedules() {
        long preemptions = 0;
        for (long seed = 0; seed < 2_000; seed++) {
            final World world = new World(seed);
            try {
                for (int i = 0; i < 120; i++) {
                    world.step();
                }
                world.finish();
                preemptions += world.batcher.preemptions();
            } catch (final AssertionError | RuntimeException failure) {
                throw new AssertionError("seed " + seed + "\n" + world.history, failure);
            }
        }
        assertThat(preemptions).as("the simulation runs out of pages").isGreaterThan(1_000);
    }
}
