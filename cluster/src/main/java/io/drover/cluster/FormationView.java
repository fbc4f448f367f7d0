package io.drover.cluster;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;

import io.drover.actors.RoutingTable;
import io.drover.placement.Epoch;
import io.drover.placement.Placement;

/** Puts the state of a {@link Formation} into words. */
final class FormationView {
    private final Formation formation;

    FormationView(final Formation formation) {
        this.formation = formation;
    }

    ClusterView render() {
        final List<NodeView> nodes = new ArrayList<>();
        for (int id = 0; id < formation.names().size(); id++) {
            nodes.add(node(id));
        }
        final String reason = reason(nodes);
        final RoutingTable published = formation.published();
        return new ClusterView(reason.isEmpty(), reason, published == null ? Epoch.NONE : published.epoch(), nodes);
    }

    private NodeView node(final int id) {
        final String name = formation.names().get(id);
        final Formation.Node node = formation.node(name);
        if (node == null) {
            return new NodeView(name, id, "", NodeView.State.GONE, 0, -1, null);
        }
        final NodeView.State state = state(id, node);
        return new NodeView(name, id, node.member().address(), state,
                state == NodeView.State.GONE ? 0 : node.report().ready().size(),
                TimeUnit.NANOSECONDS.toMillis(formation.nowNs() - node.reportNs()),
                state == NodeView.State.GONE ? null : node.report().bulk());
    }

    private NodeView.State state(final int id, final Formation.Node node) {
        final FormationEvent.MemberState member = formation.state(node);
        if (member == null) {
            return NodeView.State.GONE;
        }
        return switch (member) {
            case LEAVING -> NodeView.State.LEAVING;
            case UNREACHABLE -> NodeView.State.UNREACHABLE;
            case UP -> {
                if (node.report().endpoint() == null) {
                    yield NodeView.State.JOINING;
                }
                if (node.report().leaving()) {
                    yield NodeView.State.LEAVING;
                }
                if (formation.suspected(id)) {
                    yield NodeView.State.SUSPECTED;
                }
                final ExpertSet hold = formation.hold(id);
                yield hold == null || node.report().ready().containsAll(hold)
                        ? NodeView.State.SERVING
                        : NodeView.State.LOADING;
            }
        };
    }

    /** Why the cluster is not ready, the first obstacle first; empty if it is. */
    private String reason(final List<NodeView> nodes) {
        if (formation.learning()) {
            return "a new coordinator is asking the nodes what they run";
        }
        final RoutingTable published = formation.published();
        if (formation.forming()) {
            return forming(nodes);
        }
        if (published == null) {
            return loading(nodes);
        }
        final String lost = lost(nodes, published.placement());
        if (!lost.isEmpty()) {
            return lost;
        }
        final List<String> behind = nodes.stream().filter(node -> installedNothing(node, published)).map(NodeView::name).toList();
        return behind.isEmpty() ? "" : "epoch " + published.epoch() + " has not reached " + String.join(", ", behind);
    }

    private String forming(final List<NodeView> nodes) {
        if (!formation.planningProblem().isEmpty()) {
            return "the experts cannot be placed: " + formation.planningProblem();
        }
        final List<String> here = nodes.stream()
                .filter(node -> node.state() == NodeView.State.SERVING)
                .map(NodeView::name)
                .toList();
        return here.size() + " of " + formation.expectedNodes() + " nodes have joined" + (here.isEmpty() ? "" : ": ")
                + String.join(", ", here);
    }

    private String loading(final List<NodeView> nodes) {
        int wanted = 0;
        int loaded = 0;
        for (final NodeView view : nodes) {
            final ExpertSet hold = Objects.requireNonNullElse(formation.hold(view.nodeId()), ExpertSet.EMPTY);
            wanted += hold.size();
            final Formation.Node node = formation.node(view.name());
            if (node != null) {
                if (!node.report().problem().isEmpty()) {
                    return view.name() + " could not load an expert: " + node.report().problem();
                }
                loaded += node.report().ready().filter(hold::contains).size();
            }
        }
        return "experts are loading: " + loaded + " of " + wanted + " replicas are ready";
    }

    private static String lost(final List<NodeView> nodes, final Placement placement) {
        int lost = 0;
        int all = 0;
        for (int layer = 0; layer < placement.layers(); layer++) {
            for (int expert = 0; expert < placement.experts(layer); expert++) {
                all++;
                boolean reachable = false;
                for (int i = 0; i < placement.replicas(layer, expert); i++) {
                    reachable |= nodes.get(placement.device(layer, expert, i)).state() != NodeView.State.UNREACHABLE;
                }
                lost += reachable ? 0 : 1;
            }
        }
        if (lost == 0) {
            return "";
        }
        final List<String> absent = nodes.stream().filter(node -> switch (node.state()) {
            case GONE, LEAVING, UNREACHABLE, SUSPECTED, LOADING, JOINING -> true;
            case SERVING -> false;
        }).map(node -> node.name() + " is " + node.state().name().toLowerCase(Locale.ROOT)).toList();
        return lost + " of " + all + " experts have no replica that can be reached; " + String.join(", ", absent);
    }

    private boolean installedNothing(final NodeView view, final RoutingTable published) {
        final Formation.@Nullable Node node = formation.node(view.name());
        final Placement placement = published.placement();
        return node != null && view.state() == NodeView.State.SERVING && node.report().installed().equals(Epoch.NONE)
                && FirstPlacement.hold(placement, view.nodeId()).size() > 0;
    }
}
