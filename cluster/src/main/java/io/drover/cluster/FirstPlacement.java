package io.drover.cluster;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SortedMap;
import java.util.function.Function;
import java.util.stream.IntStream;

import org.jspecify.annotations.Nullable;

import io.drover.placement.Placement;
import io.drover.placement.PlanningException;

/** The plan that a cluster begins with, until it is loaded. */
final class FirstPlacement {
    private final Function<SortedMap<Integer, NodeDescriptor>, Placement> planner;
    private @Nullable Placement plan;
    private List<ExpertSet> holds = List.of();
    private String problem = "";

    FirstPlacement(final Function<SortedMap<Integer, NodeDescriptor>, Placement> planner) {
        this.planner = planner;
    }

    /** @return whether there is a plan now; else {@link #problem} says why */
    boolean plan(final SortedMap<Integer, NodeDescriptor> nodes) {
        try {
            final Placement planned = planner.apply(nodes);
            plan = planned;
            holds = IntStream.rangeClosed(0, devices(planned).max().orElse(-1))
                    .mapToObj(device -> hold(planned, device))
                    .toList();
            problem = "";
            return true;
        } catch (final PlanningException e) {
            problem = Objects.requireNonNullElse(e.getMessage(), "no placement");
            return false;
        }
    }

    void discard() {
        plan = null;
        holds = List.of();
    }

    boolean exists() {
        return plan != null;
    }

    /** The devices that the plan uses, ascending. */
    IntStream devices() {
        return plan == null ? IntStream.empty() : devices(plan);
    }

    ExpertSet hold(final int device) {
        return device >= 0 && device < holds.size() ? holds.get(device) : ExpertSet.EMPTY;
    }

    /** Why there is no plan; empty if none was tried, or there is one. */
    String problem() {
        return problem;
    }

    static ExpertSet hold(final Placement target, final int device) {
        return ExpertSet.of(IntStream.range(0, target.layers())
                .boxed()
                .flatMapToInt(layer -> IntStream.range(0, target.experts(layer))
                        .filter(expert -> target.hosts(device, layer, expert))
                        .map(expert -> ExpertSet.code(layer, expert))));
    }

    private static IntStream devices(final Placement target) {
        return Arrays.stream(target.toArray()).flatMap(Arrays::stream).flatMapToInt(Arrays::stream).distinct().sorted();
    }
}
