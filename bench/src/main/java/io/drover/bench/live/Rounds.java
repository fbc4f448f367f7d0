package io.drover.bench.live;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** When the phases of a trial's rounds began and ended, and what streams saw of an event against the control of the same round. */
final class Rounds {
    static final int CONTROL = 0;
    static final int EVENT = 1;

    private final List<List<Long>> fromNs;
    private final List<List<Long>> toNs;

    /** What an interval shows. */
    interface Figure {
        double of(Verdict verdict, long fromNs, long toNs);
    }

    /** @param phases of a round, of which the first is the control */
    Rounds(final int phases) {
        fromNs = IntStream.range(0, phases).<List<Long>>mapToObj(phase -> new ArrayList<>()).toList();
        toNs = IntStream.range(0, phases).<List<Long>>mapToObj(phase -> new ArrayList<>()).toList();
    }

    void begin(final int phase) {
        fromNs.get(phase).add(System.nanoTime());
    }

    void end(final int phase) {
        toNs.get(phase).add(System.nanoTime());
    }

    static Figure percentileMs(final double percent) {
        return (verdict, from, to) -> Verdict.percentile(verdict.gapsMs(from, to), percent);
    }

    /** All rounds together. */
    double seconds(final int phase) {
        return IntStream.range(0, toNs.get(phase).size())
                .mapToLong(round -> toNs.get(phase).get(round) - fromNs.get(phase).get(round))
                .sum() / 1e9;
    }

    /** A figure of each round, from the beginning of a phase to the end of another that follows, or of itself. */
    double[] each(final Verdict verdict, final Figure figure, final int first, final int last) {
        return IntStream.range(0, toNs.get(last).size())
                .mapToDouble(round -> figure.of(verdict, fromNs.get(first).get(round), toNs.get(last).get(round)))
                .toArray();
    }

    /** The largest of all rounds. */
    double most(final Verdict verdict, final Figure figure, final int phase) {
        return Arrays.stream(each(verdict, figure, phase, phase)).max().orElse(0);
    }

    /** Prints a figure of an event against the control. @return the median of the rounds' ratios */
    double ratios(final LiveBench bench, final String what, final Verdict verdict, final Figure figure) {
        return ratios(bench, what, verdict, figure, EVENT, EVENT);
    }

    /** The same of an event of several phases, or of a later one. */
    double ratios(final LiveBench bench, final String what, final Verdict verdict, final Figure figure, final int first,
            final int last) {
        return bench.ratios(what, each(verdict, figure, first, last), each(verdict, figure, CONTROL, CONTROL));
    }
}
