package io.drover.placement;

import java.util.List;

/**
 * What {@link Rebalance} wants done. The order of a list is the order in which to send.
 *
 * <p>Commands may be repeated. Orders to a device ({@link Expand}, {@link Migrate}, {@link Shrink}, {@link Rollback}) follow one rule:
 * per replica a device remembers the greatest (move id, phase) it has obeyed, where loading is phase 0 and dropping phase 1; it ignores
 * a smaller one, answers an equal one again, and obeys a greater one, which ends whatever the smaller one was doing. A node also
 * refuses every order and epoch of a lower term than the highest it has heard of.
 */
public sealed interface RebalanceCommand {
    /** Load a replica: answered by Acknowledged, then LoadDone or LoadFailed. @param source a device that has it, or -1 */
    record Expand(RebalanceMove.Id move, int layer, int expert, int device, int source) implements RebalanceCommand {}

    /** Load on {@code to} a replica that will later leave {@code from}, under the same id; answered like Expand. */
    record Migrate(RebalanceMove.Id move, int layer, int expert, int from, int to) implements RebalanceCommand {}

    /** Drop a replica that no epoch in use names, once its calls have drained: answered by DropDone. */
    record Shrink(RebalanceMove.Id move, int layer, int expert, int device) implements RebalanceCommand {}

    /** Give up a load, finished or not, that no epoch has named: answered by DropDone. */
    record Rollback(RebalanceMove.Id move, int layer, int expert, int device, String why) implements RebalanceCommand {}

    /** Send a routing table to these nodes: answered by EpochApplied. */
    record Publish(Epoch epoch, Placement placement, List<String> nodeIds) implements RebalanceCommand {}

    /** Plan this from nothing, when there is time, on another thread: answered by Planned, or not at all. */
    record Replan(PlanRequest request) implements RebalanceCommand {}

    /** A node that wanted to leave holds nothing any more and no epoch in use names it: it may stop. */
    record Released(String nodeId) implements RebalanceCommand {}

    /** Somebody should know. Given once when the condition begins. */
    record Alert(Kind kind, String message) implements RebalanceCommand {}

    /** What an alert is about. */
    enum Kind {
        /** An expert has no live replica and there is no room, or no device of its family, to load it. */
        EXPERT_UNPLACEABLE,
        /** Fewer replicas than wanted on distinct nodes, and no room for more. */
        TOO_FEW_REPLICAS,
        /** A node cannot be drained for want of room elsewhere. */
        DRAIN_BLOCKED,
        /** The planner refused. */
        PLAN_REFUSED,
        /** A load failed or timed out. */
        MOVE_FAILED,
        /** A node does not confirm an epoch. */
        EPOCH_LAGGING,
        /** A device does not confirm that it dropped a replica. */
        DROP_LAGGING,
        /** Moves made things worse on later routing, and are undone. */
        DID_NOT_PAY,
        /** There is work, and nothing has progressed for the watchdog's time. */
        STALLED,
        /** A node answers slowly in most others' eyes, and loses weight in plans. */
        SLOW_NODE,
        /** An operator's command could not be followed. */
        REFUSED
    }
}
