package io.drover.placement;

import java.time.Duration;

/**
 * How {@link Rebalance} behaves.
 *
 * @param minReplicas      f: replicas of each expert on distinct nodes, at least 1
 * @param bootstrapNodes   nodes to wait for before the first epoch, at least 1
 * @param reserveSlots     slots of each device that plans leave free, so that a move finds room for its second copy; at least 0
 * @param stepMoves        most replicas that one step loads for gain; at least 1
 * @param loadsPerDevice   loads of one device at a time; at least 1
 * @param horizonNs        how long a move has time to pay for itself; also how long an expert stays away from a place it left
 * @param enterGain        share of the predicted step time that a plan must save to begin rebalancing, 0 to 1; more where that
 *                         time changes much from window to window by itself
 * @param leaveGain        share below which rebalancing ends; 0 to {@code enterGain}
 * @param safety           factor on the cost of moving; at least 0. It grows up to 16-fold while moves gain less than predicted
 * @param overlap          share of a load that runs beside serving without slowing it; 0 to below 1
 * @param evaluateAfterNs  age at which a step's realised gain is measured on the routing since
 * @param epochIntervalNs  least time between routing tables, but where an expert had no place or a node comes or goes; at least 0
 * @param acknowledgeNs    time for an answer to an order or an epoch before it is sent again; doubles with each repetition
 * @param loadNs           time for a load before it is given up
 * @param maxSends         sends of one order before an alert is raised; at least 1
 * @param retryNs          how long a device is spared an expert whose load failed there; acknowledgeNs if no other can take a lost one
 * @param watchdogNs       longest time without progress while there is work
 * @param planningShare    share of the time that a coordinator spends on plans at most, above 0, at most 1: after each it rests
 * @param effort           passed to the planner
 * @param ledgerEntries    moves remembered; at least 1
 */
public record RebalanceSettings(
        int minReplicas,
        int bootstrapNodes,
        int reserveSlots,
        int stepMoves,
        int loadsPerDevice,
        long horizonNs,
        double enterGain,
        double leaveGain,
        double safety,
        double overlap,
        long evaluateAfterNs,
        long epochIntervalNs,
        long acknowledgeNs,
        long loadNs,
        int maxSends,
        long retryNs,
        long watchdogNs,
        double planningShare,
        int effort,
        int ledgerEntries) {
    /** What {@code reference.conf} says. */
    public static final RebalanceSettings DEFAULT = new RebalanceSettings(1, 1, 1, 16, 2, Duration.ofMinutes(10).toNanos(), 0.05,
            0.02, 2.0, 0.5, Duration.ofMinutes(2).toNanos(), Duration.ofMillis(200).toNanos(), Duration.ofSeconds(1).toNanos(),
            Duration.ofMinutes(2).toNanos(), 6,
            Duration.ofMinutes(1).toNanos(), Duration.ofMinutes(5).toNanos(), 0.04, 100, 4096);

    public RebalanceSettings {
        atLeast("minReplicas", minReplicas, 1);
        atLeast("bootstrapNodes", bootstrapNodes, 1);
        atLeast("reserveSlots", reserveSlots, 0);
        atLeast("stepMoves", stepMoves, 1);
        atLeast("loadsPerDevice", loadsPerDevice, 1);
        atLeast("horizonNs", horizonNs, 1);
        atLeast("evaluateAfterNs", evaluateAfterNs, 1);
        atLeast("epochIntervalNs", epochIntervalNs, 0);
        atLeast("acknowledgeNs", acknowledgeNs, 1);
        atLeast("loadNs", loadNs, 1);
        atLeast("maxSends", maxSends, 1);
        atLeast("retryNs", retryNs, 1);
        atLeast("watchdogNs", watchdogNs, 1);
        atLeast("effort", effort, 1);
        atLeast("ledgerEntries", ledgerEntries, 1);
        if (!(enterGain >= 0 && enterGain <= 1 && leaveGain >= 0 && leaveGain <= enterGain)) {
            throw new IllegalArgumentException(
                    "expected 0 <= leaveGain <= enterGain <= 1, not " + leaveGain + " and " + enterGain);
        }
        if (!(safety >= 0) || !(overlap >= 0 && overlap < 1)) {
            throw new IllegalArgumentException(
                    "safety is at least 0 and overlap in 0 to below 1, not " + safety + " and " + overlap);
        }
        if (!(planningShare > 0 && planningShare <= 1)) {
            throw new IllegalArgumentException("planningShare is above 0 and at most 1, not " + planningShare);
        }
    }

    /** @return how long no plan is made after one that took {@code planNs} */
    public long restNs(final long planNs) {
        return (long) (planNs * (1 / planningShare - 1));
    }

    private static void atLeast(final String name, final long value, final long least) {
        if (value < least) {
            throw new IllegalArgumentException(name + " is at least " + least + ", not " + value);
        }
    }
}
