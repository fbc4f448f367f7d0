package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

/** The joint plan of many devices, and the constant-time exchange that it rests on. */
final class JointExchangeTest {
    private static PlanRequest request(final int devices, final int slots, final double affinity, final int minReplicas) {
        final RoutingStatistics statistics = new SyntheticRouting(SyntheticRouting.layers(4, 40), 3, 0.5, affinity, 9)
                .statistics(4000, new RoutingStatistics.Limits(256, 8, 200));
        final List<Device> list = new ArrayList<>();
        for (int i = 0; i < devices; i++) {
            list.add(new Device(i, "node-" + i / 2, "host-" + i / 4, "cpu", Long.MAX_VALUE, slots, new ComputeRate(1e-4, 1e-5)));
        }
        return new PlanRequest(statistics, Topology.of(list, new Link(1e10, 0), new Link(1e9, 0)), null,
                new Budget(minReplicas, Long.MAX_VALUE),
                new CostModel(Mode.WALK, new Wire(16, 4, 0, 0, 1, false), 100, 32, Double.POSITIVE_INFINITY), 1, 100);
    }

    private static Measured measure(final PlanRequest request, final Placement placement) {
        return request.cost().predict(placement, request.statistics(), request.topology(), 1).measured();
    }

    @Test
    void anExchangeChangesTheCostByWhatItPromised() {
        final PlanRequest request = request(8, 25, 0.5, 1);
        final AffinityWeights weights = AffinityWeights.traffic(request.statistics(), request.cost());
        final SplittableRandom random = new SplittableRandom(4);
        final int[][] expert = new int[4][50];
        final int[][] group = new int[4][50];
        final double[][] calls = new double[4][40];
        for (int layer = 0; layer < 4; layer++) {
            Arrays.setAll(expert[layer], r -> r % 40);
            Arrays.setAll(group[layer], r -> (r < 40 ? r : r - 37) % 8);
            final int model = layer;
            Arrays.setAll(calls[layer], e -> request.statistics().calls(model, e) / 4000);
        }
        final int[] host = {0, 0, 1, 1, 1, 2, 2, 2};
        final AffinitySearch.Groups groups = new AffinitySearch.Groups(host, 0.25, 2, calls);
        final AffinitySearch search = new AffinitySearch(weights, groups, expert, group, 1);
        for (int round = 0; round < 300; round++) {
            final int layer = random.nextInt(4);
            final int r = random.nextInt(50);
            final int s = random.nextInt(50);
            if (search.legal(layer, r, s)) {
                final double promised = search.cost() + search.exchange(layer, r, s);
                search.apply(layer, r, s);
                assertThat(search.cost()).as("round %d", round).isCloseTo(promised, within(1e-4));
            }
        }
        assertThat(search.cost()).isCloseTo(new AffinitySearch(weights, groups, expert, group, 1).cost(), within(1e-4));
    }

    @Test
    void fewerVectorsThanEplbAtLikeBalance() {
        final PlanRequest request = request(16, 12, 0.9, 1);
        final Placement plan = new JointExchange(request, JointPlanner.DEFAULT_WEIGHTS).plan();
        request.check(plan);
        final Measured joint = measure(request, plan);
        final Measured eplb = measure(request, EplbPlanner.global().plan(request));
        assertThat(joint.traffic().bytes(request.cost().wire())).isLessThan(0.95 * eplb.traffic().bytes(request.cost().wire()));
        assertThat(joint.imbalance()).isLessThan(eplb.imbalance() + 0.15);
        assertThat(new JointExchange(request, JointPlanner.DEFAULT_WEIGHTS).plan()).isEqualTo(plan);
    }

    @Test
    void fromACurrentPlacementItKeepsConstraintsAndBudget() {
        final PlanRequest request = request(8, 45, 0.8, 2);
        final Placement current = EplbPlanner.global().plan(request);
        double last = measure(request, current).traffic().bytes(request.cost().wire());
        for (final int moves : new int[]{0, 20, 100}) {
            final PlanRequest next = new PlanRequest(request.statistics(), request.topology(), current,
                    new Budget(2, moves * request.cost().expertBytes()), request.cost(), 1, 100);
            final Placement plan = new JointExchange(next, new JointPlanner.Weights(2, 1e9)).plan();
            next.check(plan);
            assertThat(CostModel.moves(current, plan)).isLessThanOrEqualTo(moves);
            final double bytes = measure(request, plan).traffic().bytes(request.cost().wire());
            assertThat(bytes).isLessThanOrEqualTo(last * 1.01);
            last = bytes;
        }
        assertThat(last).isLessThan(0.97 * measure(request, current).traffic().bytes(request.cost().wire()));
    }
}
