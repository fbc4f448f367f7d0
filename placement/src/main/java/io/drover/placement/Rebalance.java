package io.drover.placement;

import java.util.List;
import java.util.Set;

import org.jspecify.annotations.Nullable;

import io.drover.placement.RebalanceEvent.NodeReport;
import io.drover.placement.RebalanceEvent.Replica;

/**
 * Decides when experts move: a state machine that is told what happens and answers with what is to be done. It acts on nothing itself,
 * reads no clock and draws nothing at random, so that a simulation can run it a million times; a thin shell connects it to a cluster.
 *
 * <p>Goals, in order: every expert has a live replica; no table that a node routes by names a replica that is gone (make before break);
 * no device holds more than its slots, both copies of a moving replica counted; f replicas on distinct nodes; nodes that want to leave are
 * emptied; the predicted step time falls by more than the moves cost; nothing moves without need.
 *
 * <p>What triggers what (a move's own phases are drawn in {@code RebalanceWork}, the gains' in {@code RebalanceGains}):
 *
 * <pre>
 * Joined           adopt what the node has loaded if it fits, clear the rest; send it the newest table; maybe restore lost experts on it
 * Left             its replicas move elsewhere (Migrate, or Shrink where enough others stay); when it is empty: Released
 * Stays            it is not emptied any more; loads elsewhere that were to empty it are given up
 * MoveCancelled    give up its load, if that has not ended (Rollback)
 * Paced            plans weigh the device by its new rate; a distant aim that was planned for the old one is given up
 * StepCancelled    begin no more of its moves, give up those of its loads that have not ended (Rollback)
 * Lost             its replicas vanish from the table at once (Publish); lost experts are loaded elsewhere (Expand), before all else
 * Window           judge old steps (undo what did not pay), then perhaps one step of moves for gain; now and then Replan
 * Acknowledged     stop repeating the order
 * LoadDone         Publish a table that names the replica, and not the one that it replaces, when the next is due
 * LoadFailed       the device is spared this expert for a while; restored elsewhere if need be
 * DropDone         the slot is free: what waited for room begins
 * EpochApplied     once all nodes have left the epochs that name a replica: Shrink
 * Tick             repeat unanswered orders and epochs, give up late loads (Rollback), raise the watchdog's alert
 * MoveRequested    that move, or Alert REFUSED with the reason
 * PlanRequested    begin without waiting for more nodes; a step for gain, whatever the hysteresis says
 * Planned          a distant aim, which moves in small steps may lead to if it proves itself
 * Unplanned        Alert: the planner found none; another is asked for when it is due
 * Switched         moves for gain allowed or not
 * Resumed          take over from an earlier coordinator: adopt what all nodes have loaded, clear what was half done, Publish under the term
 * </pre>
 *
 * <p>Time is that of a clock which coordinators share well enough for horizons of minutes, such as the wall's. Not thread-safe.
 */
public final class Rebalance {
    /**
     * The model and network that experts are placed for.
     *
     * @param experts  [layer] routed experts, 0 for a dense layer
     * @param pins     [layer][expert] kernel family, null where devices do not differ in it
     * @param cost     of a placement; gives the bytes of an expert
     * @param sameHost link between devices of one host
     * @param network  link between hosts
     */
    public record Model(int[] experts, String @Nullable [][] pins, CostModel cost, Link sameHost, Link network) {
        Topology topology(final List<Device> devices) {
            final Topology topology = Topology.of(devices, sameHost, network);
            return pins == null ? topology : topology.withPins(pins);
        }

        int slots(final Device device) {
            return (int) Math.min(device.slots(), device.memoryBytes() / cost.expertBytes());
        }
    }

    /**
     * What a coordinator leaves to the next one; saved whenever the shell likes, at best after each publication.
     *
     * @param term    of the coordinator
     * @param on      whether moves for gain are allowed
     * @param leaving nodes that want to leave
     * @param ledger  oldest first
     * @param caution factor on the cost of moves that past predictions have earned, 1 to 16
     */
    public record Saved(long term, boolean on, Set<String> leaving, List<RebalanceLedger.Entry> ledger, double caution) {
        public static final Saved NOTHING = new Saved(0, true, Set.of(), List.of(), 1);
    }

    /**
     * What came of a wish for a plan.
     *
     * @param step    that it began; 0 if none
     * @param weighed whether a plan was made and weighed
     * @param reason  why no step began; empty if one did
     */
    public record Decision(long step, boolean weighed, String reason) {
        static Decision begun(final long step) {
            return new Decision(step, true, "");
        }

