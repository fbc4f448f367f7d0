package io.drover.placement;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntUnaryOperator;

/**
 * Drover's own planner: traffic, balance, co-activation, replicas and moves in one objective.
 *
 * <p>Constraints: those of {@link PlanRequest#check}, and the budget of moves. Goals, in order: every expert on f nodes again; then the
 * least of {@code traffic + balance * (imbalance - 1) + moves * moveCost}, where traffic is what the sampled paths cost in the mode that
 * runs, with replicas chosen as {@link ReplicaChoice} does, in wire vectors over the slowest tier per token-layer (a residual and nearer
 * tiers count by their bytes and bandwidth); imbalance is that of {@link Measured}; and a move costs the vectors of its weights, spread
 * over the token-layers of the horizon. Co-activation within layers and affinity between them need no terms of their own: whole paths
 * hold both.
 *
 * <p>With a current placement it is incremental: what is lost is restored, then the placement is improved by single changes, the steepest
 * layers first, while a change gains more than its moves cost. From nothing, clusters of paths give a start ({@link JointStart}), and
 * annealing ({@link JointSearch}) does the rest. Where there are too many devices for that, pair counts take the place of paths ({@link
 * JointExchange}). Effort is a count of visits to layers, so that a request's plan is always the same.
 */
public final class JointPlanner implements Planner {
    /** What the objective's terms weigh. */
    public static final Weights DEFAULT_WEIGHTS = new Weights(3, 1_000_000);

    /** Paths in the first, hot part of annealing. */
    private static final int HOT_PATHS = 3072;
    /** Paths in the last, cold part. */
    private static final int COLD_PATHS = 24_576;
    /** Visits of each layer per unit of effort. */
    private static final int VISITS = 20;
    /** A small model is annealed from further up, several times. */
    private static final int SMALL_ATTEMPTS = 3;
    /** Paths times ranks times devices, as a visit of a layer on 4 devices looks at them. */
    private static final double USUAL_WORK = 40_000;
    /** Layers times experts times squared devices up to which paths are replayed. */
    private static final long MOST_CHANGES = 1 << 18;
    /** Temperatures, in objective change of a layer times experts per used expert. */
    private static final double MOLTEN = 2;
    private static final double HOTTEST = 0.23;
    private static final double LUKEWARM = 0.07;
    private static final double COLDEST = 0.012;

    /**
     * @param balance          vectors per token-layer that one unit of imbalance is worth; at least 0
     * @param horizonPositions positions over which a move has to pay; above 0
     */
    public record Weights(double balance, double horizonPositions) {
        public Weights {
            if (!(balance >= 0) || !(horizonPositions > 0)) {
                throw new IllegalArgumentException("balance is at least 0 and horizonPositions above 0, not " + balance + " and "
                        + horizonPositions);
            }
        }
    }

    private final Weights weights;
    private final boolean choosesHomes;

    public JointPlanner() {
        this(DEFAULT_WEIGHTS);
    }

    /** For homes that are drawn, or are where there is room. */
    public JointPlanner(final Weights weights) {
        this(weights, false);
    }

    /** @param choosesHomes whether sequences get their homes, in {@link Mode#HOME}, by what they are routed to ({@link HomeChoice}) */
    public JointPlanner(final Weights weights, final boolean choosesHomes) {
        this.weights = weights;
        this.choosesHomes = choosesHomes;
    }

    @Override
    public String name() {
        return "joint";
    }

    @Override
    public Placement plan(final PlanRequest request) {
        request.checkFeasible();
        final Placement plan;
        if (!replays(request)) {
            plan = new JointExchange(request, weights).plan();
        } else {
            plan = request.current() == null ? fromNothing(request) : fromCurrent(request);
        }
        request.check(plan);
        return plan;
    }

    /** Whether paths can be replayed in good time, with every change of every layer at a glance. */
    private static boolean replays(final PlanRequest request) {
        final int devices = request.topology().size();
        final long pairs = (long) request.statistics().totalExperts() * devices * devices;
        return devices <= Long.SIZE && pairs <= MOST_CHANGES;
    }

    private Placement fromNothing(final PlanRequest request) {
        final JointRule rule = new JointRule(request);
        final JointPaths few = JointPaths.of(request, HOT_PATHS);
        final JointPaths all = JointPaths.of(request, COLD_PATHS);
        if (choosesHomes(request)) {
            final IntUnaryOperator homes = JointHomes.of(request, all);
            all.setHomes(homes);
            few.setHomes(homes);
        }
        if (!small(request)) {
            return placement(request, anneal(request, rule, few, all, start(request, few, rule, request.seed()), HOTTEST));
        }
        JointState best = null;
        for (int attempt = 0; attempt < SMALL_ATTEMPTS; attempt++) {
            final long[][] hosts = start(request, few, rule, request.seed() + 100 * attempt);
            final JointState state = anneal(request, rule, few, all, hosts, MOLTEN);
            if (best == null || state.objective() < best.objective()) {
                best = state;
            }
        }
        return placement(request, best);
    }

