package io.drover.cluster;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;

import io.drover.actors.RoutingTable;
import io.drover.placement.Epoch;
import io.drover.placement.Placement;
import io.drover.streams.Endpoint;

/**
 * A node's part in the cluster, {@code on(event, now) -> commands}: reports its state, takes its id once, holds what it is ordered to
 * hold, installs tables of rising epochs. The other end of {@link Formation}. Not thread-safe.
 */
final class Participant {
    /** What the machine is told. */
    sealed interface Event {
        /** The coordinator answered a report. */
        record Ordered(Orders orders) implements Event {}

        /** The engine runs and can be reached, for tokens and for bulk. */
        record EngineStarted(Endpoint endpoint, Endpoint bulk) implements Event {}

        record ReplicaReady(int code) implements Event {}

        record ReplicaFailed(int code, String reason) implements Event {}

        record ReplicaDrained(int code) implements Event {}

        /** What the engine sees of its peers: ids of those whose heartbeats are overdue. */
        record Suspected(List<Integer> nodes) implements Event {}

        /** What the engine sees of its peers: those that answer slowly. */
        record Paced(List<NodeReport.SlowPeer> slow) implements Event {}

        /** The node is to stop: others are to take its experts over first. */
        record LeaveRequested() implements Event {}

        /** Time has passed. */
        record Tick() implements Event {}
    }

    /** What the machine wants done. */
    sealed interface Command {
        record Report(NodeReport state) implements Command {}

        /** Comes once. */
        record StartEngine(int nodeId) implements Command {}

        record Install(RoutingTable table) implements Command {}

        /** The installed table with places for experts that are lost, or as it was; under the same epoch. */
        record Reroute(RoutingTable table) implements Command {}

        record Replica(Residency.Command command) implements Command {}
    }

    private static final int FEW_LOADS = 8;
    private static final long BUSY_PERIOD_NS = TimeUnit.MILLISECONDS.toNanos(200);
    private static final long QUIET_PERIOD_NS = TimeUnit.SECONDS.toNanos(1);

    private final NodeDescriptor node;
    private final Residency residency;
    private final Quorum quorum;
    private final Rescue rescue;
    private @Nullable RoutingTable rescued;
    private long unansweredNs = Long.MAX_VALUE;
    private Epoch obeyed = Epoch.NONE;
    private @Nullable ExpertSet held;
    private int nodeId = -1;
    private @Nullable Endpoint endpoint;
    private @Nullable Endpoint bulk;
    private @Nullable RoutingTable installed;
    private Roster roster = Roster.NOTHING;
    private List<Integer> suspects = List.of();
    private List<NodeReport.SlowPeer> slow = List.of();
    private boolean leaving;
    private boolean released;
    private @Nullable ClusterView view;
    private long serial;
    private boolean recalled;
    private boolean reportDue = true;
    private boolean confirmationDue;
    private long askedNs;
    private boolean wasLoading;
    private long answeredNs;

    Participant(final NodeDescriptor node, final Residency residency, final Quorum quorum, final Rescue rescue,
            final long nowNs) {
        this.node = node;
        this.residency = residency;
        this.quorum = quorum;
        this.rescue = rescue;
        answeredNs = nowNs;
    }

    List<Command> on(final Event event, final long nowNs) {
        final List<Command> commands = new ArrayList<>();
        switch (event) {
            case Event.Ordered ordered -> obey(ordered.orders(), commands, nowNs);
            case Event.EngineStarted started -> {
                endpoint = started.endpoint();
                bulk = started.bulk();
                reportDue = true;
            }
            case Event.ReplicaReady ready -> residency.ready(ready.code(), nowNs);
            case Event.ReplicaFailed failed -> residency.failed(failed.code(), failed.reason(), nowNs);
            case Event.ReplicaDrained drained -> {
                residency.drained(drained.code());
                reportDue = true;
            }
            case Event.Suspected now -> {
                reportDue |= !now.nodes().equals(suspects);
                suspects = now.nodes();
            }
            case Event.Paced now -> {
                reportDue |= !now.slow().equals(slow);
                slow = now.slow();
            }
            case Event.LeaveRequested request -> {
                reportDue |= !leaving;
                leaving = true;
            }
            case Event.Tick tick -> reportDue |= confirmationDue;
        }
        if (view != null) {
            quorum.step(view.nodes(), suspects(), nowNs);
        }
        rescue(commands, nowNs);
        if (endpoint != null) {
            residency.step(nowNs).forEach(command -> commands.add(new Command.Replica(command)));
        }
        // A few replicas that move are reported one by one; while all of a node's load, the last of them is enough.
        final boolean few = residency.wantedCount() - residency.loadedCount() < FEW_LOADS;
        final boolean answered = event instanceof Event.ReplicaReady || event instanceof Event.ReplicaFailed;
        reportDue |= wasLoading && !residency.loading() || few && answered;
        wasLoading = residency.loading();
        if (reportDue || nowNs - askedNs >= period()) {
            reportDue = false;
            confirmationDue = false;
            commands.add(new Command.Report(report(asks(nowNs))));
        }
        return commands;
    }

