package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.SplittableRandom;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The joint planner against every placement of small cases, and its parts against the plain definitions. */
final class JointPlannerTest {
    private static final Wire WIRE = new Wire(16, 4, 0, 0, 1, false);

    private static PlanRequest with(final PlanRequest request, final Mode mode, final @Nullable Placement current,
            final long moves) {
        final CostModel old = request.cost();
        final CostModel cost = new CostModel(mode, WIRE, old.expertBytes(), old.stepTokens(), Double.POSITIVE_INFINITY);
        return new PlanRequest(request.statistics(), request.topology(), current,
                new Budget(request.budget().minReplicas(), moves), cost, request.seed(), request.effort());
    }

    private static PlanRequest synthetic(final int layers, final int experts, final int devices, final int slots,
            final Mode mode) {
        final RoutingStatistics statistics = new SyntheticRouting(SyntheticRouting.layers(layers, experts), 2, 0.6, 0.8, 5)
                .statistics(600, new RoutingStatistics.Limits(256, 8, 600));
        final Topology topology = Topology.uniform(devices, slots, new ComputeRate(1e-4, 1e-5), new Link(1e9, 1e-5));
        return new PlanRequest(statistics, topology, null, Budget.UNLIMITED,
                new CostModel(mode, WIRE, 100, 32, Double.POSITIVE_INFINITY), 3, 6);
    }

    @Test
    void theRuleIsReplicaChoiceAtEqualLoads() {
        final SplittableRandom random = new SplittableRandom(1);
        for (int round = 0; round < 400; round++) {
            final Mode mode = round % 2 == 0 ? Mode.WALK : Mode.HOME;
            final int devices = 2 + random.nextInt(5);
            final PlanRequest request = synthetic(1, 6, devices, 6, mode);
            final int[][][] table = new int[1][6][];
            for (int expert = 0; expert < 6; expert++) {
                table[0][expert] = random.ints(0, devices).limit(1 + random.nextInt(3)).distinct().toArray();
            }
            final Placement placement = Placement.of(Epoch.NONE, table);
            final int[] experts = {random.nextInt(3), 3 + random.nextInt(3)};
            final int from = random.nextInt(devices);
            final int[] expected = new int[2];
            new ReplicaChoice(request.topology(), mode).choose(placement, 0, experts, 0, 2, from, new double[devices],
                    Double.POSITIVE_INFINITY, expected);
            final Measures measures = new Measures(placement, request.topology(), mode, Double.POSITIVE_INFINITY);
            measures.position(from, new int[][]{experts});

            final long[] hosts = Arrays.stream(experts)
                    .mapToLong(expert -> Arrays.stream(table[0][expert]).mapToLong(device -> 1L << device).sum())
                    .toArray();
            final byte[] chosen = new byte[2];
            final int cost = new JointRule(request).choose(0, from, hosts, chosen, 0);

            assertThat(new int[]{chosen[0], chosen[1]}).as("round %d", round).isEqualTo(expected);
            assertThat(cost / (double) JointRule.UNIT).as("round %d", round).isEqualTo(measures.measured().vectors());
        }
    }

    @Test
    void aTrialChangesTheObjectiveByAsMuchAsRoutingEverythingAnew() {
        for (final Mode mode : Mode.values()) {
            final PlanRequest request = synthetic(4, 8, 3, 14, mode);
            final JointPaths paths = JointPaths.of(request, 1000);
            final JointRule rule = new JointRule(request);
            final SplittableRandom random = new SplittableRandom(2);
            final long[][] hosts = new long[4][8];
            for (final long[] of : hosts) {
                Arrays.setAll(of, expert -> 1 + random.nextInt(7));
            }
            final JointState state = new JointState(request, paths, rule, hosts, 2);
            for (int round = 0; round < 300; round++) {
                final double before = state.objective();
                state.change(random.nextInt(4), random.nextInt(4), 1 + random.nextInt(7));
                state.change(random.nextInt(4), 4 + random.nextInt(4), 1 + random.nextInt(7));
                final double change = state.evaluate();
                if (random.nextBoolean()) {
                    state.keep();
                } else {
                    state.takeBack();
                    assertThat(state.objective()).isEqualTo(before);
                    continue;
                }
                final long[][] copy = Arrays.stream(state.hosts).map(long[]::clone).toArray(long[][]::new);
                final double anew = new JointState(request, paths, rule, copy, 2).objective();
                assertThat(before + change).as("round %d", round).isCloseTo(anew, within(1e-9));
                assertThat(state.objective()).as("round %d", round).isCloseTo(anew, within(1e-9));
            }
        }
    }

