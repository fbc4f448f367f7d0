package io.drover.placement;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

import org.jspecify.annotations.Nullable;

/**
 * EPLB's {@code balanced_packing}, for packs (devices) of different capacity: items in descending weight, each to the lightest pack
 * that has room (longest processing time first, with a bound on the count). Beyond the published code, an expert's replicas go to
 * distinct packs, and the first f of them to distinct nodes, by an exchange of two replicas where there is no other way.
 */
final class Packing {
    /** A replica on its way into a pack. */
    private record Item(int expert, double weight) {}

    private final double[] load;
    private final int[] replicas;
    private final int[] capacity;
    private final int[] node;
    private final int minNodes;
    private final List<List<Item>> packs = new ArrayList<>();
    private final double[] weight;

    /**
     * @param load     [expert]
     * @param replicas [expert] that share the load evenly
     * @param capacity [pack] most items
     * @param node     [pack] its node
     * @param minNodes f
     */
    Packing(final double[] load, final int[] replicas, final int[] capacity, final int[] node, final int minNodes) {
        this.load = load;
        this.replicas = replicas;
        this.capacity = capacity;
        this.node = node;
        this.minNodes = minNodes;
        weight = new double[capacity.length];
        for (int pack = 0; pack < capacity.length; pack++) {
            packs.add(new ArrayList<>());
        }
    }

    /** @return [pack][slot] experts in the order they were packed; null if some expert does not get onto f nodes */
    int @Nullable [][] pack() {
        for (final Item item : descending()) {
            final int pack = lightest(item);
            if (pack >= 0) {
                put(item, pack);
            } else if (!exchange(item) && nodes(item.expert(), -1) < minNodes) {
                return null;
            }
        }
        return packs.stream().map(pack -> pack.stream().mapToInt(Item::expert).toArray()).toArray(int[][]::new);
    }

    private List<Item> descending() {
        final List<Item> items = new ArrayList<>();
        final int most = IntStream.of(replicas).max().orElse(0);
        for (int replica = 0; replica < most; replica++) {
            for (int expert = 0; expert < load.length; expert++) {
                if (replica < replicas[expert]) {
                    items.add(new Item(expert, load[expert] / replicas[expert]));
                }
            }
        }
        items.sort(Comparator.comparingDouble(Item::weight).reversed());
        return items;
    }

    private int lightest(final Item item) {
        int best = -1;
        for (int pack = 0; pack < capacity.length; pack++) {
            if (packs.get(pack).size() < capacity[pack] && (best < 0 || weight[pack] < weight[best]) && fits(item, pack, -1)) {
                best = pack;
            }
        }
        return best;
    }

    private void put(final Item item, final int pack) {
        packs.get(pack).add(item);
        weight[pack] += item.weight();
    }

    /** Whether an expert may go to a pack once its replica in another pack is gone. */
    private boolean fits(final Item item, final int pack, final int leaving) {
        // A single node is any node.
        return !holds(pack, item.expert())
                && (minNodes == 1 || nodes(item.expert(), leaving) >= minNodes || !onNode(item.expert(), node[pack], leaving));
    }

    private boolean holds(final int pack, final int expert) {
        for (final Item item : packs.get(pack)) {
            if (item.expert() == expert) {
                return true;
            }
        }
        return false;
    }

    private boolean onNode(final int expert, final int wanted, final int except) {
        for (int pack = 0; pack < node.length; pack++) {
            if (pack != except && node[pack] == wanted && holds(pack, expert)) {
                return true;
            }
        }
        return false;
    }

    private int nodes(final int expert, final int except) {
        int nodes = 0;
        for (int pack = 0; minNodes > 1 && pack < node.length; pack++) {
            if (pack != except && holds(pack, expert) && !earlierOnNode(expert, pack, except)) {
                nodes++;
            }
        }
        return minNodes > 1 ? nodes : anywhere(expert, except) ? 1 : 0;
    }

    private boolean earlierOnNode(final int expert, final int end, final int except) {
        for (int pack = 0; pack < end; pack++) {
            if (pack != except && node[pack] == node[end] && holds(pack, expert)) {
                return true;
            }
        }
        return false;
    }

    private boolean anywhere(final int expert, final int except) {
        for (int pack = 0; pack < node.length; pack++) {
            if (pack != except && holds(pack, expert)) {
                return true;
            }
        }
        return false;
    }

    /** Puts the item into a full pack, one of whose items goes to a pack with room; of all such, where the heavier pack stays lightest. */
    private boolean exchange(final Item item) {
        int bestFull = -1;
        int bestRoom = -1;
        int bestSlot = -1;
        double best = Double.POSITIVE_INFINITY;
        for (int full = 0; full < capacity.length; full++) {
            for (int slot = 0; slot < packs.get(full).size() && fits(item, full, -1); slot++) {
                final Item out = packs.get(full).get(slot);
                for (int room = 0; room < capacity.length; room++) {
                    final double heavier = Math.max(weight[full] + item.weight() - out.weight(), weight[room] + out.weight());
                    if (room != full && packs.get(room).size() < capacity[room] && heavier < best && fits(out, room, full)) {
                        best = heavier;
                        bestFull = full;
                        bestRoom = room;
                        bestSlot = slot;
                    }
                }
            }
        }
        if (bestFull < 0) {
            return false;
        }
        final Item out = packs.get(bestFull).remove(bestSlot);
        weight[bestFull] -= out.weight();
        put(item, bestFull);
        put(out, bestRoom);
        return true;
    }

    /**
     * The published algorithm for items that are all different.
     *
     * @param capacity [pack]
     * @return [pack] its items in the order they were packed
     */
    static int[][] distinct(final double[] load, final int[] capacity) {
        if (load.length == capacity.length && IntStream.of(capacity).allMatch(count -> count == 1)) {
            return IntStream.range(0, load.length).mapToObj(item -> new int[]{item}).toArray(int[][]::new);
        }
        final int[] one = IntStream.range(0, load.length).map(item -> 1).toArray();
        final int[] ownNode = IntStream.range(0, capacity.length).toArray();
        final int[][] packs = new Packing(load, one, capacity, ownNode, 1).pack();
        if (packs == null) {
            throw new PlanningException(load.length + " items do not fit into " + IntStream.of(capacity).sum() + " places");
        }
        return packs;
    }
}
