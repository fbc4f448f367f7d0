package io.drover.placement;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Set;

import org.jspecify.annotations.Nullable;

import io.drover.placement.RebalanceMove.Why;
import io.drover.placement.RebalanceScale.Change;

/**
 * What is done because it gains. On each window, unless something urgent or an earlier step is under way:
 *
 * <pre>
 * resting  -> moving   the plan's predicted gain is at least enterGain and above the noise ({@link RebalanceNoise}), or the operator asked
 * moving   -> resting  it is below leaveGain
 * moving   -> moving   one step: the layers with the largest gain, up to stepMoves loads, if the gain over the horizon exceeds
 *                      safety x the time that the busiest link needs for the loads
 * step     -> judged   evaluateAfter its end: gain on the routing since; worse than without it: undone, if that pays in its turn
 * </pre>
 *
 * A step comes from a {@link RebalanceCampaign} if one is under way, whose steps are judged but not undone one by one, else from the
 * planner's improvement of the placement in force. Changes that would bring an expert back to a device that it left within the horizon
 * are struck out before anything is weighed.
 */
final class RebalanceGains {
    private static final double MAX_CAUTION = 16;

    private final Rebalance.Model model;
    private final RebalanceSettings settings;
    private final Planner planner;
    private final RebalancePredictor predictor;
    private final RebalanceInventory inventory;
    private final RebalanceWork work;
    private final RebalanceLedger ledger;
    private final long seed;
    private final RebalanceCampaign campaign;
    private final RebalanceNoise noise = new RebalanceNoise();
    private final Deque<RebalanceStep> unjudged = new ArrayDeque<>();
    private @Nullable RebalanceStep step;
    private long lastStep;
    private boolean moving;
    private double caution = 1;
    private RebalanceEvent.@Nullable Window window;

    RebalanceGains(
            final Rebalance.Model model,
            final RebalanceSettings settings,
            final Planner planner,
            final RebalancePredictor predictor,
            final RebalanceInventory inventory,
            final RebalanceWork work,
            final RebalanceLedger ledger,
            final long seed) {
        this.model = model;
        this.settings = settings;
        this.planner = planner;
        this.predictor = predictor;
        this.inventory = inventory;
        this.work = work;
        this.ledger = ledger;
        this.seed = seed;
        campaign = new RebalanceCampaign(settings);
    }

    double caution() {
        return caution;
    }

    void resume(final double savedCaution, final long savedStep) {
        caution = Math.clamp(savedCaution, 1, MAX_CAUTION);
        lastStep = savedStep;
    }

    boolean isIdle() {
        return step == null;
    }

    /** Changes of a step that may yet begin. */
    int pending(final long id) {
        final RebalanceStep now = step;
        return now == null || now.id != id ? 0 : now.pending();
    }

    void observe(final RebalanceEvent.Window newest) {
        window = newest;
    }

    /** The cluster is no longer the one that was planned for. */
    void abandonCampaign() {
        campaign.abandon();
    }

    /** A plan from nothing has come. */
    void planned(final Placement plan, final long nowNs) {
        campaign.made(nowNs);
        final RebalanceScale scale = campaign.isAwaited() ? scale(nowNs) : null;
        if (scale == null) {
            return;
        }
        try {
            request(scale, null, Long.MAX_VALUE).check(plan);
            campaign.aimAt(plan, scale, nowNs);
            work.keepAlerts(RebalanceCommand.Kind.PLAN_REFUSED, Set.of());
        } catch (final PlanningException e) {
            work.alert(RebalanceCommand.Kind.PLAN_REFUSED, String.valueOf(e.getMessage()),
                    planner.name() + ": " + e.getMessage());
        }
    }

    /** There will be no plan from nothing. */
    void unplanned(final String reason, final long nowNs) {
        campaign.made(nowNs);
        campaign.abandon();
        work.alert(RebalanceCommand.Kind.PLAN_REFUSED, reason, planner.name() + ", from nothing: " + reason);
    }