    /** Whether the coordinator is to answer. While all is well, it need not each time: what changes for this node it tells anyway. */
    private boolean asks(final long nowNs) {
        final boolean asks = nowNs - askedNs >= period() || !ready() || !suspects.isEmpty() || leaving;
        if (asks) {
            askedNs = nowNs;
            unansweredNs = Math.min(unansweredNs, nowNs);
        }
        return asks;
    }

    private long period() {
        return ready() ? QUIET_PERIOD_NS : BUSY_PERIOD_NS;
    }

    private void rescue(final List<Command> commands, final long nowNs) {
        final RoutingTable base = installed;
        if (base == null) {
            return;
        }
        final RoutingTable now = rescue.step(base, suspects(), Math.max(0, nowNs - unansweredNs), nowNs);
        if (!Objects.equals(now, rescued)) {
            rescued = now;
            if (now != null) {
                residency.rescue(hostedHere(now.placement()));
            }
            commands.add(new Command.Reroute(now == null ? base : now));
        }
    }

    private void obey(final Orders orders, final List<Command> commands, final long nowNs) {
        answeredNs = nowNs;
        unansweredNs = Long.MAX_VALUE;
        view = orders.view();
        reportDue |= orders.recall() && !recalled;
        recalled = orders.recall();
        if (orders.nodeId() < 0 || orders.stamp().compareTo(obeyed) <= 0) {
            return;
        }
        obeyed = orders.stamp();
        if (nodeId < 0) {
            nodeId = orders.nodeId();
            commands.add(new Command.StartEngine(nodeId));
        }
        if (orders.nodeId() != nodeId) {
            return;
        }
        if (orders.hold() != null) {
            residency.want(orders.hold());
        }
        // What is ordered is confirmed soon, at best with its outcome: the next step of a move may wait for it.
        confirmationDue |= orders.hold() != null && !orders.hold().equals(held);
        held = orders.hold();
        released |= leaving && orders.released();
        final Roster memory = orders.roster();
        if (memory != null && memory.version().compareTo(roster.version()) > 0) {
            roster = memory;
        }
        final RoutingTable table = orders.table();
        if (table != null && endpoint != null && table.epoch().compareTo(epoch()) > 0) {
            installed = table;
            residency.installed(hostedHere(table.placement()));
            rescued = null;
            commands.add(new Command.Install(table));
            reportDue = true;
        }
    }

    private ExpertSet hostedHere(final Placement placement) {
        return FirstPlacement.hold(placement, nodeId);
    }

    private NodeReport report(final boolean asks) {
        final RoutingTable table = installed;
        return new NodeReport(node, ++serial, asks, nodeId, endpoint, bulk, obeyed, epoch(), roster.version(),
                residency.loading(),
                residency.replicas(), residency.problem(), suspects, slow, leaving,
                recalled && table != null ? new Published(table, roster) : null);
    }

    int nodeId() {
        return nodeId;
    }

    /** Ids of the nodes that are not heard here. */
    Set<Integer> suspects() {
        return Set.copyOf(suspects);
    }

    /** Epoch of the installed table. */
    Epoch epoch() {
        return installed == null ? Epoch.NONE : installed.epoch();
    }

    @Nullable
    RoutingTable installed() {
        return installed;
    }

    Residency residency() {
        return residency;
    }

    /** The cluster as the coordinator last described it; null before its first answer. */
    @Nullable
    ClusterView view() {
        return view;
    }

    long sinceAnswerNs(final long nowNs) {
        return nowNs - answeredNs;
    }

    /** Whether the node asked to leave and nothing here is needed any more. */
    boolean released() {
        return released;
    }

    /** Why this node must not take on new work: it does not hear enough of the others. Empty if it may. */
    String cutOff() {
        return quorum.problem();
    }

    /** Whether this node routes by a table and the coordinator last said that the cluster is ready. */
    boolean ready() {
        return installed != null && view != null && view.ready();
    }
}
