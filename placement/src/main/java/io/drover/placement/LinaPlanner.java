package io.drover.placement;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

import org.jspecify.annotations.Nullable;

/**
 * Lina's inference scheduler (ATC 2023): replicas by the popularity that recent tokens' paths foretell.
 *
 * <p>Goals, in order: each expert on f nodes; replicas in proportion to the estimated popularity; full devices. It looks at load
 * only, forgets the current placement, and refuses when that exceeds the move budget.
 *
 * <p>Popularity ({@link PathPopularity}): the profile says which experts of a layer follow a path of the last {@code pathLength}
 * highest-gate experts; the average over the recent tokens' paths is the layer's estimated popularity. Recent tokens are the sampled
 * paths of the request's statistics; the profile is given once, or, without one, the same statistics, in which case the estimate is
 * nearly the measured load.
 *
 * <p>Packing: with D devices, an expert of popularity p is worth D·p devices. Each whole device's worth is one replica that fills a
 * device; fractions are packed by first fit, decreasing; what fits nowhere is spread on the emptiest devices.
 */
public final class LinaPlanner implements Planner {
    private final @Nullable RoutingStatistics profile;
    private final int pathLength;

    /** Paths of 3 layers, as published, profiled on the request's own statistics. */
    public LinaPlanner() {
        this(null, 3);
    }

    /**
     * @param profile    statistics with sampled paths, of an earlier time; null to use the request's
     * @param pathLength l, at least 1
     */
    public LinaPlanner(final @Nullable RoutingStatistics profile, final int pathLength) {
        if (pathLength < 1) {
            throw new IllegalArgumentException("a path has at least 1 layer, not " + pathLength);
        }
        this.profile = profile;
        this.pathLength = pathLength;
    }

    @Override
    public String name() {
        return "lina";
    }

    @Override
    public Placement plan(final PlanRequest request) {
        final int[][] slots = LayerSlots.of(request);
        final Assignment assignment = Assignment.empty(request);
        final double[][] popularity = PathPopularity.estimate(profile == null ? request.statistics() : profile,
                request.statistics(), pathLength);
        for (final int layer : request.statistics().routedLayers()) {
            new LayerPacking(request, assignment, layer, slots[layer], popularity[layer]).pack();
        }
        Restoration.complete(request, assignment);
        final Placement plan = assignment.toPlacement();
        request.check(plan);
        FixedOrder.requireMoves(request, plan, name());
        return plan;
    }

    private record Item(int expert, double worth, boolean needed) {}

    private static final class LayerPacking {
        private final PlanRequest request;
        private final Assignment assignment;
        private final int layer;
        private final int[] room;
        private final double[] worth;
        private final double[] filled;

        LayerPacking(
                final PlanRequest request,
                final Assignment assignment,
                final int layer,
                final int[] slots,
                final double[] popularity) {
            this.request = request;
            this.assignment = assignment;
            this.layer = layer;
            room = slots.clone();
            filled = new double[slots.length];
            final long devices = IntStream.of(slots).filter(count -> count > 0).count();
            worth = Arrays.stream(popularity).map(p -> p * devices).toArray();
        }

        void pack() {
            final Item[] items = items();
            // What every expert needs is packed first, so that a popular expert's further replicas cannot take the last slots.
            Arrays.stream(items).filter(Item::needed).forEach(this::put);
            Arrays.stream(items).filter(item -> !item.needed()).forEach(this::put);
        }

        /** Whole devices' worths and fractions, in descending worth; an expert's first f are needed. */
        private Item[] items() {
            final int f = request.budget().minReplicas();
            return IntStream.range(0, worth.length)
                    .boxed()
                    .flatMap(expert -> {
                        final int whole = (int) Math.min(worth[expert], room.length);
                        final int parts = Math.max(f, whole + (worth[expert] > whole || whole == 0 ? 1 : 0));
                        return IntStream.range(0, parts)
                                .mapToObj(part -> new Item(expert,
                                        parts > f || whole >= f ? (part < whole ? 1 : worth[expert] - whole) : worth[expert] / f,
                                        part < f));
                    })
                    .sorted(Comparator.comparingDouble(Item::worth).reversed())
                    .toArray(Item[]::new);
        }

        private void put(final Item item) {
            int goal = -1;
            boolean goalFits = false;
            for (int device = 0; device < room.length && !goalFits; device++) {
                if (room[device] > 0 && assignment.canAdd(layer, item.expert(), device) && newNode(item, device)) {
                    goalFits = filled[device] + item.worth() <= 1 + 1e-9;
                    if (goalFits || goal < 0 || filled[device] < filled[goal]) {
                        goal = device;
                    }
                }
            }
            if (goal >= 0) {
                assignment.add(layer, item.expert(), goal);
                room[goal]--;
                filled[goal] += item.worth();
            }
        }

        private boolean newNode(final Item item, final int device) {
            return assignment.nodes(layer, item.expert()) >= request.budget().minReplicas()
                    || !assignment.onNode(layer, item.expert(), request.topology().node(device));
        }
    }
}