    private static double objective(final PlanRequest request, final JointPaths paths, final JointRule rule,
            final Placement plan) {
        final long[][] hosts = new long[paths.layers][];
        for (int layer = 0; layer < hosts.length; layer++) {
            hosts[layer] = new long[paths.experts[layer]];
            for (int expert = 0; expert < hosts[layer].length; expert++) {
                for (int i = 0; i < plan.replicas(layer, expert); i++) {
                    hosts[layer][expert] |= 1L << request.topology().index(plan.device(layer, expert, i));
                }
            }
        }
        return new JointState(request, paths, rule, hosts, JointPlanner.DEFAULT_WEIGHTS.balance()).objective();
    }

    @Test
    void plansAreFeasibleExactlyWhereAnyPlacementIsAndNearTheBestOfAll() {
        int best = 0;
        int cases = 0;
        double worst = 0;
        for (long seed = 1; seed <= 120; seed++) {
            final PlanRequest request = with(PlannerCases.draw(seed), seed % 2 == 0 ? Mode.WALK : Mode.HOME, null,
                    Long.MAX_VALUE);
            final JointPaths paths = JointPaths.of(request, 1000);
            final JointRule rule = new JointRule(request);
            final double[] least = {Double.POSITIVE_INFINITY};
            PlannerCases.forEachFeasible(request,
                    placement -> least[0] = Math.min(least[0], objective(request, paths, rule, placement)));
            Placement plan = null;
            try {
                plan = new JointPlanner().plan(request);
            } catch (final PlanningException e) {
                assertThat(least[0]).as("seed %d: %s", seed, e.getMessage()).isInfinite();
            }
            if (plan != null) {
                final double gap = objective(request, paths, rule, plan) - least[0];
                assertThat(gap).as("seed %d", seed).isGreaterThan(-1e-9);
                cases++;
                best += gap < 1e-9 ? 1 : 0;
                worst = Math.max(worst, gap);
            }
        }
        assertThat(cases).isGreaterThan(80);
        assertThat(best).as("of %d, worst gap %s", cases, worst).isGreaterThan(cases * 95 / 100);
        assertThat(worst).isLessThan(0.1);
    }

    @Test
    void theSameRequestGivesTheSamePlanAndPlantedAffinityIsFound() {
        final PlanRequest request = synthetic(6, 16, 4, 30, Mode.WALK);
        final Placement plan = new JointPlanner().plan(request);
        assertThat(new JointPlanner().plan(request)).isEqualTo(plan);
        final JointPaths paths = JointPaths.of(request, 1000);
        final JointRule rule = new JointRule(request);
        final Placement eplb = EplbPlanner.global().plan(request);
        assertThat(objective(request, paths, rule, plan)).isLessThan(0.7 * objective(request, paths, rule, eplb));
    }

    @Test
    void fromItsOwnPlanNothingMovesAndElsewhereTheBudgetHolds() {
        final PlanRequest request = synthetic(4, 12, 3, 20, Mode.WALK);
        final Placement settled = new JointPlanner().plan(request);
        assertThat(CostModel.moves(settled, new JointPlanner().plan(with(request, Mode.WALK, settled, Long.MAX_VALUE)))).isZero();

        final Placement contiguous = new ContiguousPlanner().plan(request);
        final JointPaths paths = JointPaths.of(request, 1000);
        final JointRule rule = new JointRule(request);
        double last = objective(request, paths, rule, contiguous);
        for (final int moves : new int[]{0, 2, 6, 20}) {
            final Placement plan = new JointPlanner(new JointPlanner.Weights(3, 1e9))
                    .plan(with(request, Mode.WALK, contiguous, moves * request.cost().expertBytes()));
            assertThat(CostModel.moves(contiguous, plan)).isLessThanOrEqualTo(moves);
            assertThat(objective(request, paths, rule, plan)).isLessThanOrEqualTo(last);
            last = objective(request, paths, rule, plan);
        }
        assertThat(last).isLessThan(objective(request, paths, rule, contiguous));
    }

    @Test
    void aLostDeviceIsRestoredWhateverTheBudget() {
        final PlanRequest request = synthetic(4, 12, 4, 16, Mode.WALK);
        final Placement before = new JointPlanner().plan(request);
        final Topology three = request.topology().withDevices(request.topology().devices().subList(0, 3));
        final PlanRequest after = new PlanRequest(request.statistics(), three, before, new Budget(1, 0), request.cost(), 3, 6);
        after.check(new JointPlanner().plan(after));
    }
}
