package io.drover.cluster;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletionStage;

import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.AskPattern;

import io.drover.actors.RoutingTable;
import io.drover.placement.Placement;
import io.drover.placement.RoutingStatistics;

/** Asks the coordinator what the gates of the whole cluster chose, and falls back upon what this node knows itself. */
final class ClusterRouting implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(3);

    private final ActorSystem<?> system;
    private final ActorRef<Coordinator.Message> coordinator;
    private final RoutingReporter reporter;
    private final NodeWatch watch;
    private final int maxBytes;

    ClusterRouting(final ActorSystem<?> system, final ActorRef<Coordinator.Message> coordinator, final RoutingReporter reporter,
            final NodeWatch watch, final int maxBytes) {
        this.system = system;
        this.coordinator = coordinator;
        this.reporter = reporter;
        this.watch = watch;
        this.maxBytes = maxBytes;
    }

    CompletionStage<RoutingView> view() {
        return AskPattern.<Coordinator.Message, Coordinator.RoutingAnswer>ask(coordinator,
                replyTo -> new Coordinator.AskRouting(maxBytes, replyTo), PATIENCE, system.scheduler())
                .thenApply(answer -> answer.window().isEmpty()
                        ? own()
                        : view(true, answer.nodes(), answer.tokensPerSecond(), RoutingWindows.unpacked(answer.window())))
                .exceptionally(failure -> own());
    }

    private RoutingView own() {
        final RoutingReport report = reporter.last();
        return view(false, 1, report.tokensPerSecond(), RoutingWindows.unpacked(report.window()));
    }

    private RoutingView view(final boolean wholeCluster, final int nodes, final double tokensPerSecond,
            final RoutingStatistics statistics) {
        final RoutingTable now = watch.installed();
        if (now == null) {
            return new RoutingView(wholeCluster, nodes, tokensPerSecond, statistics, null, Map.of(), LoadBalance.UNKNOWN);
        }
        final Placement placement = now.placement();
        final SortedMap<Integer, String> devices = new TreeMap<>();
        final List<String> names = watch.names();
        LoadBalance.devices(now).forEach(device -> {
            final int node = now.nodeOfDevice().get(device);
            devices.put(device, node < names.size() ? names.get(node) : "");
        });
        return new RoutingView(wholeCluster, nodes, tokensPerSecond, statistics, placement, devices,
                LoadBalance.of(statistics, placement, LoadBalance.devices(now)));
    }

    LoadBalance ownBalance() {
        return reporter.balance();
    }

    @Override
    public void close() {
        reporter.close();
    }
}
