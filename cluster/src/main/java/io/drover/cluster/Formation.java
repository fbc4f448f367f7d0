package io.drover.cluster;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

import io.drover.actors.RoutingTable;
import io.drover.cluster.FormationEvent.MemberState;
import io.drover.placement.Epoch;
import io.drover.placement.Placement;
import io.drover.placement.PlanningException;
import io.drover.placement.RebalanceEvent;
import io.drover.streams.Endpoint;

/**
 * Decides who is in the cluster, which node holds which experts, and what the routing table says: {@code on(event, now) -> commands},
 * without a clock, a thread or an actor.
 *
 * <p>Nodes report their whole state again and again, and are answered with orders that are a state too, each time they ask for it and
 * whenever something has changed for them. So a message that is lost, late or repeated is made good by a later one, and the machine keeps
 * few timers:
 *
 * <pre>
 * LEARNING  a new coordinator knows nothing. It asks who is here what they run, until each member has answered or the
 *           deadline is over, then takes over names, ids and memory, and continues under a higher term
 *   -> FORMING   nobody runs anything
 *   -> TAKING    a table was learned
 * FORMING   until the expected number of nodes is present; then homes are planned
 *   -> LOADING
 * LOADING   until every planned replica is ready
 *   -> MOVING
 *   -> FORMING   a node with a home is gone: plan again
 * TAKING    the learned table stays in force until each node has obeyed the new term, so that nothing of an older one can change
 *           what it holds any more, or the deadline is over
 *   -> MOVING
 * MOVING    {@link ExpertMoves} decides what each node holds, and publishes. Nodes come and go; one that the others have lost for
 *           longer than {@link Suspicion} allows is out of the table before membership is decided
 *   -> TAKING    a node has heard of a higher term
 * </pre>
 *
 * Not thread-safe. A device's ordinal is the id of its node.
 */
final class Formation {
    /**
     * @param expectedNodes nodes to wait for before experts are placed
     * @param learnNs       how long a silent member holds up a new coordinator
     * @param lostNs        how long most nodes must have lost another one for its experts to be restored elsewhere
     * @param identity      what every node must agree with
     * @param homes         places experts on the nodes given by id; may throw {@link PlanningException}
     * @param moves         how experts move afterwards
     */
    record Settings(int expectedNodes, long learnNs, long lostNs, Identity identity,
            Function<SortedMap<Integer, NodeDescriptor>, Placement> homes, ExpertMoves.Settings moves) {}

    /** A node that has reported in its present life. */
    record Node(NodeReport report, long reportNs) {
        MemberId member() {
            return report.node().member();
        }
    }

    /** What a node was last told. */
    private record Told(@Nullable ExpertSet hold, Epoch table, Epoch roster, boolean released) {}

    private static final long ROSTER_PERIOD_NS = 500_000_000;
    /** A witness that was silent for longer says nothing about others. */
    private static final long FRESH_NS = 1_500_000_000;

    private final Settings settings;
    private final long learnUntilNs;
    private final SortedMap<String, Node> nodes = new TreeMap<>();
    private final NodeNames names = new NodeNames();
    private final FirstPlacement first;
    private @Nullable Map<MemberId, MemberState> members;
    private final Map<MemberId, Told> told = new HashMap<>();
    private final Suspicion suspicion;
    private final Paces paces = new Paces();
    private boolean learning = true;
    private @Nullable RoutingTable learned;
    private final Terms terms;
    private long term;
    private long serial;
    private long takeUntilNs = Long.MAX_VALUE;
    private @Nullable ExpertMoves moves;
    private @Nullable RoutingTable published;
    private Roster roster = Roster.NOTHING;
    private long rosterNs;
    private boolean news;
    private long nowNs;

    /**
     * @param number   of the coordinator's member, for {@link Terms}
     * @param lastTerm likewise
     */
    Formation(final Settings settings, final int number, final long lastTerm, final long nowNs) {
        this.settings = settings;
        terms = new Terms(number, lastTerm);
        this.nowNs = nowNs;
        learnUntilNs = nowNs + settings.learnNs();
        suspicion = new Suspicion(settings.lostNs());
        first = new FirstPlacement(settings.homes());
    }

