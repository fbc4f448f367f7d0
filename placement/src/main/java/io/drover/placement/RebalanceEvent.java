package io.drover.placement;

import java.util.List;

/**
 * What {@link Rebalance} is told. Events may come late, twice, out of order or not at all; the machine's answers allow for that.
 */
public sealed interface RebalanceEvent {
    /**
     * New routing statistics of the whole cluster, decayed.
     *
     * @param statistics      not changed by anyone afterwards
     * @param tokensPerSecond positions that pass through the model at present, all nodes together; at least 0
     */
    record Window(RoutingStatistics statistics, double tokensPerSecond) implements RebalanceEvent {
        public Window {
            if (!(tokensPerSecond >= 0)) {
                throw new IllegalArgumentException("tokens per second are at least 0, not " + tokensPerSecond);
            }
        }
    }

    /** A node is a member and may be given replicas; what it says it has loaded is taken over. */
    record Joined(NodeReport node) implements RebalanceEvent {}

    /** A node wants to leave, or the operator wants it to: its replicas go elsewhere first. */
    record Left(String nodeId) implements RebalanceEvent {}

    /** A node that wanted to leave does not, or the operator has thought better of it. */
    record Stays(String nodeId) implements RebalanceEvent {}

    /** The operator gives a move up. One that has loaded its replica goes on. */
    record MoveCancelled(RebalanceMove.Id move) implements RebalanceEvent {}

    /** A device computes more slowly or faster than it was said to. */
    record Paced(int device, ComputeRate rate) implements RebalanceEvent {}

    /** The operator gives a step up: what has not begun never will, and its loads under way are given up. */
    record StepCancelled(long step) implements RebalanceEvent {}

    /** A node is gone, and with it all that it held. Its devices' ordinals come back only when it joins again, perhaps with replicas. */
    record Lost(String nodeId) implements RebalanceEvent {}

    /** The device received the order to load and has begun. */
    record Acknowledged(RebalanceMove.Id move) implements RebalanceEvent {}

    /** The replica is loaded, checked and ready for calls. */
    record LoadDone(RebalanceMove.Id move) implements RebalanceEvent {}

    /** The replica could not be loaded; the device keeps nothing of it. */
    record LoadFailed(RebalanceMove.Id move, String reason) implements RebalanceEvent {}

    /** The replica has finished its calls and is gone: the answer to {@code Shrink} and to {@code Rollback}. */
    record DropDone(RebalanceMove.Id move) implements RebalanceEvent {}

    /** The node routes by this epoch from now on. */
    record EpochApplied(String nodeId, Epoch epoch) implements RebalanceEvent {}

    /** Time has passed. Comes a few times per shortest timeout of {@link RebalanceSettings}. */
    record Tick() implements RebalanceEvent {}

    /**
     * The operator wants a replica moved, whatever it gains.
     *
     * @param from device to leave, or -1 to add a replica
     * @param to   device to load on, or -1 to drop a replica
     */
    record MoveRequested(int layer, int expert, int from, int to) implements RebalanceEvent {}

    /** The operator wants a plan now, without regard to the hysteresis. */
    record PlanRequested() implements RebalanceEvent {}

    /** The answer to Replan: what the planner made of the request. */
    record Planned(Placement placement) implements RebalanceEvent {}

    /** The other answer to Replan: there is no plan, for this reason. One of the two comes. */
    record Unplanned(String reason) implements RebalanceEvent {}

    /** The operator switches rebalancing for gain on or off; restoration and draining go on in either case. */
    record Switched(boolean on) implements RebalanceEvent {}

    /**
     * This coordinator takes over from an earlier one: the first event of its life, if there was one.
     *
     * @param term  of this coordinator, above all earlier ones
     * @param saved what the earlier one saved last, perhaps a little old
     * @param nodes reports of all members, each made after the node had learned of the new term and refused lower ones
     */
    record Resumed(long term, Rebalance.Saved saved, List<NodeReport> nodes) implements RebalanceEvent {
        public Resumed {
            nodes = List.copyOf(nodes);
        }
    }

    /**
     * What a node says of itself.
     *
     * @param nodeId  its name
     * @param devices its devices, all with this node id
     * @param loaded  replicas that are ready for calls
     * @param busy    replicas that occupy a slot but are being loaded or dropped on an earlier coordinator's order
     * @param epoch   the newest epoch it routes by, {@link Epoch#NONE} for a node without a table
     */
    record NodeReport(String nodeId, List<Device> devices, List<Replica> loaded, List<Replica> busy, Epoch epoch) {
        public NodeReport {
            devices = List.copyOf(devices);
            loaded = List.copyOf(loaded);
            busy = List.copyOf(busy);
            for (final Device device : devices) {
                if (!device.nodeId().equals(nodeId)) {
                    throw new IllegalArgumentException(
                            "node " + nodeId + " reports device " + device.ordinal() + " of node " + device.nodeId());
                }
            }
        }

        /** A node that comes with empty hands. */
        public static NodeReport empty(final String nodeId, final List<Device> devices) {
            return new NodeReport(nodeId, devices, List.of(), List.of(), Epoch.NONE);
        }
    }

    /** One copy of an expert's weights: layer, expert, and the ordinal of the device that holds it. */
    record Replica(int layer, int expert, int device) {
        @Override
        public String toString() {
            return "L" + layer + "/E" + expert + "@" + device;
        }
    }
}