        static Decision nothing(final String reason) {
            return new Decision(0, true, reason);
        }

        static Decision notNow(final String reason) {
            return new Decision(0, false, reason);
        }
    }

    private final Model model;
    private final RebalanceSettings settings;
    private final RebalanceInventory inventory;
    private final RebalanceEpochs epochs;
    private final RebalanceLedger ledger;
    private final RebalanceWork work;
    private final RebalanceNeeds needs;
    private final RebalanceGains gains;
    private long term;
    private boolean on = true;
    private boolean begun;
    private Decision decision = Decision.notNow("no plan was asked for");
    private @Nullable Placement published;
    private long publishedNs;

    /**
     * @param term of this coordinator, at least 1; {@code Resumed} replaces it
     * @param seed of the planner
     */
    public Rebalance(
            final Model model,
            final RebalanceSettings settings,
            final Planner planner,
            final RebalancePredictor predictor,
            final long term,
            final long seed) {
        this.model = model;
        this.settings = settings;
        this.term = term;
        inventory = new RebalanceInventory(model.experts(), model.pins(), settings.minReplicas());
        epochs = new RebalanceEpochs(term);
        ledger = new RebalanceLedger(settings.ledgerEntries());
        work = new RebalanceWork(settings, model.cost().expertBytes(), inventory, epochs, ledger, term);
        needs = new RebalanceNeeds(settings, inventory, work);
        gains = new RebalanceGains(model, settings, planner, predictor, inventory, work, ledger, seed);
    }

    /**
     * @param nowNs never before that of an earlier event
     * @return what is to be done, in this order; often nothing
     */
    public List<RebalanceCommand> on(final RebalanceEvent event, final long nowNs) {
        switch (event) {
            case RebalanceEvent.Window window -> {
                needs.observe(window.statistics());
                gains.observe(window);
            }
            case RebalanceEvent.Joined joined -> join(joined.node(), nowNs);
            case RebalanceEvent.Left left -> leave(left.nodeId());
            case RebalanceEvent.Stays stays -> needs.stay(stays.nodeId(), nowNs);
            case RebalanceEvent.MoveCancelled cancelled -> work.cancel(cancelled.move(), "the operator cancelled it", nowNs);
            case RebalanceEvent.Paced paced -> pace(paced);
            case RebalanceEvent.StepCancelled cancelled -> cancel(cancelled.step(), nowNs);
            case RebalanceEvent.Lost lost -> lose(lost.nodeId(), nowNs);
            case RebalanceEvent.Acknowledged acknowledged -> work.acknowledged(acknowledged.move(), nowNs);
            case RebalanceEvent.LoadDone done -> work.loadDone(done.move(), nowNs);
            case RebalanceEvent.LoadFailed failed -> work.loadFailed(failed.move(), failed.reason(), nowNs);
            case RebalanceEvent.DropDone done -> work.dropDone(done.move(), nowNs);
            case RebalanceEvent.EpochApplied applied -> applied(applied, nowNs);
            case RebalanceEvent.Tick tick -> work.forgetFailures(nowNs);
            case RebalanceEvent.MoveRequested request -> request(request, nowNs);
            case RebalanceEvent.PlanRequested request -> begun = true;
            case RebalanceEvent.Unplanned failed -> gains.unplanned(failed.reason(), nowNs);
            case RebalanceEvent.Planned planned -> gains.planned(planned.placement(), nowNs);
            case RebalanceEvent.Switched switched -> on = switched.on();
            case RebalanceEvent.Resumed resumed -> resume(resumed, nowNs);
        }
        advance(event, nowNs);
        return work.takeCommands();
    }

    private void advance(final RebalanceEvent event, final long nowNs) {
        begun |= epochs.size() >= settings.bootstrapNodes();
        if (!begun) {
            return;
        }
        work.advance(nowNs);
        needs.advance(nowNs);
        if (needs.isUrgent()) {
            gains.yieldTo(nowNs);
            if (event instanceof RebalanceEvent.PlanRequested) {
                decision = Decision.notNow("moves that must be made come first");
            }
        } else {
            gains.pump(nowNs);
            if (event instanceof RebalanceEvent.PlanRequested) {
                decision = gains.decide(true, nowNs);
            } else if (event instanceof RebalanceEvent.Window && on) {
                gains.decide(false, nowNs);
            }
        }
        publish(nowNs);
        watch(nowNs);
    }

