package io.drover.placement;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The fast method for ExFlow's program on equal groups: from several starts, layer-wise assignment swept forwards and backwards
 * ({@link AffinityAssignment}), annealed exchanges of pairs ({@link AffinitySearch}), and sweeps again; the best counts.
 */
final class ExFlowSearch {
    private static final double HOTTEST = 1;
    private static final double COLDEST = 0.01;
    private static final long LEAST_TRIES = 50_000;
    private static final int SWEEPS = 20;
    private static final int FEWEST_STARTS = 4;
    private static final int MOST_STARTS = 40;
    /** Small models are started more often: starts times experts are about this. */
    private static final int STARTED_EXPERTS = 1500;

    private final AffinityWeights weights;
    private final int groups;
    private final AffinityAssignment.Fit fit;
    private final int effort;

    ExFlowSearch(final AffinityWeights weights, final int groups, final AffinityAssignment.Fit fit, final int effort) {
        this.weights = weights;
        this.groups = groups;
        this.fit = fit;
        this.effort = effort;
    }

    /**
     * @param start [layer][expert] group, or -1 for an expert that has no place among the groups; not changed
     * @return the same with experts exchanged
     */
    int[][] run(final int[][] start, final long seed) {
        final int[][] expert = new int[weights.layers][];
        final int[][] from = new int[weights.layers][];
        long pairs = 0;
        int experts = 0;
        for (int layer = 0; layer < weights.layers; layer++) {
            final int[] of = start[layer];
            expert[layer] = IntStream.range(0, of.length).filter(e -> of[e] >= 0).toArray();
            from[layer] = Arrays.stream(expert[layer]).map(e -> of[e]).toArray();
            pairs += (long) expert[layer].length * expert[layer].length;
            experts += expert[layer].length;
        }
        if (experts == 0) {
            return start;
        }
        AffinitySearch best = null;
        final int starts = Math.clamp(STARTED_EXPERTS / experts, FEWEST_STARTS, MOST_STARTS);
        for (int attempt = 0; attempt < starts; attempt++) {
            final AffinitySearch search = attempt(expert, from, pairs, weights.total() / experts, seed + attempt);
            if (best == null || search.saved() > best.saved()) {
                best = search;
            }
        }
        final int[][] found = new int[weights.layers][];
        for (int layer = 0; layer < weights.layers; layer++) {
            found[layer] = start[layer].clone();
            for (int r = 0; r < expert[layer].length; r++) {
                found[layer][expert[layer][r]] = best.group[layer][r];
            }
        }
        return found;
    }

    private AffinitySearch attempt(
            final int[][] expert, final int[][] from, final long pairs, final double meanWeight, final long seed) {
        final int[][] group = new int[from.length][];
        for (int layer = 0; layer < from.length; layer++) {
            group[layer] = from[layer].clone();
        }
        final AffinitySearch search = new AffinitySearch(weights, AffinitySearch.Groups.plain(groups), expert, group, seed);
        final AffinityAssignment assignment = new AffinityAssignment(search, groups, fit);
        final AffinitySearch.Exchange fits = (layer, r, s) -> fit.fits(layer, expert[layer][r], search.group[layer][s])
                && fit.fits(layer, expert[layer][s], search.group[layer][r]);
        search.anneal(AffinitySearch.Draw.ANY, LEAST_TRIES + pairs * effort / 10, HOTTEST * meanWeight, COLDEST * meanWeight,
                fits);
        assignment.sweep(SWEEPS);
        search.improve(SWEEPS, fits);
        assignment.sweep(SWEEPS);
        return search;
    }
}
