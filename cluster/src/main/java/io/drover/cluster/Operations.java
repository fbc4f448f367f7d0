package io.drover.cluster;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

import io.drover.cluster.Operation.State;
import io.drover.placement.Placement;
import io.drover.placement.RebalanceEvent;
import io.drover.placement.RebalanceLedger;
import io.drover.placement.RebalanceMove;

/**
 * What operators asked this coordinator for, and how far it is. Progress is read off the ledger and the nodes' holdings, so an operation
 * has no life of its own: forgetting it changes nothing. Pure; not thread-safe.
 */
final class Operations {
    private static final int KEPT = 64;
    private static final int MOVES_SHOWN = 200;

    /** An operation under way, or the state that it ended in. */
    private static final class Running {
        final String id;
        final String text;
        final long startedNs;
        /** Of a move. */
        RebalanceMove.@Nullable Id move;
        /** Of a drain: the node's id and name. */
        int device = -1;
        String node = "";
        int total;
        /** Of a plan: moves begun before it are not its own. */
        RebalanceMove.@Nullable Id after;
        @Nullable
        Operation ended;

        Running(final String id, final String text, final long startedNs) {
            this.id = id;
            this.text = text;
            this.startedNs = startedNs;
        }
    }

    private final long term;
    private final Map<String, Running> operations = new LinkedHashMap<>();
    private final Deque<String> alerts = new ArrayDeque<>();
    private long lastNumber;

    /** @param term of the coordinator, part of the operations' ids */
    Operations(final long term) {
        this.term = term;
    }

    long term() {
        return term;
    }

    void alerted(final String sentence) {
        alerts.addLast(sentence);
        if (alerts.size() > KEPT) {
            alerts.removeFirst();
        }
    }

    /** @param nodes names by id */
    MovesView on(final Wish wish, final ExpertMoves moves, final List<String> nodes, final long nowNs) {
        final String refusal = switch (wish.kind()) {
            case LOOK -> "";
            case MOVE -> move(wish, moves, nodes, nowNs);
            case DRAIN -> drain(wish.node(), moves, nodes, nowNs);
            case REBALANCE_NOW -> plan(moves, nowNs);
            case REBALANCE_ON, REBALANCE_OFF -> {
                moves.step(new RebalanceEvent.Switched(wish.kind() == Wish.Kind.REBALANCE_ON), nowNs);
                yield "";
            }
            case CANCEL -> cancel(wish.operation(), moves, nowNs);
        };
        if (!refusal.isEmpty()) {
            return unready(refusal);
        }
        return switch (wish.kind()) {
            case MOVE, DRAIN, REBALANCE_NOW -> view(id(lastNumber), List.of(), List.of(), moves, nodes, nowNs);
            case LOOK -> wish.operation().isEmpty()
                    ? whole("", moves, nodes, nowNs)
                    : view("", Stream.ofNullable(operations.get(wish.operation())).toList(), List.of(), moves, nodes, nowNs);
            case CANCEL, REBALANCE_ON, REBALANCE_OFF -> whole(wish.operation(), moves, nodes, nowNs);
        };
    }

    static MovesView unready(final String sentence) {
        return new MovesView(sentence, "", true, true, 0, List.of(), List.of(), List.of(), List.of());
    }

    private MovesView whole(final String begun, final ExpertMoves moves, final List<String> nodes, final long nowNs) {
        final List<RebalanceLedger.Entry> ledger = moves.ledger();
        return view(begun, operations.values(), ledger.subList(Math.max(0, ledger.size() - MOVES_SHOWN), ledger.size()), moves,
                nodes, nowNs);
    }

    private MovesView view(final String begun, final Collection<Running> shown, final List<RebalanceLedger.Entry> ledger,
            final ExpertMoves moves, final List<String> nodes, final long nowNs) {
        return new MovesView("", begun, moves.isOn(), moves.isIdle(),
                TimeUnit.NANOSECONDS.toMillis(moves.ageOfProgressNs(nowNs)), nodes,
                shown.stream().map(each -> state(each, moves, nowNs)).toList(), ledger, new ArrayList<>(alerts));
    }

    private String move(final Wish wish, final ExpertMoves moves, final List<String> nodes, final long nowNs) {
        final Placement table = moves.table();
        if (table == null || wish.layer() < 0 || wish.layer() >= table.layers() || wish.expert() < 0
                || wish.expert() >= table.experts(wish.layer())) {
            return "there is no expert L" + wish.layer() + "/E" + wish.expert()
                    + (table == null ? "" : "; layers are 0 to " + (table.layers() - 1));
        }
        final int[] hosts = IntStream.range(0, table.replicas(wish.layer(), wish.expert()))
                .map(i -> table.device(wish.layer(), wish.expert(), i))
                .toArray();
        final int to = wish.node().isEmpty() ? -1 : nodes.indexOf(wish.node());
        if (to < 0 && !wish.node().isEmpty()) {
            return unknown(wish.node(), nodes);
        }
        int from = -1;
        if (wish.from().isEmpty()) {
            if (hosts.length != 1) {
                return "L" + wish.layer() + "/E" + wish.expert() + " has " + hosts.length + " replicas, on "
                        + IntStream.of(hosts).mapToObj(nodes::get).toList() + "; say which one is to leave, or '" + Wish.NONE
                        + "'";
            }
            from = hosts[0];
        } else if (!wish.from().equals(Wish.NONE)) {
            from = nodes.indexOf(wish.from());
            if (from < 0) {
                return unknown(wish.from(), nodes);
            }
        }
        final RebalanceMove.Id before = lastMove(moves);
        final String refusal = moves.request(new RebalanceEvent.MoveRequested(wish.layer(), wish.expert(), from, to), nowNs);
        if (refusal.isEmpty()) {
            final Running begun = begin(
                    "move L" + wish.layer() + "/E" + wish.expert() + (from < 0 ? "" : " from " + nodes.get(from))
                            + (to < 0 ? "" : " to " + nodes.get(to)),
                    nowNs);
            begun.move = after(moves, before).getFirst().move();
            begun.total = 1;
        }
        return refusal;
    }