    private void join(final NodeReport node, final long nowNs) {
        if (epochs.isMember(node.nodeId())) {
            epochs.applied(node.nodeId(), node.epoch());
            return;
        }
        for (final Device device : node.devices()) {
            if (inventory.shelf(device.ordinal()) != null) {
                work.alert(RebalanceCommand.Kind.REFUSED, node.nodeId(), "node " + node.nodeId() + " joins with device "
                        + device.ordinal() + ", which node " + inventory.shelf(device.ordinal()).device.nodeId() + " has");
                return;
            }
        }
        gains.abandonCampaign();
        epochs.join(node.nodeId(), node.epoch());
        node.devices().forEach(device -> inventory.add(device, model.slots(device)));
        node.loaded().forEach(replica -> adopt(replica, nowNs));
        for (final Replica replica : node.busy()) {
            if (isOn(node, replica)) {
                work.clear(inventory.key(replica.layer(), replica.expert()), replica.device(), nowNs);
            }
        }
        // Even one that brings nothing is in the table, as a home of sequences.
        work.changeTable();
        epochs.owe(node.nodeId(), nowNs);
        work.progress(nowNs);
    }

    private static boolean isOn(final NodeReport node, final Replica replica) {
        return node.devices().stream().anyMatch(device -> device.ordinal() == replica.device());
    }

    private void adopt(final Replica replica, final long nowNs) {
        final RebalanceInventory.Shelf shelf = inventory.shelf(replica.device());
        if (shelf == null || !inventory.isExpert(replica.layer(), replica.expert())) {
            return;
        }
        final int key = inventory.key(replica.layer(), replica.expert());
        if (inventory.runs(key, shelf.device) && shelf.used() < shelf.slots) {
            inventory.makeLive(key, replica.device());
            work.changeTable();
        } else {
            work.clear(key, replica.device(), nowNs);
        }
    }

    private void leave(final String nodeId) {
        if (epochs.isMember(nodeId)) {
            needs.leave(nodeId);
            gains.abandonCampaign();
        }
    }

    private void pace(final RebalanceEvent.Paced paced) {
        final RebalanceInventory.Shelf shelf = inventory.shelf(paced.device());
        if (shelf != null && !shelf.device.rate().equals(paced.rate())) {
            shelf.device = shelf.device.withRate(paced.rate());
            gains.abandonCampaign();
        }
    }

    private void lose(final String nodeId, final long nowNs) {
        if (!epochs.isMember(nodeId)) {
            return;
        }
        epochs.leave(nodeId);
        work.clearAlert(RebalanceCommand.Kind.EPOCH_LAGGING, nodeId);
        gains.abandonCampaign();
        needs.lost(nodeId);
        for (final Device device : inventory.devices()) {
            if (device.nodeId().equals(nodeId)) {
                inventory.remove(device.ordinal());
                work.changeTable();
                work.deviceLost(device.ordinal(), nowNs);
            }
        }
        work.progress(nowNs);
    }

    private void cancel(final long step, final long nowNs) {
        gains.cancel(step);
        for (final RebalanceLedger.Entry entry : ledger.all()) {
            if (entry.step() == step) {
                work.cancel(entry.move(), "the operator cancelled it", nowNs);
            }
        }
    }

    private void applied(final RebalanceEvent.EpochApplied applied, final long nowNs) {
        if (epochs.applied(applied.nodeId(), applied.epoch())) {
            work.clearAlert(RebalanceCommand.Kind.EPOCH_LAGGING, applied.nodeId());
            work.progress(nowNs);
        }
    }

    private void request(final RebalanceEvent.MoveRequested request, final long nowNs) {
        final String refusal = refusal(request);
        if (refusal.isEmpty()) {
            work.start(RebalanceMove.Why.OPERATOR, inventory.key(request.layer(), request.expert()), request.from(), request.to(),
                    0,
                    Double.NaN, nowNs);
        } else {
            work.emit(new RebalanceCommand.Alert(RebalanceCommand.Kind.REFUSED, refusal));
        }
    }

    /** Why such a request would be refused now, one sentence; empty if it would not. */
    public String refusal(final RebalanceEvent.MoveRequested request) {
        final String obstacle = obstacle(request);
        return obstacle == null ? "" : "L" + request.layer() + "/E" + request.expert() + " cannot be moved: " + obstacle;
    }