    /** Homes can be told from sampled paths alone. */
    private boolean choosesHomes(final PlanRequest request) {
        return choosesHomes && request.cost().mode() == Mode.HOME && request.statistics().paths() > 0;
    }

    private static boolean small(final PlanRequest request) {
        return request.statistics().totalExperts() <= JointSearch.EXACT;
    }

    private JointState anneal(
            final PlanRequest request,
            final JointRule rule,
            final JointPaths few,
            final JointPaths all,
            final long[][] hosts,
            final double hottest) {
        final long[][] none = new long[few.layers][];
        for (int layer = 0; layer < few.layers; layer++) {
            none[layer] = new long[few.experts[layer]];
        }
        final double scale = scale(few);
        final long visits = visits(request, few, rule);
        final JointState hot = new JointState(request, few, rule, hosts, weights.balance());
        final JointSearch first = new JointSearch(request, hot, none, 0, request.seed());
        first.anneal(visits, hottest * scale, LUKEWARM * scale);
        final JointState cold = new JointState(request, all, rule, first.best(), weights.balance());
        final JointSearch search = new JointSearch(request, cold, none, 0, request.seed() + 1);
        search.anneal(visits / 4, LUKEWARM * scale, COLDEST * scale);
        search.improve(10);
        return cold;
    }

    /** Grows with effort and layers; where a visit takes longer than usual, there are fewer in proportion. */
    private static long visits(final PlanRequest request, final JointPaths paths, final JointRule rule) {
        final double work = (double) paths.paths * paths.topK * request.topology().size() * (rule.tabled() ? 1 : 6);
        final double perLayer = request.effort() * (small(request) ? 1 : VISITS) * Math.min(1, USUAL_WORK / work);
        return (long) (paths.layers * Math.max(4, perLayer));
    }

    private static double scale(final JointPaths paths) {
        double share = 0;
        for (final int experts : paths.experts) {
            share += (double) paths.topK / experts;
        }
        return share / paths.layers / paths.layers;
    }

    private long[][] start(final PlanRequest request, final JointPaths paths, final JointRule rule, final long seed) {
        final JointStart start = new JointStart(request, paths);
        final List<JointState> starts = new ArrayList<>();
        for (int i = 0; i < Math.clamp(request.effort() / 20, 1, 8); i++) {
            starts.add(new JointState(request, paths, rule, masks(start.draw(seed + i), paths), weights.balance()));
        }
        return starts.stream().min(Comparator.comparingDouble(JointState::objective)).orElseThrow().hosts;
    }

    private Placement fromCurrent(final PlanRequest request) {
        final JointPaths paths = JointPaths.of(request, Integer.MAX_VALUE);
        final Assignment assignment = Assignment.ofCurrent(request);
        final long[][] current = masks(assignment, paths);
        if (choosesHomes(request)) {
            paths.setHomes(JointHomes.near(request, paths, current));
        }
        Restoration.complete(request, assignment);
        final JointState state = new JointState(request, paths, new JointRule(request), masks(assignment, paths),
                weights.balance());
        final double moveVectors = (double) request.cost().expertBytes() / request.cost().wire().vectorBytes();
        final double moveCost = moveVectors / weights.horizonPositions() / paths.layers;
        new JointSearch(request, state, current, moveCost, request.seed()).improve(Math.max(1, request.effort() / 10));
        return placement(request, state);
    }

    private static long[][] masks(final Assignment assignment, final JointPaths paths) {
        final long[][] hosts = new long[paths.layers][];
        for (int layer = 0; layer < paths.layers; layer++) {
            hosts[layer] = new long[paths.experts[layer]];
            for (int expert = 0; expert < hosts[layer].length; expert++) {
                for (final int device : assignment.devices(paths.routed[layer], expert)) {
                    hosts[layer][expert] |= 1L << device;
                }
            }
        }
        return hosts;
    }

    private static Placement placement(final PlanRequest request, final JointState state) {
        final int[][][] devices = new int[request.statistics().layers()][0][];
        for (int layer = 0; layer < state.paths.layers; layer++) {
            final int[][] of = new int[state.paths.experts[layer]][];
            for (int expert = 0; expert < of.length; expert++) {
                final long hosts = state.hosts[layer][expert];
                of[expert] = new int[Long.bitCount(hosts)];
                int at = 0;
                for (long rest = hosts; rest != 0; rest &= rest - 1) {
                    of[expert][at++] = request.topology().ordinal(Long.numberOfTrailingZeros(rest));
                }
            }
            devices[state.paths.routed[layer]] = of;
        }
        return Placement.of(Epoch.NONE, devices);
    }
}
