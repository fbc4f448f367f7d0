package io.drover.placement.lab;

import java.util.ArrayList;
import java.util.List;

import io.drover.placement.ContiguousPlanner;
import io.drover.placement.EplbPlanner;
import io.drover.placement.ExFlowPlanner;
import io.drover.placement.FlexMoePlanner;
import io.drover.placement.JointPlanner;
import io.drover.placement.LinaPlanner;
import io.drover.placement.Planner;
import io.drover.placement.RoundRobinPlanner;
import io.drover.placement.ShadowPlanner;

/** The planners that the lab compares, simplest first. */
final class Policies {
    private Policies() {}

    private static List<Planner> all(final double balance, final boolean choosesHomes) {
        return List.of(new ContiguousPlanner(), new RoundRobinPlanner(), EplbPlanner.global(), new LinaPlanner(),
                new ShadowPlanner(),
                new ExFlowPlanner(), new FlexMoePlanner(),
                new JointPlanner(new JointPlanner.Weights(balance, JointPlanner.DEFAULT_WEIGHTS.horizonPositions()),
                        choosesHomes));
    }

    /**
     * @param balance      that the joint planner is given
     * @param choosesHomes whether it may expect homes to be chosen
     * @throws IllegalArgumentException if a name is not known; the message lists those that are
     */
    static List<Planner> named(final List<String> names, final double balance, final boolean choosesHomes) {
        final List<Planner> all = all(balance, choosesHomes);
        if (names.equals(List.of("all"))) {
            return all;
        }
        final List<Planner> chosen = new ArrayList<>();
        for (final String name : names) {
            chosen.add(all.stream()
                    .filter(planner -> planner.name().equals(name))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("--policy names '" + name + "'; expected all or some of "
                            + all.stream().map(Planner::name).toList())));
        }
        return chosen;
    }
}