    private @Nullable String obstacle(final RebalanceEvent.MoveRequested request) {
        if (!inventory.isExpert(request.layer(), request.expert())) {
            return "there is no such expert";
        }
        final int key = inventory.key(request.layer(), request.expert());
        if (request.from() < 0 && request.to() < 0) {
            return "neither a device to leave nor one to load on is named";
        }
        final RebalanceInventory.Shelf from = inventory.shelf(request.from());
        if (request.from() >= 0 && !inventory.isLive(key, request.from())) {
            return from == null ? "there is no device " + request.from() : from.device.nodeId() + " has no live replica";
        }
        if (request.to() < 0) {
            return work.canDrop(key, request.from()) ? null : "fewer than " + settings.minReplicas() + " replicas would be left";
        }
        final RebalanceInventory.Shelf to = inventory.shelf(request.to());
        if (to == null) {
            return "there is no device " + request.to();
        }
        final String node = to.device.nodeId();
        if (to.holds(key)) {
            return node + " has it already";
        }
        if (!inventory.suits(key, to)) {
            return node + (to.leaving ? " is leaving" : " runs another kernel family, " + to.device.kernelFamily());
        }
        return work.canLoad(key, request.to())
                ? null
                : node + " uses " + to.used() + " of " + to.slots + " slots and has " + work.moves().loads(request.to()) + " of "
                        + settings.loadsPerDevice() + " loads under way";
    }

    private void resume(final RebalanceEvent.Resumed resumed, final long nowNs) {
        if (epochs.size() > 0 || resumed.term() <= resumed.saved().term()) {
            throw new IllegalStateException(
                    "term " + resumed.term() + " can take over only as a coordinator's first event, after term "
                            + resumed.saved().term() + ", not with " + epochs.size() + " members");
        }
        term = resumed.term();
        epochs.restart(term);
        work.restart(term);
        on = resumed.saved().on();
        ledger.load(resumed.saved().ledger(), nowNs);
        gains.resume(resumed.saved().caution(), ledger.lastStep());
        resumed.nodes().forEach(node -> join(node, nowNs));
        resumed.saved().leaving().forEach(this::leave);
        begun = true;
        work.changeTable();
    }

    private void publish(final long nowNs) {
        // The first table waits until it is whole; later ones go out with gaps, or nobody would learn of a loss.
        final boolean ready = published != null || !inventory.anyLost() || term > 1 || work.moves().anyRetiring();
        final boolean timely = work.tableUrgent() || nowNs - publishedNs >= settings.epochIntervalNs();
        if (work.tableChanged() && timely && ready && epochs.size() > 0) {
            final Epoch epoch = epochs.advance(nowNs, settings.acknowledgeNs());
            final Placement table = inventory.placement(epoch);
            published = table;
            publishedNs = nowNs;
            work.published(epoch);
            work.emit(new RebalanceCommand.Publish(epoch, table, epochs.members()));
        } else if (published != null) {
            final List<String> due = epochs.due(nowNs, settings.acknowledgeNs(), settings.watchdogNs());
            if (!due.isEmpty()) {
                work.emit(new RebalanceCommand.Publish(published.epoch(), published, due));
            }
        }
    }

    private void watch(final long nowNs) {
        final String lagging = epochs.lagging(settings.maxSends());
        if (lagging != null) {
            work.alert(RebalanceCommand.Kind.EPOCH_LAGGING, lagging,
                    "node " + lagging + " does not confirm epoch " + epochs.newest() + "; nothing can be dropped meanwhile");
        }
        if (isIdle()) {
            work.progress(nowNs);
        } else if (nowNs - work.lastProgressNs() > settings.watchdogNs()) {
            work.alert(RebalanceCommand.Kind.STALLED, "",
                    "no progress for " + (nowNs - work.lastProgressNs()) / 1_000_000 + " ms");
        }
    }

    /** Whether nothing is under way and nothing wanted. */
    public boolean isIdle() {
        return work.moves().isEmpty() && !work.tableChanged() && gains.isIdle() && epochs.settled() && !inventory.anyLost();
    }

    /** Whether moves for gain are allowed. */
    public boolean isOn() {
        return on;
    }

    /** What came of the last PlanRequested. */
    public Decision decision() {
        return decision;
    }

    /** Moves of a step that have not begun and may yet. */
    public int pending(final long step) {
        return gains.pending(step);
    }

    /** Whether a move can still be given up: its load is under way. */
    public boolean canCancel(final RebalanceMove.Id move) {
        return work.isLoading(move);
    }

    /** The newest table; null before the first. */
    public @Nullable Placement published() {
        return published;
    }

    /** Moves, oldest first. */
    public List<RebalanceLedger.Entry> ledger() {
        return ledger.all();
    }

    /** Age of the last progress while there is work, else 0. */
    public long ageOfProgressNs(final long nowNs) {
        return isIdle() ? 0 : nowNs - work.lastProgressNs();
    }

    public Saved save() {
        return new Saved(term, on, needs.leaving(), ledger.all(), gains.caution());
    }
}
