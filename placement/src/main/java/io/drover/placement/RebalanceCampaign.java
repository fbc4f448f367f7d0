package io.drover.placement;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import io.drover.placement.RebalanceScale.Change;

/**
 * The way to a placement planned from nothing, which single improving steps would not find: asked for now and then, put to the proof, then
 * walked in small steps.
 *
 * <pre>
 * none     -> asked    a quarter of the horizon since the last one was asked for, twice as long after each one in a row that came to nothing,
 *                      or steps have become longer by a twentieth; but never two at once, nor sooner than planningShare allows: Replan
 * asked    -> none     Unplanned
 * asked    -> aimed    Planned; its devices are renamed so that it shares most replicas with the placement in force
 * aimed    -> proven   after evaluateAfter, it gains enterGain and more than the noise, and pays for all its moves, on routing since
 * aimed    -> none     it does not, or steps have become longer by a further twentieth: the load still shifted when it was planned
 * proven   -> none     reached; or what is left gains less than leaveGain or does not pay; or the cluster has changed
 * </pre>
 *
 * A plan always looks well on the routing that it was made for. That is why it must prove itself on later routing: otherwise noise alone
 * would keep a stationary cluster moving.
 */
final class RebalanceCampaign {
    private static final int ASKED_PER_HORIZON = 4;
    private static final double LONGER = 1.05;
    /** Quarters of the horizon between plans are doubled at most so often. */
    private static final int MOST_DOUBLINGS = 4;

    private final RebalanceSettings settings;
    private @Nullable Placement aim;
    private boolean proven;
    private boolean asked;
    /** Whether a plan is in the making, wanted or not. */
    private boolean making;
    private long restUntilNs = Long.MIN_VALUE;
    /** Whether the plan asked for last is for a load that had shifted. */
    private boolean forShift;
    private long askedNs;
    private double shortest = Double.POSITIVE_INFINITY;
    private long aimedNs;
    private boolean everAsked;
    private int inVain;

    RebalanceCampaign(final RebalanceSettings settings) {
        this.settings = settings;
    }

    /** Whether a plan has been asked for and has not come. */
    boolean isAwaited() {
        return asked;
    }

    /**
     * Whether a plan for a load that has shifted is on its way or is being proven. Single steps wait for it: they would close places that the
     * plan may want, as no expert returns to where it was for a horizon.
     */
    boolean isFollowingShift() {
        return forShift && (asked || aim != null && !proven);
    }

    /** The cluster is no longer what the plan was made for. */
    void abandon() {
        aim = null;
        proven = false;
        asked = false;
    }

    /** The plan in the making has come, or there will be none. */
    void made(final long nowNs) {
        if (making) {
            making = false;
            restUntilNs = nowNs + settings.restNs(nowNs - askedNs);
        }
    }

    /**
     * Whether a plan from nothing should be asked for now; notes that it is.
     *
     * @param stepSeconds predicted of the placement in force
     * @param luck        share by which it differs from window to window without meaning
     */
    boolean ask(final double stepSeconds, final double luck, final long nowNs) {
        shortest = Math.min(shortest, stepSeconds);
        final boolean shifted = isLonger(stepSeconds, luck) && nowNs - askedNs >= settings.evaluateAfterNs();
        final boolean due = nowNs - askedNs >= settings.horizonNs() / ASKED_PER_HORIZON << inVain;
        if (making || nowNs < restUntilNs || aim != null || everAsked && !shifted && !due) {
            return false;
        }
        asked = true;
        making = true;
        forShift = everAsked && shifted;
        everAsked = true;
        inVain = shifted ? 0 : inVain;
        askedNs = nowNs;
        shortest = stepSeconds;
        return true;
    }

    private boolean isLonger(final double stepSeconds, final double luck) {
        return stepSeconds > Math.max(LONGER, 1 + luck) * shortest;
    }

    /** A plan has come. */
    void aimAt(final Placement plan, final RebalanceScale scale, final long nowNs) {
        if (asked) {
            asked = false;
            aim = renamed(plan, scale);
            aimedNs = nowNs;
        }
    }

