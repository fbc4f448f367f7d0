package io.drover.placement;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

import org.jspecify.annotations.Nullable;

/** FlexMoE's algorithms 1 (scheduler) and 2 (policy maker) over all layers, the largest gain first. */
final class FlexMoeScheduler {
    /** A gain below this fraction may be rounding. */
    private static final double STRICTLY = 1 - 1e-9;

    /** Adds a replica to a device, or removes it. */
    private record Change(boolean add, int expert, int device) {}

    /** Changes of one layer that belong together, removals first; what they save, and the loads they need. */
    private record Step(List<Change> changes, double gainSeconds, int moves) {}

    private final PlanRequest request;
    private final Placement current;
    private final Assignment assignment;
    private final double threshold;
    private final int[] routed;
    private final LayerLoad[] loads;
    private final @Nullable Step[] steps;
    private long movesLeft;

    FlexMoeScheduler(final PlanRequest request, final Assignment assignment, final double threshold, final long maxMoves) {
        this.request = request;
        this.current = Objects.requireNonNull(request.current());
        this.assignment = assignment;
        this.threshold = threshold;
        routed = request.statistics().routedLayers();
        loads = new LayerLoad[routed.length];
        steps = new Step[routed.length];
        movesLeft = Math.max(0, maxMoves - CostModel.moves(current, assignment.toPlacement()));
        for (int i = 0; i < routed.length; i++) {
            loads[i] = new LayerLoad(request, assignment, routed[i]);
        }
    }

    /** Applies steps until none pays, or effort times layers have been made. */
    void run() {
        for (int i = 0; i < routed.length; i++) {
            steps[i] = policy(i);
        }
        for (long made = 0; made < (long) request.effort() * routed.length; made++) {
            final int best = largestGain();
            final Step step = best < 0 ? null : steps[best];
            if (step == null) {
                return;
            }
            step.changes().forEach(change -> apply(best, change));
            movesLeft -= step.moves();
            for (int i = 0; i < routed.length; i++) {
                final Step next = steps[i];
                if (i == best || next != null && !possible(next)) {
                    steps[i] = policy(i);
                }
            }
        }
    }

    private int largestGain() {
        int best = -1;
        double gain = 0;
        for (int i = 0; i < routed.length; i++) {
            final Step step = steps[i];
            if (step != null && step.gainSeconds() > gain) {
                best = i;
                gain = step.gainSeconds();
            }
        }
        return best;
    }

    private @Nullable Step policy(final int i) {
        loads[i].rebuild();
        if (loads[i].imbalance() <= threshold) {
            return null;
        }
        final Step expand = best(i, expansions(i));
        return expand != null ? expand : best(i, migrations(i));
    }

    private @Nullable Step best(final int i, final List<List<Change>> candidates) {
        final double before = loads[i].seconds();
        Step best = null;
        for (final List<Change> changes : candidates) {
            final int moves = moves(routed[i], changes);
            if (moves > movesLeft) {
                continue;
            }
            final double after = secondsAfter(i, changes);
            if (after < before * STRICTLY && (best == null || before - after > best.gainSeconds())) {
                best = new Step(changes, before - after, moves);
            }
        }
        return best;
    }

    /** The hottest expert to every device with a free slot, or in place of the coldest spare replica. */
    private List<List<Change>> expansions(final int i) {
        final int layer = routed[i];
        final int hot = hottest(i);
        final int cold = coldestSpare(i);
        final List<List<Change>> candidates = new ArrayList<>();
        for (int device = 0; hot >= 0 && device < request.topology().size(); device++) {
            if (assignment.canAdd(layer, hot, device)) {
                candidates.add(List.of(new Change(true, hot, device)));
            } else if (cold >= 0
                    && cold != hot
                    && assignment.has(layer, cold, device)
                    && assignment.spare(layer, cold, device)
                    && canHold(layer, hot, device)) {
                candidates.add(List.of(new Change(false, cold, device), new Change(true, hot, device)));
            }
        }
        return candidates;
    }