    List<FormationCommand> on(final FormationEvent event, final long atNs) {
        nowNs = atNs;
        news = false;
        final List<FormationCommand> commands = new ArrayList<>();
        MemberId reporter = null;
        final boolean asked = event instanceof FormationEvent.Reported report && report.report().asks();
        switch (event) {
            case FormationEvent.Members now -> {
                news |= !now.members().equals(members);
                members = Map.copyOf(now.members());
                told.keySet().retainAll(members.keySet());
            }
            case FormationEvent.Reported reported -> reporter = accept(reported.report(), commands);
            case FormationEvent.Placing placing -> {
                if (moves != null) {
                    moves.step(placing.event(), nowNs);
                }
            }
            case FormationEvent.Tick tick -> {
            }
        }
        advance(event, reporter);
        ClusterView view = null;
        for (final Node node : nodes.values()) {
            final MemberId member = node.member();
            if (state(node) != null && (news || asked && member.equals(reporter) || !tell(node).equals(told.get(member)))) {
                told.put(member, tell(node));
                view = view == null ? view() : view;
                commands.add(new FormationCommand.Send(member, orders(node, view)));
            }
        }
        if (moves != null) {
            moves.sent(serial);
            commands.addAll(moves.takeOutside());
        }
        return commands;
    }

    /** The term that epochs and orders are given out under; 0 while learning. */
    long term() {
        return term;
    }

    /** The table in force; null before there is one. */
    @Nullable
    RoutingTable published() {
        return published;
    }

    ClusterView view() {
        return new FormationView(this).render();
    }

    /** Takes a report in; null if it is refused or comes from somebody who is no member (any more, or yet). */
    private @Nullable MemberId accept(final NodeReport report, final List<FormationCommand> commands) {
        final NodeDescriptor node = report.node();
        final MemberId member = node.member();
        if (members == null || !members.containsKey(member)) {
            return null;
        }
        final String mismatch = settings.identity().mismatch(node.identity());
        if (!mismatch.isEmpty()) {
            commands.add(new FormationCommand.Refuse(member, "node '" + node.name() + "' may not join: " + mismatch));
            return null;
        }
        final Node known = nodes.get(node.name());
        final boolean sameLife = known != null && known.member().equals(member);
        if (known != null && !sameLife) {
            final MemberState other = members.get(known.member());
            if (other == MemberState.UP) {
                commands.add(
                        new FormationCommand.Refuse(member, "node name '" + node.name() + "' is in use by the running node at "
                                + known.member().address()));
            }
            if (other != null) {
                return null;
            }
        }
        if (sameLife && known.report().serial() >= report.serial() || !sameId(report, commands)) {
            return null;
        }
        if (!sameLife) {
            suspicion.forget(names.id(node.name()));
            if (moves != null) {
                moves.lose(names.id(node.name()), nowNs);
                // One that has obeyed orders was here before this coordinator.
                if (known != null || report.obeyed().equals(Epoch.NONE)) {
                    moves.ended(node.name());
                }
            }
        }
        news |= !sameLife || known.report().endpoint() == null && report.endpoint() != null;
        nodes.put(node.name(), new Node(sameLife && report.running() == null
                ? report.withRunning(known.report().running())
                : report, nowNs));
        suspicion.heard(names.id(node.name()), nowNs);
        heed(report);
        return member;
    }

    private boolean sameId(final NodeReport report, final List<FormationCommand> commands) {
        if (learning || report.nodeId() < 0) {
            return true;
        }
        final NodeDescriptor node = report.node();
        if (forming()) {
            names.yield(report.nodeId(), node.name());
        }
        names.claim(report.nodeId(), node.name());
        if (names.id(node.name()) == report.nodeId()) {
            return true;
        }
        commands.add(new FormationCommand.Refuse(node.member(), "node '" + node.name() + "' has node id " + report.nodeId()
                + ", which is not its id in this cluster; it must be started anew"));
        return false;
    }