    private @Nullable RebalanceScale scale(final long nowNs) {
        final RebalanceEvent.Window now = window;
        if (now == null || inventory.anyLost() || inventory.devices().isEmpty()) {
            return null;
        }
        final RebalanceScale scale = new RebalanceScale(model, settings, predictor, inventory, work, ledger, now, caution, nowNs);
        return scale.works() ? scale : null;
    }

    private PlanRequest request(final RebalanceScale scale, final @Nullable Placement current, final long moveBytes) {
        return new PlanRequest(scale.statistics(), scale.topology(), current, new Budget(settings.minReplicas(), moveBytes),
                model.cost(), seed, settings.effort());
    }

    /** Judges what is old enough, then decides on one step. @param forced without regard to the thresholds of gain */
    Rebalance.Decision decide(final boolean forced, final long nowNs) {
        if (step != null) {
            return Rebalance.Decision.notNow("step " + step.id + " is under way");
        }
        if (work.moves().anyLoading()) {
            return Rebalance.Decision.notNow("experts are being loaded");
        }
        ledger.forgetPlaces(nowNs - settings.horizonNs());
        final RebalanceScale scale = scale(nowNs);
        if (scale == null) {
            return Rebalance.Decision.notNow("there are no routing statistics to plan with yet");
        }
        noise.observe(scale.current(), scale.beforeSeconds());
        if (judge(scale, nowNs)) {
            return Rebalance.Decision.begun(lastStep);
        }
        final List<Change> onTheWay = campaign.next(scale, noise.leastGain(), nowNs);
        if (!onTheWay.isEmpty()) {
            begin(Why.GAIN, false, scale.gainSeconds(onTheWay) / scale.beforeSeconds(), onTheWay, nowNs);
            return Rebalance.Decision.begun(lastStep);
        }
        if (campaign.ask(scale.beforeSeconds(), noise.leastGain(), nowNs)) {
            work.emit(new RebalanceCommand.Replan(request(scale, null, Long.MAX_VALUE)));
        }
        final Placement target = campaign.isFollowingShift() && !forced ? null : plan(scale);
        return target == null
                ? Rebalance.Decision.notNow("the planner found no plan; the alerts say why")
                : weigh(scale, target, forced, nowNs);
    }

    private @Nullable Placement plan(final RebalanceScale scale) {
        try {
            return checked(request(scale, scale.current(), settings.stepMoves() * model.cost().expertBytes()));
        } catch (final PlanningException tooMuch) {
            try {
                // A planner that plans from nothing cannot keep to a few moves; the step takes the best part of its plan.
                return checked(request(scale, scale.current(), Long.MAX_VALUE));
            } catch (final PlanningException e) {
                work.alert(RebalanceCommand.Kind.PLAN_REFUSED, String.valueOf(e.getMessage()),
                        planner.name() + ": " + e.getMessage());
                return null;
            }
        }
    }

    private Placement checked(final PlanRequest request) {
        final Placement target = planner.plan(request);
        request.check(target);
        return target;
    }

    private Rebalance.Decision weigh(final RebalanceScale scale, final Placement target, final boolean forced,
            final long nowNs) {
        final List<Change> all = scale.changesTo(target);
        final double gain = all.isEmpty() ? 0 : scale.gainSeconds(all);
        final double least = moving ? settings.leaveGain() : Math.max(settings.enterGain(), noise.leastGain());
        moving = gain > 0 && (forced || gain >= least * scale.beforeSeconds());
        if (!moving) {
            return Rebalance.Decision.nothing("no move would gain enough");
        }
        List<Change> chosen = all;
        double chosenGain = gain;
        if (RebalanceScale.loads(all) > settings.stepMoves() || !scale.pays(gain, all)) {
            chosen = scale.bestLayers(all);
            chosenGain = chosen.isEmpty() ? 0 : scale.gainSeconds(chosen);
        }
        if (!chosen.isEmpty() && scale.pays(chosenGain, chosen)) {
            begin(Why.GAIN, true, chosenGain / scale.beforeSeconds(), chosen, nowNs);
            return Rebalance.Decision.begun(lastStep);
        }
        return Rebalance.Decision.nothing("no moves would gain more than they cost");
    }

