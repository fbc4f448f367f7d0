package io.drover.placement;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * FasterMoE's shadow experts (PPoPP 2022), the inference variant: a hot expert gets a replica on every device, so that each device
 * computes its own tokens, or none beside its one (or f) owners: all or nothing.
 *
 * <p>Goals, in order: each expert on f nodes, as {@link ContiguousPlanner} places them; a lower time of a layer's slowest device.
 * In each layer experts are shadowed in descending load, and the layer ends with the first that does not pay: the layer's time by
 * {@link LayerLoad} before, less that after, must exceed the broadcast of the weights, {@code expertBytes / bandwidth}, spread over
 * {@code horizonSteps} steps. (In training it is paid in each iteration; without gradients there is one forward pass instead of
 * three and two transfers instead of four.) Of all layers, the expert that gains most is shadowed first, as long as every device
 * that lacks it has a slot and the move budget lasts.
 */
public final class ShadowPlanner implements Planner {
    private final int horizonSteps;

    /** Broadcasts that pay within 1,000 steps. */
    public ShadowPlanner() {
        this(1000);
    }

    /** @param horizonSteps steps over which a broadcast must pay; at least 1 */
    public ShadowPlanner(final int horizonSteps) {
        if (horizonSteps < 1) {
            throw new IllegalArgumentException("a horizon has at least 1 step, not " + horizonSteps);
        }
        this.horizonSteps = horizonSteps;
    }

    @Override
    public String name() {
        return "shadow";
    }

    @Override
    public Placement plan(final PlanRequest request) {
        final Placement owners = new ContiguousPlanner().plan(request);
        final Assignment assignment = Assignment.ofCurrent(request.withCurrent(owners));
        final Shadowing shadowing = new Shadowing(request, assignment);
        while (shadowing.step()) {
            // Each step shadows one expert; there are finitely many.
        }
        final Placement plan = assignment.toPlacement();
        request.check(plan);
        return plan;
    }

    private final class Shadowing {
        private final PlanRequest request;
        private final Assignment assignment;
        private final int[] routed;
        private final LayerLoad[] loads;
        private final List<List<Integer>> queues = new ArrayList<>();
        private final double broadcastSeconds;
        private long movesLeft;

        Shadowing(final PlanRequest request, final Assignment assignment) {
            this.request = request;
            this.assignment = assignment;
            routed = request.statistics().routedLayers();
            loads = new LayerLoad[routed.length];
            final Link link = request.topology().link(request.topology().hosts() > 1 ? Tier.NETWORK : Tier.SAME_HOST);
            broadcastSeconds = request.cost().expertBytes() / link.bytesPerSecond() / horizonSteps;
            movesLeft = request.current() == null
                    ? Long.MAX_VALUE
                    : request.maxMoves() - CostModel.moves(request.current(), assignment.toPlacement());
            for (int i = 0; i < routed.length; i++) {
                final int layer = routed[i];
                loads[i] = new LayerLoad(request, assignment, layer);
                queues.add(new ArrayList<>(IntStream.range(0, request.statistics().experts(layer))
                        .boxed()
                        .sorted(Comparator.comparingDouble((Integer expert) -> request.statistics().calls(layer, expert))
                                .reversed())
                        .toList()));
            }
        }

        /** Shadows the head of the queue that gains most; closes the queues of layers whose head does not pay or fit. */
        boolean step() {
            int best = -1;
            double bestGain = 0;
            for (int i = 0; i < routed.length; i++) {
                final double gain = queues.get(i).isEmpty() ? 0 : gain(i, queues.get(i).getFirst());
                if (gain <= 0) {
                    queues.get(i).clear();
                } else if (gain > bestGain) {
                    best = i;
                    bestGain = gain;
                }
            }
            if (best < 0) {
                return false;
            }
            final int expert = queues.get(best).removeFirst();
            final int[] lacking = lacking(routed[best], expert);
            movesLeft -= loading(routed[best], expert, lacking);
            for (final int device : lacking) {
                loads[best].add(expert, device);
            }
            loads[best].rebuild();
            return true;
        }

        private double gain(final int i, final int expert) {
            final int[] lacking = lacking(routed[i], expert);
            for (final int device : lacking) {
                if (assignment.free(device) == 0) {
                    return 0;
                }
            }
            if (lacking.length == 0 || loading(routed[i], expert, lacking) > movesLeft) {
                return 0;
            }
            final double before = loads[i].seconds();
            for (final int device : lacking) {
                loads[i].add(expert, device);
            }
            final double after = loads[i].seconds();
            for (final int device : lacking) {
                loads[i].remove(expert, device);
            }
            return before - after - broadcastSeconds;
        }

        /** Devices of the expert's kernel family that take part and do not hold it. */
        private int[] lacking(final int layer, final int expert) {
            return IntStream.range(0, request.topology().size())
                    .filter(device -> request.slots(device) > 0
                            && request.topology().runs(device, layer, expert)
                            && !assignment.has(layer, expert, device))
                    .toArray();
        }

        private int loading(final int layer, final int expert, final int[] lacking) {
            final Placement current = request.current();
            return current == null
                    ? 0
                    : (int) IntStream.of(lacking)
                            .filter(device -> !current.hosts(request.topology().ordinal(device), layer, expert))
                            .count();
        }
    }
}
