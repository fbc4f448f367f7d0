package io.drover.placement;

import java.util.Arrays;

/**
 * Estimates for all single changes of a layer at once: what the traffic gains or loses if an expert gets a host, loses one, or moves,
 * with the layer and the start of the next routed anew and everything else as it is. A search that asks here first tries few changes
 * in vain.
 */
final class JointSurrogate {
    /** Changes nearby after which a layer's estimates are made anew. */
    private static final int STALE = 8;
    private static final int OLD = 40;
    private static final int OWN = 2;
    /** About so many paths make an estimate: what it errs, the full trial puts right. */
    private static final int ENOUGH_PATHS = 1536;

    private final JointState state;
    private final JointPaths paths;
    private final JointRule rule;
    private final int devices;
    private final float[][] add;
    private final float[][] drop;
    private final float[][] move;
    private final float[][] calls;
    private final int[] staleness;
    /** Every so many paths are looked at, others in turn. */
    private final int stride;
    private final int[] offset;
    private final long[] set;
    private final long[] nextSet;
    private final int[] next;

    JointSurrogate(final JointState state) {
        this.state = state;
        paths = state.paths;
        rule = state.rule;
        devices = state.devices;
        add = new float[paths.layers][];
        drop = new float[paths.layers][];
        move = new float[paths.layers][];
        calls = new float[paths.layers][];
        for (int layer = 0; layer < paths.layers; layer++) {
            final int pairs = paths.experts[layer] * devices;
            add[layer] = new float[pairs];
            drop[layer] = new float[pairs];
            move[layer] = new float[pairs * devices];
            calls[layer] = new float[pairs];
        }
        staleness = new int[paths.layers];
        stride = Math.max(1, (int) Math.round(paths.paths / (double) ENOUGH_PATHS));
        offset = new int[paths.layers];
        Arrays.fill(staleness, OLD);
        set = new long[paths.topK];
        nextSet = new long[paths.topK];
        next = new int[devices];
    }

    /** Summed cost that one more host would add; seldom above 0. */
    double add(final int layer, final int expert, final int device) {
        return stride * add[layer][expert * devices + device];
    }

    /** Summed cost that the loss of a host adds, where the expert has another. */
    double drop(final int layer, final int expert, final int device) {
        return stride * drop[layer][expert * devices + device];
    }

    double move(final int layer, final int expert, final int from, final int to) {
        return stride * move[layer][(expert * devices + from) * devices + to];
    }

    /** Calls to the expert that run on a device. */
    double calls(final int layer, final int expert, final int device) {
        return stride * calls[layer][expert * devices + device];
    }

    void changed(final int layer) {
        staleness[layer] += OWN;
        if (layer > 0) {
            staleness[layer - 1]++;
        }
        if (layer + 1 < staleness.length) {
            staleness[layer + 1]++;
        }
    }

    /** Makes a layer's estimates anew if they have aged. */
    void refresh(final int layer) {
        if (staleness[layer] >= STALE) {
            estimate(layer);
        }
    }

    /** The same for a layer that is only looked at in passing, whose estimates may be older. */
    void refreshOld(final int layer) {
        if (staleness[layer] >= OLD) {
            estimate(layer);
        }
    }

    private void estimate(final int layer) {
        staleness[layer] = 0;
        Arrays.fill(add[layer], 0);
        Arrays.fill(drop[layer], 0);
        Arrays.fill(move[layer], 0);
        Arrays.fill(calls[layer], 0);
        offset[layer] = (offset[layer] + 1) % stride;
        for (int path = offset[layer]; path < paths.paths; path += stride) {
            final int at = paths.at(layer, path);
            for (int rank = 0; rank < paths.topK; rank++) {
                set[rank] = state.hosts[layer][paths.expert[at + rank]];
                calls[layer][paths.expert[at + rank] * devices + state.chosen[at + rank]]++;
            }
            costsAfter(layer, path);
            if (rule.tabled()) {
                look(layer, path);
            } else {
                compute(layer, path);
            }
        }
    }

    private void compute(final int layer, final int path) {
        final int at = paths.at(layer, path);
        final int from = state.from(layer, path);
        final int variant = JointState.variant(layer, path);
        final int now = computed(variant, from);
        for (int rank = 0; rank < paths.topK; rank++) {
            changesOf(layer, paths.expert[at + rank], rank, variant, from, now);
        }
    }

    private void look(final int layer, final int path) {
        final int at = paths.at(layer, path);
        final int from = state.from(layer, path);
        final int[] table = rule.table(JointState.variant(layer, path));
        final int key = rule.startKey(from) | rule.key(set);
        final int all = (1 << devices) - 1;
        final int now = total(from, table[key]);
        for (int rank = 0; rank < paths.topK; rank++) {
            final int shift = rank * devices;
            final int rest = key & ~(all << shift);
            final int hosts = (int) set[rank];
            final int row = paths.expert[at + rank] * devices;
            for (int device = 0; device < devices; device++) {
                final int bit = 1 << device;
                if ((hosts & bit) == 0) {
                    add[layer][row + device] += total(from, table[rest | (hosts | bit) << shift]) - now;
                    continue;
                }
                final int others = hosts & ~bit;
                if (others != 0) {
                    drop[layer][row + device] += total(from, table[rest | others << shift]) - now;
                }
                for (int absent = all & ~hosts; absent != 0; absent &= absent - 1) {
                    final int to = Integer.numberOfTrailingZeros(absent);
                    move[layer][(row + device) * devices + to] += total(from, table[rest | (others | 1 << to) << shift]) - now;
                }
            }
        }
    }

    private int total(final int from, final int entry) {
        return JointRule.cost(entry) + next[rule.owner(from, entry)];
    }

    private void costsAfter(final int layer, final int path) {
        if (layer + 1 == paths.layers || !state.walks()) {
            Arrays.fill(next, 0);
            return;
        }
        final int at = paths.at(layer + 1, path);
        for (int rank = 0; rank < paths.topK; rank++) {
            nextSet[rank] = state.hosts[layer + 1][paths.expert[at + rank]];
        }
        for (int device = 0; device < devices; device++) {
            next[device] = rule.costAndOwner(JointState.variant(layer + 1, path), device, nextSet) >> 6;
        }
    }

    private int computed(final int variant, final int from) {
        final int packed = rule.costAndOwner(variant, from, set);
        return (packed >> 6) + next[packed & 63];
    }

    private void changesOf(final int layer, final int expert, final int rank, final int variant, final int from, final int now) {
        final long hosts = set[rank];
        for (int device = 0; device < devices; device++) {
            final long bit = 1L << device;
            if ((hosts & bit) == 0) {
                set[rank] = hosts | bit;
                add[layer][expert * devices + device] += computed(variant, from) - now;
            } else {
                final long others = hosts & ~bit;
                if (others != 0) {
                    set[rank] = others;
                    drop[layer][expert * devices + device] += computed(variant, from) - now;
                }
                final int row = (expert * devices + device) * devices;
                for (int to = 0; to < devices; to++) {
                    if ((hosts >>> to & 1) == 0) {
                        set[rank] = others | 1L << to;
                        move[layer][row + to] += computed(variant, from) - now;
                    }
                }
            }
        }
        set[rank] = hosts;
    }
}
