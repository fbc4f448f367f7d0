package io.drover.placement;

import java.util.Arrays;
import java.util.stream.IntStream;

import org.jspecify.annotations.Nullable;

/**
 * DeepSeek's expert parallelism load balancer (github.com/deepseek-ai/EPLB), each layer alone.
 *
 * <p>Goals, in order: each expert placed, on f nodes; all slots of a layer used; the hottest experts replicated until their load
 * per replica is like the others'; equal load of devices. It looks at load only: not at the current placement, so that a plan may
 * move everything, nor at co-activation and transitions.
 *
 * <p>{@code balanced_packing}: items in descending weight, each to the lightest pack that has room. {@code replicate_experts}: each
 * spare slot to the expert with the greatest load per replica. Global: replicate, then pack replicas to devices. Hierarchical,
 * where the number of expert groups is a multiple of the nodes: pack groups to nodes, then within each node as in global.
 *
 * <p>Where the published code would put one expert twice on a device, the second goes to the next lightest device, by an exchange if
 * need be, and is given up if there is none. Kernel families are planned one by one.
 */
public final class EplbPlanner implements Planner {
    private final int groups;

    private EplbPlanner(final int groups) {
        this.groups = groups;
    }

    /** Replicates and packs over the whole cluster: DeepSeek's choice for decode. */
    public static EplbPlanner global() {
        return new EplbPlanner(1);
    }

    /**
     * Keeps each group of experts on one node: DeepSeek's choice for prefill with group-limited gates.
     *
     * @param groups groups of consecutive experts in each layer; a multiple of the nodes
     */
    public static EplbPlanner hierarchical(final int groups) {
        if (groups < 2) {
            throw new IllegalArgumentException("hierarchical EPLB has at least 2 groups, not " + groups);
        }
        return new EplbPlanner(groups);
    }

    @Override
    public String name() {
        return groups == 1 ? "eplb" : "eplb-hierarchical";
    }

    @Override
    public Placement plan(final PlanRequest request) {
        final int[][] slots = LayerSlots.of(request);
        if (groups > 1) {
            requireHierarchy(request);
        }
        final Assignment assignment = Assignment.empty(request);
        for (final int layer : request.statistics().routedLayers()) {
            planByFamily(request, layer, slots[layer], assignment);
        }
        final Placement plan = assignment.toPlacement();
        request.check(plan);
        FixedOrder.requireMoves(request, plan, name());
        return plan;
    }

    private void requireHierarchy(final PlanRequest request) {
        final int nodes = request.topology().nodes();
        if (request.budget().minReplicas() > 1) {
            throw new PlanningException("hierarchical EPLB keeps an expert on one node, but " + request.budget().minReplicas()
                    + " distinct nodes are asked for");
        }
        for (final int layer : request.statistics().routedLayers()) {
            if (groups % nodes != 0 || request.statistics().experts(layer) % groups != 0) {
                throw new PlanningException("hierarchical EPLB needs experts that divide into groups, and groups into nodes, not "
                        + request.statistics().experts(layer) + " experts, " + groups + " groups, " + nodes + " nodes");
            }
        }
        if (families(request.topology()).length > 1) {
            throw new PlanningException("hierarchical EPLB needs devices of one kernel family");
        }
    }

    private void planByFamily(final PlanRequest request, final int layer, final int[] slots, final Assignment assignment) {
        final Topology topology = request.topology();
        final int f = request.budget().minReplicas();
        for (final String family : families(topology)) {
            final int[] devices = IntStream.range(0, slots.length)
                    .filter(i -> topology.device(i).kernelFamily().equals(family))
                    .toArray();
            final int[] experts = IntStream.range(0, request.statistics().experts(layer))
                    .filter(expert -> topology.runs(devices[0], layer, expert))
                    .toArray();
            final double[] load = IntStream.of(experts)
                    .mapToDouble(expert -> request.statistics().calls(layer, expert))
                    .toArray();
            final int[] capacity = IntStream.of(devices).map(device -> slots[device]).toArray();
            final int[] node = IntStream.of(devices).map(topology::node).toArray();
            final int[][] packed = groups > 1 ? byNode(load, capacity, node, groups) : byLoad(load, capacity, node, f);
            if (packed == null) {
                throw new PlanningException(name() + " cannot pack " + experts.length + " experts of L" + layer + " into "
                        + IntStream.of(capacity).sum() + " slots of " + devices.length + " devices, each on " + f
                        + " distinct node(s)");
            }
            for (int device = 0; device < devices.length; device++) {
                for (final int item : packed[device]) {
                    assignment.add(layer, experts[item], devices[device]);
                }
            }
        }
    }

