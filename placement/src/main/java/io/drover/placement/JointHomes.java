package io.drover.placement;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.IntUnaryOperator;

/**
 * Homes for sequences where they are chosen and not drawn, {@link Mode#HOME} only: sequences that use the same experts get the same home, so
 * that each device needs few. By turns each device gets the experts that its sequences use most, as its slots allow, every expert
 * somewhere; then each sequence goes where most of its calls are local, those with most to lose first, none to a device with a tenth more
 * positions than its share. From several random beginnings the one that saves most is taken.
 */
final class JointHomes {
    private static final int ATTEMPTS = 12;
    private static final int ROUNDS = 12;
    /** As routers that choose homes allow. */
    private static final double MOST_POSITIONS = 1.1;

    private final PlanRequest request;
    private final int devices;
    private final Map<Integer, Integer> indexOf = new HashMap<>();
    /** [sequence][expert, counted over all layers] calls */
    private final double[][] use;
    private final double[] positions;
    private final int experts;

    private JointHomes(final PlanRequest request, final JointPaths paths) {
        this.request = request;
        devices = request.topology().size();
        for (final int sequence : paths.sequence) {
            indexOf.putIfAbsent(sequence, indexOf.size());
        }
        experts = Arrays.stream(paths.experts).sum();
        use = new double[indexOf.size()][experts];
        positions = new double[use.length];
        for (int path = 0; path < paths.paths; path++) {
            final int sequence = indexOf.get(paths.sequence[path]);
            positions[sequence]++;
            for (int layer = 0, first = 0; layer < paths.layers; first += paths.experts[layer++]) {
                for (int rank = 0; rank < paths.topK; rank++) {
                    use[sequence][first + paths.expert[paths.at(layer, path) + rank]]++;
                }
            }
        }
    }

    /**
     * @param paths of sequences whose homes are to be found
     * @return sequence to device index; drawn for sequences without a path
     */
    static IntUnaryOperator of(final PlanRequest request, final JointPaths paths) {
        final JointHomes homes = new JointHomes(request, paths);
        int[] best = null;
        double most = Double.NEGATIVE_INFINITY;
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            final int[] home = homes.random(new SplittableRandom(request.seed() + attempt));
            double saved = 0;
            for (int round = 0; round < ROUNDS; round++) {
                saved = homes.settle(home, homes.local(home));
            }
            if (saved > most) {
                most = saved;
                best = home;
            }
        }
        return homes.lookUp(best);
    }

    /** As {@link #of}, where experts are already. @param hosts [layer][expert] device indexes as bits */
    static IntUnaryOperator near(final PlanRequest request, final JointPaths paths, final long[][] hosts) {
        final JointHomes homes = new JointHomes(request, paths);
        final boolean[][] local = new boolean[homes.devices][homes.experts];
        int first = 0;
        for (final long[] layer : hosts) {
            for (int expert = 0; expert < layer.length; expert++) {
                for (long rest = layer[expert]; rest != 0; rest &= rest - 1) {
                    local[Long.numberOfTrailingZeros(rest)][first + expert] = true;
                }
            }
            first += layer.length;
        }
        final int[] home = new int[homes.use.length];
        homes.settle(home, local);
        return homes.lookUp(home);
    }

    private IntUnaryOperator lookUp(final int[] home) {
        return sequence -> {
            final Integer index = indexOf.get(sequence);
            return index != null
                    ? home[index]
                    : request.topology().index(Measures.drawHome(request.topology(), request.seed(), sequence));
        };
    }

    private int[] random(final SplittableRandom random) {
        final int[] home = new int[use.length];
        Arrays.setAll(home, sequence -> random.nextInt(devices));
        return home;
    }

    /** [device][expert] what is local if each device has what its sequences use most. */
    private boolean[][] local(final int[] home) {
        final double[][] demand = new double[devices][experts];
        for (int sequence = 0; sequence < use.length; sequence++) {
            for (int expert = 0; expert < experts; expert++) {
                demand[home[sequence]][expert] += use[sequence][expert];
            }
        }
        record Wish(int device, int expert, double calls) {}
        final List<Wish> wishes = new ArrayList<>();
        for (int device = 0; device < devices; device++) {
            for (int expert = 0; expert < experts; expert++) {
                wishes.add(new Wish(device, expert, demand[device][expert]));
            }
        }
        wishes.sort(Comparator.comparingDouble(Wish::calls).reversed());
        final boolean[][] local = new boolean[devices][experts];
        final boolean[] placed = new boolean[experts];
        final int[] free = new int[devices];
        Arrays.setAll(free, request::slots);
        int missing = experts;
        int spare = Arrays.stream(free).sum() - experts;
        for (final Wish wish : wishes) {
            final boolean again = placed[wish.expert];
            // So many slots must stay free as there are experts without one.
            if (free[wish.device] > 0 && (again ? spare > 0 : missing > 0)) {
                local[wish.device][wish.expert] = true;
                free[wish.device]--;
                spare -= again ? 1 : 0;
                missing -= again ? 0 : 1;
                placed[wish.expert] = true;
            }
        }
        return local;
    }

    /** Sends each sequence where most of its calls are local. @return calls that are */
    private double settle(final int[] home, final boolean[][] local) {
        final double[][] saved = new double[use.length][devices];
        final double[] regret = new double[use.length];
        final Integer[] order = new Integer[use.length];
        for (int sequence = 0; sequence < use.length; sequence++) {
            order[sequence] = sequence;
            for (int device = 0; device < devices; device++) {
                for (int expert = 0; expert < experts; expert++) {
                    saved[sequence][device] += local[device][expert] ? use[sequence][expert] : 0;
                }
            }
            final double[] sorted = saved[sequence].clone();
            Arrays.sort(sorted);
            regret[sequence] = devices == 1 ? 0 : sorted[devices - 1] - sorted[devices - 2];
        }
        Arrays.sort(order, Comparator.comparingDouble(sequence -> -regret[sequence]));
        final double limit = MOST_POSITIONS * Arrays.stream(positions).sum() / devices;
        final double[] load = new double[devices];
        double sum = 0;
        for (final int sequence : order) {
            int best = -1;
            for (int device = 0; device < devices; device++) {
                final boolean fits = load[device] + positions[sequence] <= limit;
                final boolean bestFits = best >= 0 && load[best] + positions[sequence] <= limit;
                if (best < 0 || fits && !bestFits || fits && saved[sequence][device] > saved[sequence][best]
                        || !fits && !bestFits && load[device] < load[best]) {
                    best = device;
                }
            }
            home[sequence] = best;
            load[best] += positions[sequence];
            sum += saved[sequence][best];
        }
        return sum;
    }
}
