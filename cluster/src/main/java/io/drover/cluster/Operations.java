package io.drover.cluster;

import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

import io.drover.cluster.Operation.State;
import io.drover.placement.Placement;
import io.drover.placement.Rebalance;
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
    /** Moves that say how long another will take: enough for a middle, and few enough to be of the present load. */
    private static final int RECENT_MOVES = 16;

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
        /** Of a plan: the ledger's step, 0 if none began, and why. */
        long step;
        String reason = "";
        @Nullable
        Operation ended;

        Running(final String id, final String text, final long startedNs) {
            this.id = id;
            this.text = text;
            this.startedNs = startedNs;
        }
    }

    private record Alerted(long atNs, String sentence) {
        /** An alert tells when its condition began; that it is over is seen in the ledger and the status. */
        String withAge(final long nowNs) {
            final long ageS = TimeUnit.NANOSECONDS.toSeconds(nowNs - atNs);
            return (ageS < 120 ? ageS + " s" : ageS < 7200 ? ageS / 60 + " min" : ageS / 3600 + " h") + " ago: " + sentence;
        }
    }

    private long term;
    private final Map<String, Running> operations = new LinkedHashMap<>();
    private final Deque<Alerted> alerts = new ArrayDeque<>();
    private long lastNumber;

    /** @param term of the coordinator, part of the operations' ids */
    Operations(final long term) {
        this.term = term;
    }

    /** Operations of another term are forgotten, since they are known by its moves; alerts are not. */
    void enter(final long newTerm) {
        if (term != newTerm) {
            term = newTerm;
            operations.clear();
            lastNumber = 0;
        }
    }

    void alerted(final String sentence, final long nowNs) {
        alerts.addLast(new Alerted(nowNs, sentence));
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
                shown.stream().map(each -> state(each, moves, nowNs)).toList(), ledger,
                alerts.stream().map(alert -> alert.withAge(nowNs)).toList());
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
        if (!wish.node().isEmpty() && !moves.isMember(to)) {
            return unknown(wish.node(), moves, nodes);
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
            if (!moves.isMember(from)) {
                return unknown(wish.from(), moves, nodes);
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

    private static String unknown(final String node, final ExpertMoves moves, final List<String> nodes) {
        return "there is no node '" + node + "'; the nodes are " + moves.members().stream().sorted().map(nodes::get).toList();
    }

    private String drain(final String node, final ExpertMoves moves, final List<String> nodes, final long nowNs) {
        final int device = nodes.indexOf(node);
        final ExpertSet hold = moves.hold(device);
        if (device < 0 || hold == null) {
            return unknown(node, moves, nodes);
        }
        if (moves.members().stream().noneMatch(other -> other != device && !moves.isLeaving(nodes.get(other)))) {
            return "no node but '" + node + "' stays: nobody can take its experts over";
        }
        final Running begun = begin("drain " + node, nowNs);
        begun.device = device;
        begun.node = node;
        begun.total = hold.size();
        moves.leave(node, nowNs);
        return "";
    }

    private String plan(final ExpertMoves moves, final long nowNs) {
        final Rebalance.Decision decision = moves.plan(nowNs);
        if (!decision.weighed()) {
            return "no plan now: " + decision.reason();
        }
        final Running begun = begin("rebalance now", nowNs);
        begun.step = decision.step();
        begun.reason = decision.reason();
        return "";
    }

    private String cancel(final String id, final ExpertMoves moves, final long nowNs) {
        final Running running = operations.get(id);
        if (running == null) {
            return "there is no operation '" + id + "'; the latest are " + operations.keySet();
        }
        final Operation now = state(running, moves, nowNs);
        // A node that has been emptied stays so until it is wanted again.
        final boolean emptied = running.device >= 0 && now.state() == State.DONE && moves.isLeaving(running.node);
        if (now.state() != State.RUNNING && !emptied) {
            return "operation " + id + " has ended already: " + now.state().name().toLowerCase(Locale.ROOT);
        }
        if (running.device >= 0) {
            moves.stay(running.node, nowNs);
        } else if (moves.pending(running.step) == 0
                && own(running, moves).stream().noneMatch(entry -> moves.canCancel(entry.move()))) {
            return "operation " + id + " cannot be cancelled any more: nothing of it is waiting or being loaded";
        } else {
            moves.step(running.move != null
                    ? new RebalanceEvent.MoveCancelled(running.move)
                    : new RebalanceEvent.StepCancelled(running.step), nowNs);
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
            return moves.isLeaving(each.node)
                    ? operation(each, State.RUNNING, 0, -1, nowNs, "the node is not heard")
                    : operation(each, State.FAILED, each.total, -1, nowNs, "the node is gone");
        }
        final int left = hold.size();
        each.total = Math.max(each.total, left);
        if (!moves.isLeaving(each.node)) {
            return operation(each, State.CANCELLED, each.total - left, -1, nowNs, "the node stays");
        }
        final boolean done = moves.isReleased(each.node);
        final String blocked = alerts.stream()
                .filter(alert -> alert.atNs() >= each.startedNs && alert.sentence().contains(" " + each.node + " "))
                .map(Alerted::sentence)
                .reduce("", (a, b) -> b);
        return operation(each, done ? State.DONE : State.RUNNING, each.total - left, -1, nowNs, done ? "" : blocked);
    }

    private Operation moving(final Running each, final ExpertMoves moves, final long nowNs) {
        final List<RebalanceLedger.Entry> own = own(each, moves);
        final int left = moves.pending(each.step) + count(own, RebalanceLedger.Outcome.RUNNING);
        each.total = Math.max(each.total, moves.pending(each.step) + own.size());
        if (left > 0) {
            return operation(each, State.RUNNING, each.total - left,
                    own.size() == 1 && each.total == 1 ? usualNs(own.getFirst(), moves) : -1,
                    nowNs, "");
        }
        final int made = count(own, RebalanceLedger.Outcome.DONE);
        final State state = count(own, RebalanceLedger.Outcome.FAILED) > 0
                ? State.FAILED
                : count(own, RebalanceLedger.Outcome.CANCELLED) > 0 ? State.CANCELLED : State.DONE;
        final String note = own.stream()
                .map(RebalanceLedger.Entry::note)
                .filter(why -> !why.isEmpty())
                .findFirst()
                .orElse(
                        made < each.total ? "the other moves were not possible any more" : each.reason);
        return operation(each, state, made, -1, nowNs, note);
    }

    private static List<RebalanceLedger.Entry> own(final Running each, final ExpertMoves moves) {
        return moves.ledger()
                .stream()
                .filter(entry -> each.move != null
                        ? entry.move().equals(each.move)
                        : each.step > 0 && entry.step() == each.step)
                .toList();
    }

    private static int count(final List<RebalanceLedger.Entry> entries, final RebalanceLedger.Outcome outcome) {
        return (int) entries.stream().filter(entry -> entry.outcome() == outcome).count();
    }

    /** What the middle one of the latest moves like this one took, loads or drops; -1 if there are none. */
    private static long usualNs(final RebalanceLedger.Entry move, final ExpertMoves moves) {
        final long[] took = moves.ledger()
                .reversed()
                .stream()
                .filter(entry -> entry.outcome() == RebalanceLedger.Outcome.DONE && entry.bytes() > 0 == move.bytes() > 0)
                .limit(RECENT_MOVES)
                .mapToLong(entry -> entry.endedNs() - entry.startedNs())
                .sorted()
                .toArray();
        return took.length == 0 ? -1 : took[took.length / 2];
    }

    /** @param usualNs what it usually takes in all, for one that is done in a single step; -1 if that is not known */
    private static Operation operation(final Running each, final State state, final int done, final long usualNs,
            final long nowNs, final String note) {
        final long elapsedNs = nowNs - each.startedNs;
        final long leftNs;
        if (state != State.RUNNING) {
            leftNs = 0;
        } else if (done > 0) {
            leftNs = elapsedNs / done * (each.total - done);
        } else {
            // One that takes longer than usual may take any time.
            leftNs = usualNs > elapsedNs ? usualNs - elapsedNs : -1;
        }
        return new Operation(each.id, each.text, state, done, each.total, TimeUnit.NANOSECONDS.toMillis(each.startedNs),
                leftNs < 0 ? -1 : TimeUnit.NANOSECONDS.toMillis(leftNs), note);
    }
}
