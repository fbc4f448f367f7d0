package io.drover.placement.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Recorded sequences of one domain after the other, drawn whole and with replacement by a seed; so many at a time that a window is not that
 * of a few sequences.
 */
final class TraceStream implements TokenStream {
    private static final int CONCURRENT = 64;

    private final Trace trace;
    private final List<String> phases;
    private final long phaseTokens;
    private final int sampled;
    private final List<List<Trace.Sequence>> byPhase = new ArrayList<>();
    private final SplittableRandom random;
    private final Trace.Sequence[] running = new Trace.Sequence[CONCURRENT];
    private final int[] position = new int[CONCURRENT];
    private final int[] phaseOf = new int[CONCURRENT];
    private final int[] number = new int[CONCURRENT];
    private long token = -1;
    private int drawn;

    /**
     * @param phases      domains in order; the stream begins again after the last
     * @param phaseTokens tokens after which sequences are drawn from the next domain
     * @param sampled     tokens that each token of the stream stands for. If 1, sequences that run when the domain changes are finished; else
     *                    that takes a moment too short to be seen
     * @throws IllegalArgumentException if the trace has no sequence of a domain
     */
    TraceStream(final Trace trace, final List<String> phases, final long phaseTokens, final int sampled,
            final long seed) {
        this.trace = trace;
        this.phases = phases;
        this.phaseTokens = phaseTokens;
        this.sampled = sampled;
        random = new SplittableRandom(seed);
        for (final String phase : phases) {
            final List<Trace.Sequence> sequences = trace.sequences().stream().filter(s -> s.domain().equals(phase)).toList();
            if (sequences.isEmpty()) {
                throw new IllegalArgumentException("--phases names '" + phase + "'; the trace has " + trace.domains());
            }
            byPhase.add(sequences);
        }
        for (int i = 0; i < CONCURRENT; i++) {
            drawWithin(i);
        }
    }

    /** A sequence that has run for a while, as one finds them in a stream that has. */
    private void drawWithin(final int i) {
        draw(i);
        position[i] = random.nextInt(running[i].tokens());
    }

    private void draw(final int i) {
        phaseOf[i] = phaseIndex();
        final List<Trace.Sequence> from = byPhase.get(phaseOf[i]);
        running[i] = from.get(random.nextInt(from.size()));
        position[i] = 0;
        number[i] = drawn++;
    }

    private int phaseIndex() {
        return (int) (Math.max(0, token) / phaseTokens % phases.size());
    }

    @Override
    public int next(final int[][] chosen, final float[][] weights) {
        token++;
        final int i = (int) (token % CONCURRENT);
        if (sampled > 1 && phaseOf[i] != phaseIndex()) {
            drawWithin(i);
        }
        if (position[i] >= running[i].tokens()) {
            draw(i);
        }
        final int at = running[i].firstToken() + position[i]++;
        trace.row(at, chosen);
        for (int layer = 0; layer < trace.layers(); layer++) {
            System.arraycopy(trace.weights(), trace.at(at, layer), weights[layer], 0, trace.topK());
        }
        return number[i];
    }

    @Override
    public String phase() {
        return phases.get(phaseIndex());
    }

    @Override
    public int layers() {
        return trace.layers();
    }

    @Override
    public int experts() {
        return trace.experts();
    }

    @Override
    public int topK() {
        return trace.topK();
    }
}