    /** Learns from a report what earlier coordinators did. */
    private void heed(final NodeReport report) {
        terms.heard(report.obeyed().term());
        if (!learning && report.obeyed().term() > term) {
            // Only a higher term is sure to be obeyed. A later table of a lower one, installed since, changes nothing: the next is above it.
            term = terms.next();
            news = true;
            if (moves != null) {
                roster = Roster.of(roster.version(), names.all(), moves.saved());
                moves = null;
                takeUntilNs = nowNs + settings.learnNs();
            }
        }
        final Published running = report.running();
        if (learning && running != null) {
            if (learned == null || running.table().epoch().compareTo(learned.epoch()) > 0) {
                learned = running.table();
            }
            if (running.roster().version().compareTo(roster.version()) > 0) {
                roster = running.roster();
            }
        }
    }

    private void advance(final FormationEvent event, final @Nullable MemberId reporter) {
        if (learning && !endLearning()) {
            return;
        }
        news |= names.admit(nodes.keySet());
        if (moves == null) {
            begin();
        } else {
            move(moves, event, reporter);
        }
        if (moves != null) {
            publish(moves);
            remember(moves);
        }
    }

    /** Forms or takes over, and begins to move when that is done. */
    private void begin() {
        if (published == null) {
            form();
            if (first.exists() && first.devices().allMatch(this::complete)) {
                start();
            }
        } else if (nowNs - takeUntilNs >= 0 || present().allMatch(node -> node.report().obeyed().term() == term)) {
            start();
        }
    }

    private void start() {
        news = true;
        first.discard();
        moves = new ExpertMoves(settings.moves(), term, roster.saved(),
                present().map(Node::report).filter(report -> report.obeyed().term() == term).toList(), serial, nowNs);
    }

    private void move(final ExpertMoves running, final FormationEvent event, final @Nullable MemberId reporter) {
        judge(running);
        for (int id = 0; id < names.size(); id++) {
            final Node node = present(id);
            final boolean in = node != null && !suspicion.lost(id);
            final Node last = nodes.get(names.name(id));
            if (last != null && state(last) == null) {
                running.ended(names.name(id));
            }
            if (running.isMember(id) != in) {
                news = true;
                if (!in) {
                    running.lose(id, nowNs);
                } else if (node.report().obeyed().term() == term) {
                    running.join(node.report(), nowNs);
                }
            } else if (in && node.member().equals(reporter)) {
                running.report(node.report(), nowNs);
            }
        }
        if (event instanceof FormationEvent.Tick) {
            running.step(new RebalanceEvent.Tick(), nowNs);
        }
    }

    private void judge(final ExpertMoves running) {
        // The others do not speak to one that is out of the table, so that it soon misses all of them.
        final List<NodeReport> witnesses = present()
                .filter(node -> nowNs - node.reportNs() < FRESH_NS && !suspicion.lost(node.report().nodeId()))
                .map(Node::report)
                .toList();
        suspicion.step(witnesses.stream().collect(Collectors.toMap(NodeReport::nodeId, each -> Set.copyOf(each.suspects()))),
                nowNs);
        paces.step(witnesses, nowNs).forEach((id, times) -> running.pace(id, times, nowNs));
    }

    private Stream<Node> present() {
        return IntStream.range(0, names.size()).mapToObj(this::present).flatMap(Stream::ofNullable);
    }

    private boolean endLearning() {
        if (members == null) {
            return false;
        }
        final boolean late = nowNs - learnUntilNs >= 0;
        for (final MemberId member : members.keySet()) {
            final boolean told = nodes.values()
                    .stream()
                    .anyMatch(node -> node.member().equals(member)
                            && (node.report().installed().equals(Epoch.NONE) || node.report().running() != null));
            if (!told && !late) {
                return false;
            }
        }
        learning = false;
        news = true;
        term = terms.next();
        names.learn(roster.names());
        published = learned;
        takeUntilNs = nowNs + settings.learnNs();
        for (final Node node : nodes.values()) {
            names.claim(node.report().nodeId(), node.report().node().name());
        }
        return true;
    }

    private void form() {
        if (first.exists() && first.devices().allMatch(device -> present(device) != null)) {
            return;
        }
        news |= first.exists();
        first.discard();
        final SortedMap<Integer, NodeDescriptor> present = new TreeMap<>();
        present().forEach(node -> present.put(names.id(node.report().node().name()), node.report().node()));
        news |= present.size() >= settings.expectedNodes() && first.plan(present);
    }