    /**
     * @param luck share of the step time that a gain must exceed so as not to be luck
     * @return the next changes on the way, with the best layers first and at most a step's loads unless a layer alone has more; empty if there
     *         is no campaign
     */
    List<Change> next(final RebalanceScale scale, final double luck, final long nowNs) {
        final Placement target = aim;
        if (target == null || !proven && nowNs - aimedNs < settings.evaluateAfterNs()) {
            return List.of();
        }
        if (!proven && isLonger(scale.beforeSeconds(), luck)) {
            // The load still shifted when the plan was made for it; ask() asks for another.
            abandon();
            return List.of();
        }
        final List<Change> left = scale.changesTo(target);
        final double gain = left.isEmpty() ? 0 : scale.gainSeconds(left);
        final double least = proven ? settings.leaveGain() : Math.max(settings.enterGain(), luck);
        if (gain < least * scale.beforeSeconds() || !scale.pays(gain, left)) {
            inVain = proven ? 0 : Math.min(MOST_DOUBLINGS, inVain + 1);
            abandon();
            return List.of();
        }
        proven = true;
        return RebalanceScale.loads(left) <= settings.stepMoves() ? left : scale.bestRun(left);
    }

    /** Exchanges the names of devices that are alike so that the plan keeps as many replicas as possible where they are, greedily. */
    private static Placement renamed(final Placement plan, final RebalanceScale scale) {
        final Topology topology = scale.topology();
        if (topology.hosts() < topology.size()) {
            // Exchanged between hosts, devices would lose the neighbours that the plan chose for them.
            return plan;
        }
        final int size = topology.size();
        final int[][] shared = new int[size][size];
        for (int layer = 0; layer < plan.layers(); layer++) {
            for (int expert = 0; expert < plan.experts(layer); expert++) {
                for (int i = 0; i < plan.replicas(layer, expert); i++) {
                    for (int j = 0; j < scale.current().replicas(layer, expert); j++) {
                        shared[topology.index(plan.device(layer, expert, i))][topology
                                .index(scale.current().device(layer, expert, j))]++;
                    }
                }
            }
        }
        return withNames(plan, topology, names(topology, shared));
    }

    private static int[] names(final Topology topology, final int[][] shared) {
        record Pair(int planned, int present, int shared) {}
        final List<Pair> pairs = new ArrayList<>();
        for (int a = 0; a < shared.length; a++) {
            for (int b = 0; b < shared.length; b++) {
                if (alike(topology.device(a), topology.device(b))) {
                    pairs.add(new Pair(a, b, shared[a][b]));
                }
            }
        }
        pairs.sort(Comparator.comparingInt((Pair pair) -> -pair.shared)
                .thenComparingInt(pair -> pair.planned == pair.present ? 0 : 1));
        final int[] name = new int[shared.length];
        Arrays.fill(name, -1);
        final boolean[] taken = new boolean[shared.length];
        for (final Pair pair : pairs) {
            if (name[pair.planned] < 0 && !taken[pair.present]) {
                name[pair.planned] = pair.present;
                taken[pair.present] = true;
            }
        }
        return name;
    }

    private static boolean alike(final Device a, final Device b) {
        return a.slots() == b.slots() && a.memoryBytes() == b.memoryBytes() && a.kernelFamily().equals(b.kernelFamily())
                && a.rate().equals(b.rate());
    }

    private static Placement withNames(final Placement plan, final Topology topology, final int[] names) {
        final Map<Integer, Integer> ordinals = new HashMap<>();
        for (int i = 0; i < names.length; i++) {
            ordinals.put(topology.ordinal(i), topology.ordinal(names[i]));
        }
        final int[][][] table = plan.toArray();
        for (final int[][] layer : table) {
            for (final int[] devices : layer) {
                for (int i = 0; i < devices.length; i++) {
                    devices[i] = ordinals.get(devices[i]);
                }
            }
        }
        return Placement.of(Epoch.NONE, table);
    }
}