    private int hottest(final int i) {
        int hot = -1;
        for (int expert = 0; expert < request.statistics().experts(routed[i]); expert++) {
            if (hot < 0 || loads[i].cap(expert) > loads[i].cap(hot)) {
                hot = expert;
            }
        }
        return hot;
    }

    private int coldestSpare(final int i) {
        int cold = -1;
        for (int expert = 0; expert < request.statistics().experts(routed[i]); expert++) {
            final int[] devices = assignment.devices(routed[i], expert);
            if (devices.length > 1 && (cold < 0 || loads[i].cap(expert) < loads[i].cap(cold))) {
                for (final int device : devices) {
                    if (assignment.spare(routed[i], expert, device)) {
                        cold = expert;
                    }
                }
            }
        }
        return cold;
    }

    /** A replica from the slowest device into a free slot, or in exchange for another's. */
    private List<List<Change>> migrations(final int i) {
        final int layer = routed[i];
        final int slowest = loads[i].slowest();
        final List<List<Integer>> held = held(layer);
        final List<List<Change>> candidates = new ArrayList<>();
        for (final int out : held.get(slowest)) {
            for (int device = 0; device < held.size(); device++) {
                if (assignment.canAdd(layer, out, device)) {
                    candidates.add(List.of(new Change(false, out, slowest), new Change(true, out, device)));
                }
                for (final int in : canHold(layer, out, device) ? held.get(device) : List.<Integer>of()) {
                    if (canHold(layer, in, slowest)) {
                        candidates.add(List.of(new Change(false, out, slowest), new Change(false, in, device),
                                new Change(true, out, device), new Change(true, in, slowest)));
                    }
                }
            }
        }
        return candidates;
    }

    private List<List<Integer>> held(final int layer) {
        final List<List<Integer>> held = new ArrayList<>();
        for (int device = 0; device < request.topology().size(); device++) {
            held.add(new ArrayList<>());
        }
        for (int expert = 0; expert < request.statistics().experts(layer); expert++) {
            for (final int device : assignment.devices(layer, expert)) {
                held.get(device).add(expert);
            }
        }
        return held;
    }

    /** Fit, apart from slots. */
    private boolean canHold(final int layer, final int expert, final int device) {
        return request.topology().runs(device, layer, expert) && !assignment.has(layer, expert, device);
    }

    private double secondsAfter(final int i, final List<Change> changes) {
        changes.forEach(change -> apply(i, change));
        double seconds = loads[i].seconds();
        for (final Change change : changes) {
            if (assignment.nodes(routed[i], change.expert()) < request.budget().minReplicas()) {
                seconds = Double.POSITIVE_INFINITY;
            }
        }
        for (int c = changes.size() - 1; c >= 0; c--) {
            final Change change = changes.get(c);
            apply(i, new Change(!change.add(), change.expert(), change.device()));
        }
        return seconds;
    }

    private void apply(final int i, final Change change) {
        if (change.add()) {
            loads[i].add(change.expert(), change.device());
        } else {
            loads[i].remove(change.expert(), change.device());
        }
    }

    /** Loads that the changes add to what the current placement needs; below 0 when they take back an earlier one. */
    private int moves(final int layer, final List<Change> changes) {
        int moves = 0;
        for (final Change change : changes) {
            if (!current.hosts(request.topology().ordinal(change.device()), layer, change.expert())) {
                moves += change.add() ? 1 : -1;
            }
        }
        return moves;
    }

    private boolean possible(final Step step) {
        boolean possible = step.moves() <= movesLeft;
        for (final Change change : step.changes()) {
            possible &= !change.add()
                    || assignment.free(change.device()) > 0
                    || step.changes().stream().anyMatch(other -> !other.add() && other.device() == change.device());
        }
        return possible;
    }
}