    /** What a device is to hold: nothing before homes are planned; null where nothing is to change. */
    @Nullable
    ExpertSet hold(final int device) {
        if (moves != null) {
            return moves.hold(device);
        }
        if (learning || published != null) {
            return null;
        }
        return first.hold(device);
    }

    private void publish(final ExpertMoves running) {
        final Placement placement = running.table();
        if (placement == null || published != null && published.epoch().equals(placement.epoch())) {
            return;
        }
        final List<Endpoint> endpoints = new ArrayList<>();
        final List<Integer> nodeOfDevice = new ArrayList<>();
        for (int id = 0; id < names.size(); id++) {
            final Node node = present(id);
            final boolean in = node != null && running.isMember(id);
            nodeOfDevice.add(in ? id : -1);
            if (in) {
                endpoints.add(Objects.requireNonNull(node.report().endpoint()));
            }
        }
        published = new RoutingTable(endpoints, placement, nodeOfDevice);
        news = true;
    }

    /** Gives every node the memory of this coordinator, now and then. */
    private void remember(final ExpertMoves running) {
        if (roster.version().term() == term && roster.names().equals(names.all()) && nowNs - rosterNs < ROSTER_PERIOD_NS) {
            return;
        }
        rosterNs = nowNs;
        final Epoch version = roster.version().term() == term ? roster.version().next() : new Epoch(term, 1);
        final Roster newest = Roster.of(version, names.all(), running.saved());
        if (roster.version().term() != term || !newest.sameContent(roster)) {
            roster = newest;
        }
    }

    private boolean complete(final int device) {
        final Node node = present(device);
        return node != null && node.report().obeyed().term() == term
                && node.report().ready().containsAll(Objects.requireNonNull(hold(device)));
    }

    private Told tell(final Node node) {
        final int id = learning ? -1 : names.id(node.report().node().name());
        return new Told(hold(id), published == null || learning ? Epoch.NONE : published.epoch(), roster.version(),
                released(node));
    }

    private Orders orders(final Node node, final ClusterView view) {
        final NodeReport report = node.report();
        final int id = learning ? -1 : names.id(report.node().name());
        final RoutingTable now = published;
        final boolean recall = learning && !report.installed().equals(Epoch.NONE) && report.running() == null;
        final boolean send = !learning && now != null && !report.installed().equals(now.epoch());
        final boolean remind = !learning && !report.roster().equals(roster.version());
        return new Orders(new Epoch(learning ? 0 : term, ++serial), id, hold(id), recall, send ? now : null,
                remind ? roster : null, released(node), view);
    }

    /** Nobody waits for a node to take over what it has if there is none that stays. */
    private boolean released(final Node node) {
        final ExpertMoves running = moves;
        return running == null
                ? published == null && !learning
                : running.isReleased(node.report().node().name()) || running.allLeave();
    }

    /** The node of an id if it belongs into the table: with an engine, and a member that is not leaving. */
    private @Nullable Node present(final int id) {
        final Node node = id < names.size() ? nodes.get(names.name(id)) : null;
        final MemberState state = node == null ? null : state(node);
        return node != null && node.report().endpoint() != null && state != null && state != MemberState.LEAVING
                ? node
                : null;
    }

    @Nullable
    MemberState state(final Node node) {
        return members == null ? null : members.get(node.member());
    }

    // What the view is made of.

    boolean learning() {
        return learning;
    }

    /** Why experts cannot be placed; empty if they can. */
    String planningProblem() {
        return first.problem();
    }

    int expectedNodes() {
        return settings.expectedNodes();
    }

    List<String> names() {
        return names.all();
    }

    /** Whether there is neither a table nor a plan for the first one. */
    boolean forming() {
        return published == null && !first.exists();
    }

    /** What decides where experts live; null before the first table. */
    @Nullable
    ExpertMoves moves() {
        return moves;
    }

    boolean suspected(final int id) {
        return suspicion.lost(id);
    }

    @Nullable
    Node node(final String name) {
        return nodes.get(name);
    }

    long nowNs() {
        return nowNs;
    }
}
