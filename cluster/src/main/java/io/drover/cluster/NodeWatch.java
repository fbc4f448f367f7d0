package io.drover.cluster;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

import org.jspecify.annotations.Nullable;

import io.drover.actors.RoutingTable;
import io.drover.placement.Epoch;

/** Keeps what a node's guardian last saw for callers on other threads, and tells of progress. */
final class NodeWatch implements NodeGuardian.Listener {
    /** @param answeredNs when the coordinator last answered */
    record Seen(@Nullable ClusterView view, @Nullable RoutingTable installed, Epoch epoch, long answeredNs, String cutOff,
            Set<Integer> suspects) {}

    private final NodeSettings settings;
    private final Consumer<Progress> progress;
    private final CompletableFuture<Integer> nodeId = new CompletableFuture<>();
    private final CompletableFuture<String> refusal = new CompletableFuture<>();
    private final CompletableFuture<Void> ready = new CompletableFuture<>();
    private final CompletableFuture<Void> released = new CompletableFuture<>();
    private volatile Seen seen = new Seen(null, null, Epoch.NONE, System.nanoTime(), "", Set.of());
    private volatile @Nullable Progress last;

    NodeWatch(final NodeSettings settings, final Consumer<Progress> progress) {
        this.settings = settings;
        this.progress = progress;
    }

    @Override
    public void identified(final int id) {
        nodeId.complete(id);
    }

    @Override
    public void refused(final String sentence) {
        nodeId.completeExceptionally(new StartException(sentence));
        refusal.complete(sentence);
    }

    @Override
    public void seen(final Participant participant) {
        final ClusterView view = participant.view();
        final long nowNs = System.nanoTime();
        seen = new Seen(view, participant.installed(), participant.epoch(), nowNs - participant.sinceAnswerNs(nowNs),
                participant.cutOff(), participant.suspects());
        if (participant.released()) {
            released.complete(null);
        }
        if (ready.isDone()) {
            return;
        }
        final int wanted = participant.residency().wantedCount();
        final int loaded = participant.residency().loadedCount();
        if (participant.ready()) {
            tell(Progress.Stage.READY, loaded, wanted, "ready under epoch " + participant.epoch());
            ready.complete(null);
        } else if (loaded < wanted) {
            tell(Progress.Stage.LOADING, loaded, wanted, "experts: " + loaded + " of " + wanted
                    + (participant.residency().problem().isEmpty() ? "" : "; " + participant.residency().problem()));
        } else if (view != null && nodeId.isDone()) {
            tell(Progress.Stage.WAITING, 0, 0, view.reason());
        }
    }

    /** Tells the listener if it is news. */
    void tell(final Progress.Stage stage, final int done, final int total, final String text) {
        final Progress now = new Progress(settings.nodeName(), stage, done, total, text);
        if (!now.equals(last)) {
            last = now;
            progress.accept(now);
        }
    }

    CompletableFuture<Integer> nodeId() {
        return nodeId;
    }

    /** Completes if the coordinator will not have this node. */
    CompletableFuture<String> refusal() {
        return refusal;
    }

    /** Completes when the node first is ready. */
    CompletableFuture<Void> ready() {
        return ready;
    }

    /**
     * Other nodes that may have an expert's weights and are heard here, whatever the coordinator last said: first those with a replica by the installed table, then the rest, begun at another one
     * for each expert so that no node is asked for everything.
     */
    List<Integer> weightSources(final int layer, final int expert) {
        final Seen now = seen;
        if (now.view() == null) {
            return List.of();
        }
        final int own = nodeId.getNow(-1);
        final List<Integer> nodes = new ArrayList<>();
        for (final NodeView node : now.view().nodes()) {
            if (node.bulk() != null && node.nodeId() != own && !now.suspects().contains(node.nodeId()) && switch (node.state()) {
                case LOADING, SERVING, LEAVING -> true;
                case JOINING, SUSPECTED, UNREACHABLE, GONE -> false;
            }) {
                nodes.add(node.nodeId());
            }
        }
        Collections.rotate(nodes, layer + expert);
        final RoutingTable table = now.installed();
        if (table != null) {
            nodes.sort(Comparator.comparing(node -> !table.placement().hosts(node, layer, expert)));
        }
        return nodes;
    }

    /** What this node routes by; null before its first table. */
    @Nullable
    RoutingTable installed() {
        return seen.installed();
    }

    /** Names of the nodes, by id. */
    List<String> names() {
        final ClusterView view = seen.view();
        return view == null ? List.of() : view.nodes().stream().map(NodeView::name).toList();
    }

    /** Completes when the node asked to leave and others have what only it had. */
    CompletableFuture<Void> released() {
        return released;
    }

    ClusterStatus status(final String stopped) {
        final Seen now = seen;
        final ClusterView view = now.view();
        final String reason;
        if (!stopped.isEmpty()) {
            reason = stopped;
        } else if (!now.cutOff().isEmpty()) {
            reason = now.cutOff();
        } else if (view == null) {
            reason = "the coordinator has not answered yet";
        } else if (!view.ready()) {
            reason = view.reason();
        } else {
            reason = now.epoch().equals(Epoch.NONE) ? "this node has no routing table yet" : "";
        }
        return new ClusterStatus(reason.isEmpty(), reason, stopped.isEmpty() ? now.cutOff() : stopped, now.epoch(),
                settings.modelName(),
                settings.engine().wireType().label(),
                settings.engine().kvType().label(), settings.nodeName(),
                TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - now.answeredNs()),
                view == null ? List.of() : view.nodes().stream().filter(node -> !node.name().isEmpty()).toList());
    }
}