    private void begin(
            final Why why, final boolean alone, final double gain, final List<Change> changes, final long nowNs) {
        final List<Change> ordered = new ArrayList<>(changes);
        ordered.sort(Comparator.comparingInt(change -> change.to() < 0 ? 0 : 1));
        step = new RebalanceStep(++lastStep, why, alone, gain, ordered, nowNs);
        pump(nowNs);
    }

    /** Starts those changes of the step that there is room for. */
    void pump(final long nowNs) {
        final RebalanceStep now = step;
        if (now == null) {
            return;
        }
        for (int i = now.next(-1, inventory); i >= 0; i = now.next(i, inventory)) {
            tryChange(now, i, nowNs);
        }
        // Loads that are done may wait long for a node that does not confirm; that must not hold up the next step.
        final boolean late = nowNs - now.decidedNs >= settings.loadNs();
        if (late ? work.moves().anyLoadingForGain() : work.moves().anyForGain()) {
            return;
        }
        if (!now.isPending() || late || work.moves().isEmpty()) {
            step = null;
            if (!now.started.isEmpty() && now.why == Why.GAIN) {
                now.doneNs = nowNs;
                unjudged.add(now);
            }
        }
    }

    private void tryChange(final RebalanceStep now, final int index, final long nowNs) {
        final Change change = now.change(index);
        if (change.to() >= 0 && work.moves().loads(change.to()) >= settings.loadsPerDevice()) {
            return;
        }
        final boolean stale = change.from() >= 0 && !inventory.isLive(change.key(), change.from())
                || change.to() >= 0 && inventory.shelf(change.to()) == null
                || change.to() < 0 && !work.canDrop(change.key(), change.from());
        if (stale) {
            now.drop(index);
        } else if (change.to() < 0 || work.canLoad(change.key(), change.to())) {
            now.start(index);
            work.start(now.why, change.key(), change.from(), change.to(), now.id, now.gain, nowNs);
        }
    }

    /** The operator gives a step up. */
    void cancel(final long id) {
        if (step != null && step.id == id) {
            step.dropPending();
        }
    }

    /** Something urgent has come up: what has not begun is dropped. */
    void yieldTo(final long nowNs) {
        if (step != null) {
            step.dropPending();
            pump(nowNs);
        }
    }

    /** @return whether a step is being undone */
    private boolean judge(final RebalanceScale scale, final long nowNs) {
        while (!unjudged.isEmpty() && nowNs - unjudged.peek().doneNs >= settings.evaluateAfterNs()) {
            final RebalanceStep done = unjudged.poll();
            final List<Change> undo = new ArrayList<>();
            done.started.forEach(change -> undo.add(change.reversed()));
            undo.removeIf(change -> !scale.applies(change));
            if (undo.isEmpty()) {
                continue;
            }
            final double undone = scale.gainSeconds(undo);
            final double realised = -undone / (scale.beforeSeconds() - undone);
            ledger.realise(done.id, realised);
            if (!done.alone) {
                continue;
            }
            caution = realised < done.gain / 2 ? Math.min(MAX_CAUTION, caution * 1.3) : Math.max(1, caution * 0.85);
            if (scale.pays(undone, undo)) {
                work.emit(new RebalanceCommand.Alert(RebalanceCommand.Kind.DID_NOT_PAY,
                        String.format(Locale.ROOT, "step %d was to save %.1f %% and costs %.1f %%; its %d moves are undone",
                                done.id,
                                100 * done.gain, -100 * realised, undo.size())));
                begin(Why.UNDO, true, -realised, undo, nowNs);
                return true;
            }
        }
        return false;
    }
}