    private static String[] families(final Topology topology) {
        return topology.devices().stream().map(Device::kernelFamily).distinct().toArray(String[]::new);
    }

    /**
     * Global EPLB of one layer.
     *
     * @param load     [expert]
     * @param capacity [device] slots
     * @param node     [device] its node
     * @param f        distinct nodes for each expert
     * @return [device][slot] experts, or null if f cannot be met
     */
    static int @Nullable [][] byLoad(final double[] load, final int[] capacity, final int[] node, final int f) {
        if (load.length == 0) {
            return new int[capacity.length][0];
        }
        final int devices = (int) IntStream.of(capacity).filter(slots -> slots > 0).count();
        final int[] replicas = replicate(load, IntStream.of(capacity).sum(), f, devices);
        return new Packing(load, replicas, capacity, node, f).pack();
    }

    /**
     * Hierarchical EPLB of one layer.
     *
     * @param load     [expert], consecutive experts forming groups of equal size
     * @param capacity [device] slots
     * @param node     [device] its node, 0 to nodes - 1
     * @param groups   a multiple of the nodes
     * @return [device][slot] experts, or null if a node has fewer slots than experts
     */
    static int @Nullable [][] byNode(final double[] load, final int[] capacity, final int[] node, final int groups) {
        final int nodes = IntStream.of(node).max().orElse(0) + 1;
        final int groupSize = load.length / groups;
        final double[] groupLoad = new double[groups];
        for (int expert = 0; expert < load.length; expert++) {
            groupLoad[expert / groupSize] += load[expert];
        }
        final int[] perNode = new int[nodes];
        Arrays.fill(perNode, groups / nodes);
        final int[][] groupsOfNode = Packing.distinct(groupLoad, perNode);
        final int[][] packed = new int[capacity.length][];
        for (int n = 0; n < nodes; n++) {
            final int here = n;
            final int[] devices = IntStream.range(0, node.length).filter(device -> node[device] == here).toArray();
            final int[] experts = IntStream.of(groupsOfNode[n])
                    .flatMap(group -> IntStream.range(group * groupSize, (group + 1) * groupSize))
                    .toArray();
            final int[] slots = IntStream.of(devices).map(device -> capacity[device]).toArray();
            if (IntStream.of(slots).sum() < experts.length) {
                return null;
            }
            final double[] localLoad = IntStream.of(experts).mapToDouble(expert -> load[expert]).toArray();
            final int[][] local = byLoad(localLoad, slots, new int[devices.length], 1);
            if (local == null) {
                return null;
            }
            for (int i = 0; i < devices.length; i++) {
                packed[devices[i]] = IntStream.of(local[i]).map(item -> experts[item]).toArray();
            }
        }
        return packed;
    }

    /**
     * EPLB's {@code replicate_experts}.
     *
     * @param load  [item]
     * @param slots replicas to give out, at least {@code least} for each item
     * @param least replicas that each item starts with
     * @param most  no item gets more, since a device holds it once
     * @return [item] replicas
     */
    static int[] replicate(final double[] load, final int slots, final int least, final int most) {
        final int[] replicas = new int[load.length];
        Arrays.fill(replicas, least);
        for (int given = load.length * least; given < slots; given++) {
            int best = -1;
            for (int item = 0; item < load.length; item++) {
                if (replicas[item] < most
                        && (best < 0 || load[item] / replicas[item] > load[best] / replicas[best])) {
                    best = item;
                }
            }
            if (best < 0) {
                break;
            }
            replicas[best]++;
        }
        return replicas;
    }
}