    private static String unknown(final String node, final List<String> nodes) {
        return "there is no node '" + node + "'; the nodes are " + nodes;
    }

    private String drain(final String node, final ExpertMoves moves, final List<String> nodes, final long nowNs) {
        final int device = nodes.indexOf(node);
        final ExpertSet hold = moves.hold(device);
        if (device < 0 || hold == null) {
            return unknown(node, nodes);
        }
        if (moves.members().size() == 1) {
            return "'" + node + "' is the only node: nobody can take its experts over";
        }
        final Running begun = begin("drain " + node, nowNs);
        begun.device = device;
        begun.node = node;
        begun.total = hold.size();
        moves.leave(node, nowNs);
        return "";
    }

    private String plan(final ExpertMoves moves, final long nowNs) {
        final Running begun = begin("rebalance now", nowNs);
        begun.after = lastMove(moves);
        moves.step(new RebalanceEvent.PlanRequested(), nowNs);
        begun.total = after(moves, begun.after).size();
        return "";
    }

    private String cancel(final String id, final ExpertMoves moves, final long nowNs) {
        final Running running = operations.get(id);
        if (running == null) {
            return "there is no operation '" + id + "'; the latest are " + operations.keySet();
        }
        final Operation now = state(running, moves, nowNs);
        if (now.state() != State.RUNNING) {
            return "operation " + id + " has ended already: " + now.state();
        }
        if (running.device >= 0) {
            moves.stay(running.node, nowNs);
        } else {
            (running.move != null
                    ? List.of(running.move)
                    : after(moves, running.after).stream()
                            .map(RebalanceLedger.Entry::move)
                            .toList())
                    .forEach(move -> moves.step(new RebalanceEvent.MoveCancelled(move), nowNs));
        }
        running.ended = new Operation(id, running.text, State.CANCELLED, now.done(), now.total(), now.startedMs(), 0,
                "cancelled by the operator; what was done stays");
        return "";
    }

    private Running begin(final String text, final long nowNs) {
        final Running begun = new Running(id(++lastNumber), text, nowNs);
        operations.put(begun.id, begun);
        if (operations.size() > KEPT) {
            operations.remove(operations.keySet().iterator().next());
        }
        return begun;
    }

    private String id(final long number) {
        return "op-" + term + "-" + number;
    }

    private static RebalanceMove.@Nullable Id lastMove(final ExpertMoves moves) {
        return moves.ledger().stream().map(RebalanceLedger.Entry::move).max(RebalanceMove.Id::compareTo).orElse(null);
    }

    private static List<RebalanceLedger.Entry> after(final ExpertMoves moves, final RebalanceMove.@Nullable Id last) {
        return moves.ledger().stream().filter(entry -> last == null || entry.move().compareTo(last) > 0).toList();
    }

    private Operation state(final Running each, final ExpertMoves moves, final long nowNs) {
        if (each.ended != null) {
            return each.ended;
        }
        final Operation now = each.device >= 0 ? draining(each, moves, nowNs) : moving(each, moves, nowNs);
        if (now.state() != State.RUNNING) {
            each.ended = now;
        }
        return now;
    }

    private Operation draining(final Running each, final ExpertMoves moves, final long nowNs) {
        final ExpertSet hold = moves.hold(each.device);
        if (hold == null) {
            return operation(each, State.FAILED, each.total, nowNs, "the node is gone");
        }
        final int left = hold.size();
        each.total = Math.max(each.total, left);
        final boolean done = moves.isReleased(each.node);
        final String blocked = alerts.stream().filter(alert -> alert.contains(each.node + " ")).reduce("", (a, b) -> b);
        return operation(each, done ? State.DONE : State.RUNNING, each.total - left, nowNs, done ? "" : blocked);
    }

    private Operation moving(final Running each, final ExpertMoves moves, final long nowNs) {
        final List<RebalanceLedger.Entry> own = moves.ledger()
                .stream()
                .filter(entry -> each.move != null
                        ? entry.move().equals(each.move)
                        : (each.after == null || entry.move().compareTo(each.after) > 0)
                                && entry.why() == RebalanceMove.Why.GAIN)
                .limit(each.total)
                .toList();
        final int ended = (int) own.stream().filter(entry -> entry.outcome() != RebalanceLedger.Outcome.RUNNING).count();
        if (ended < each.total) {
            return operation(each, State.RUNNING, ended, nowNs, "");
        }
        final List<RebalanceLedger.Outcome> outcomes = own.stream().map(RebalanceLedger.Entry::outcome).distinct().toList();
        final boolean failed = outcomes.contains(RebalanceLedger.Outcome.FAILED);
        final String note = each.total == 0 ? "no move would gain enough" : failed ? "see the alerts" : "";
        return operation(each, failed ? State.FAILED : State.DONE, ended, nowNs, note);
    }

    private static Operation operation(final Running each, final State state, final int done, final long nowNs,
            final String note) {
        final long elapsedMs = TimeUnit.NANOSECONDS.toMillis(nowNs - each.startedNs);
        final long leftMs = state != State.RUNNING ? 0 : done == 0 ? -1 : elapsedMs * (each.total - done) / done;
        return new Operation(each.id, each.text, state, done, each.total, TimeUnit.NANOSECONDS.toMillis(each.startedNs), leftMs,
                note);
    }
}
