package io.drover.cluster;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.IntStream;

import org.jspecify.annotations.Nullable;

import io.drover.actors.RoutingTable;
import io.drover.placement.Epoch;
import io.drover.placement.Placement;
import io.drover.placement.PlanningException;
import io.drover.streams.Endpoint;

/**
 * Decides who is in the cluster, which node holds which experts, and what the routing table says: {@code on(event, now) -> commands},
 * without a clock, a thread or an actor.
 *
 * <p>Nodes report their whole state again and again, and every report is answered with orders that are a state too. So a message that
 * is lost, late or repeated is made good by the next one, and the machine keeps no timers but one:
 *
 * <pre>
 * LEARNING  a new coordinator knows nothing. It asks who is here what they run, until each member has answered or the
 *           deadline is over, then takes over names, ids and homes of the highest epoch, and continues under a higher term
 *   -> FORMING   nobody runs anything
 *   -> SERVING   a table was learned
 * FORMING   until the expected number of nodes is present; then homes are planned
 *   -> LOADING
 * LOADING   until every planned replica is ready; then the first table is published
 *   -> SERVING
 *   -> FORMING   a node with a home is gone and nothing is published: plan again
 * SERVING   each change of nodes or ready replicas is published as the next epoch. Homes stay: a node that comes back under its name
 *           gets its experts back. A node that is new is a home of sequences, without experts
 * </pre>
 *
 * Not thread-safe. A device's ordinal is the id of its node.
 */
final class Formation {
    /**
     * @param expectedNodes nodes to wait for before experts are placed
     * @param learnNs       how long a silent member holds up a new coordinator
     * @param identity      what every node must agree with
     * @param homes         places experts on the nodes given by id; may throw {@link PlanningException}
     */
    record Settings(int expectedNodes, long learnNs, Identity identity,
            Function<SortedMap<Integer, NodeDescriptor>, Placement> homes) {}

    /** What the machine is told. */
    sealed interface Event {
        /** Who is a member now; whoever is not named is none. */
        record Members(Map<MemberId, MemberState> members) implements Event {}

        record Reported(NodeReport report) implements Event {}

        /** Time has passed. */
        record Tick() implements Event {}
    }

    /** What Pekko knows of a member. */
    enum MemberState {
        UP, UNREACHABLE, LEAVING
    }

    /** What the machine wants done. */
    sealed interface Command {
        record Send(MemberId to, Orders orders) implements Command {}

        record Refuse(MemberId to, String sentence) implements Command {}
    }

    /** A node that has reported in its present life. */
    record Node(NodeReport report, long reportNs) {
        MemberId member() {
            return report.node().member();
        }
    }

    /** In place of the name of an id that nobody here remembers, but that an absent node may have. */
    private static final String VACANT = "";

    private static final int TERM_STRIDE = 1024;

    private final Settings settings;
    private final int number;
    private final long learnUntilNs;
    private final SortedMap<String, Node> nodes = new TreeMap<>();
    private final List<String> names = new ArrayList<>();
    private @Nullable Map<MemberId, MemberState> members;
    private boolean learning = true;
    private @Nullable Published learned;
    private long highestTerm;
    private long term;
    private long serial;
    private @Nullable Placement homes;
    private List<ExpertSet> holds = List.of();
    private @Nullable Published published;
    private String planningProblem = "";
    private boolean news;
    private boolean stale;
    private long nowNs;

    /**
     * @param number   of the coordinator's member; no two that live at once or soon after each other have the same
     * @param lastTerm highest term that an earlier coordinator of the same member has used
     */
    Formation(final Settings settings, final int number, final long lastTerm, final long nowNs) {
        this.settings = settings;
        this.number = number;
        highestTerm = lastTerm;
        this.nowNs = nowNs;
        learnUntilNs = nowNs + settings.learnNs();
    }

    List<Command> on(final Event event, final long atNs) {
        nowNs = atNs;
        news = false;
        final List<Command> commands = new ArrayList<>();
        final MemberId reporter = switch (event) {
            case Event.Members now -> {
                final boolean changed = !now.members().equals(members);
                news |= changed;
                stale |= changed;
                members = Map.copyOf(now.members());
                yield null;
            }
            case Event.Reported reported -> accept(reported.report(), commands);
            case Event.Tick tick -> null;
        };
        advance();
        for (final Node node : nodes.values()) {
            if (node.member().equals(reporter) || news && state(node) != null) {
                commands.add(new Command.Send(node.member(), orders(node)));
            }
        }
        return commands;
    }

    /** The term that epochs and orders are given out under; 0 while learning. */
    long term() {
        return term;
    }

    /** The table in force; null before there is one. */
    @Nullable
    Published published() {
        return published;
    }

    ClusterView view() {
        return new FormationView(this).render();
    }

    /** Takes a report in; null if it is refused or comes from somebody who is no member (any more, or yet). */
    private @Nullable MemberId accept(final NodeReport report, final List<Command> commands) {
        final NodeDescriptor node = report.node();
        final MemberId member = node.member();
        if (members == null || !members.containsKey(member)) {
            return null;
        }
        final String mismatch = settings.identity().mismatch(node.identity());
        if (!mismatch.isEmpty()) {
            commands.add(new Command.Refuse(member, "node '" + node.name() + "' may not join: " + mismatch));
            return null;
        }
        final Node known = nodes.get(node.name());
        if (known != null && !known.member().equals(member)) {
            final MemberState other = members.get(known.member());
            if (other == MemberState.UP) {
                commands.add(new Command.Refuse(member, "node name '" + node.name() + "' is in use by the running node at "
                        + known.member().address()));
            }
            if (other != null) {
                return null;
            }
        }
        final boolean sameLife = known != null && known.member().equals(member);
        if (sameLife && known.report().serial() >= report.serial()) {
            return null;
        }
        if (!learning && report.nodeId() >= 0) {
            if (published == null && homes == null
                    && (report.nodeId() >= names.size() || names.get(report.nodeId()).equals(VACANT))) {
                names.replaceAll(name -> name.equals(node.name()) ? VACANT : name);
            }
            claim(report.nodeId(), node.name());
            if (names.indexOf(node.name()) != report.nodeId()) {
                commands.add(new Command.Refuse(member, "node '" + node.name() + "' has node id " + report.nodeId()
                        + ", which is not its id in this cluster; it must be started anew"));
                return null;
            }
        }
        final NodeReport kept = sameLife && report.running() == null
                ? withRunning(report, known.report().running())
                : report;
        stale |= known == null || !sameLife || !sameHoldings(known.report(), kept);
        nodes.put(node.name(), new Node(kept, nowNs));
        highestTerm = Math.max(highestTerm, report.term());
        if (!learning
                && (report.term() > term || published != null && report.installed().compareTo(published.table().epoch()) > 0)) {
            // An earlier coordinator went beyond what this one learned: only a higher term is sure to be obeyed.
            raiseTerm();
            news = true;
            stale = true;
        }
        final Published running = report.running();
        if (learning && running != null && (learned == null || running.table().epoch().compareTo(learned.table().epoch()) > 0)) {
            learned = running;
        }
        return member;
    }

    private static boolean sameHoldings(final NodeReport a, final NodeReport b) {
        return a.loading() == b.loading() && Objects.equals(a.endpoint(), b.endpoint()) && a.loaded().equals(b.loaded());
    }

    private static NodeReport withRunning(final NodeReport report, final @Nullable Published running) {
        return new NodeReport(report.node(), report.serial(), report.nodeId(), report.endpoint(), report.term(),
                report.installed(),
                report.loading(), report.loaded(), report.problem(), running);
    }

    private void advance() {
        if (learning && !endLearning()) {
            return;
        }
        for (final String name : nodes.keySet()) {
            if (!names.contains(name)) {
                names.add(name);
                news = true;
                stale = true;
            }
        }
        if (published == null) {
            form();
        }
        // Comparing whole tables is the one expensive step, so it waits for a cause.
        if (stale) {
            stale = false;
            publish();
        }
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
        stale = true;
        raiseTerm();
        if (learned != null) {
            names.addAll(learned.roster().names());
            settle(learned.roster().homes());
            published = learned;
        }
        for (final Node node : nodes.values()) {
            claim(node.report().nodeId(), node.report().node().name());
        }
        return true;
    }

    /**
     * Takes the next term above all that it has heard of that is this member's own: two coordinators never share one, even where the
     * second has not heard of the first.
     */
    private void raiseTerm() {
        final long above = highestTerm + 1;
        term = above + Math.floorMod(number - above, (long) TERM_STRIDE);
        highestTerm = term;
    }

    /** Keeps an id that an earlier coordinator gave out before it published anything. */
    private void claim(final int id, final String name) {
        if (id < 0 || names.contains(name)) {
            return;
        }
        while (names.size() <= id) {
            names.add(VACANT);
        }
        if (names.get(id).equals(VACANT)) {
            names.set(id, name);
        }
    }

    private void form() {
        final Placement planned = homes;
        if (planned != null && devices(planned).allMatch(device -> present(device) != null)) {
            return;
        }
        settle(null);
        final SortedMap<Integer, NodeDescriptor> present = new TreeMap<>();
        for (int id = 0; id < names.size(); id++) {
            final Node node = present(id);
            if (node != null) {
                present.put(id, node.report().node());
            }
        }
        news |= planned != null;
        if (present.size() >= settings.expectedNodes()) {
            try {
                settle(settings.homes().apply(present));
                planningProblem = "";
                news = true;
            } catch (final PlanningException e) {
                planningProblem = Objects.requireNonNullElse(e.getMessage(), "no placement");
            }
        }
    }

    private void settle(final @Nullable Placement target) {
        stale |= target != null || homes != null;
        homes = target;
        holds = target == null
                ? List.of()
                : IntStream.rangeClosed(0, devices(target).max().orElse(-1)).mapToObj(device -> hold(target, device)).toList();
    }

    /** What a device is to hold; nothing before homes are planned. */
    ExpertSet hold(final int device) {
        return device >= 0 && device < holds.size() ? holds.get(device) : ExpertSet.EMPTY;
    }

    private void publish() {
        final Placement target = homes;
        if (target == null) {
            return;
        }
        final Published last = published;
        if (last == null && devices(target).anyMatch(device -> !complete(device))) {
            return;
        }
        final RoutingTable table = derive(target);
        final Roster roster = new Roster(names, target);
        final boolean sameTerm = last != null && last.table().epoch().term() == term;
        if (sameTerm && sameContent(table, last.table()) && roster.equals(last.roster())) {
            return;
        }
        final Epoch epoch = sameTerm ? last.table().epoch().next() : new Epoch(term, 1);
        published = new Published(new RoutingTable(table.nodes(), table.placement().withEpoch(epoch), table.nodeOfDevice()),
                roster);
        news = true;
    }

    private RoutingTable derive(final Placement target) {
        final List<Endpoint> endpoints = new ArrayList<>();
        for (int id = 0; id < names.size(); id++) {
            final Node node = present(id);
            if (node != null) {
                endpoints.add(Objects.requireNonNull(node.report().endpoint()));
            }
        }
        final int[][][] devices = target.toArray();
        for (int layer = 0; layer < devices.length; layer++) {
            for (int expert = 0; expert < devices[layer].length; expert++) {
                final int code = ExpertSet.code(layer, expert);
                devices[layer][expert] = Arrays.stream(devices[layer][expert]).filter(device -> usable(device, code)).toArray();
            }
        }
        return new RoutingTable(endpoints, Placement.of(Epoch.NONE, devices),
                IntStream.range(0, names.size()).mapToObj(this::nodeOf).toList());
    }

    private int nodeOf(final int device) {
        return present(device) == null ? -1 : device;
    }

    /** While a node is loading, what is new on it is held back, so that it enters the table in one epoch and not expert by expert. */
    private boolean usable(final int device, final int code) {
        final Node node = present(device);
        return node != null && node.report().loaded().contains(code)
                && (!node.report().loading() || published != null && published.table().nodes().contains(node.report().endpoint())
                        && published.table().placement().hosts(device, ExpertSet.layer(code), ExpertSet.expert(code)));
    }

    private boolean complete(final int device) {
        final Node node = present(device);
        return node != null && node.report().loaded().containsAll(hold(device));
    }

    private static boolean sameContent(final RoutingTable a, final RoutingTable b) {
        return a.nodes().equals(b.nodes()) && a.nodeOfDevice().equals(b.nodeOfDevice())
                && a.placement().withEpoch(Epoch.NONE).equals(b.placement().withEpoch(Epoch.NONE));
    }

    private Orders orders(final Node node) {
        final int id = learning ? -1 : names.indexOf(node.report().node().name());
        final Published now = published;
        final boolean recall = learning && !node.report().installed().equals(Epoch.NONE) && node.report().running() == null;
        final boolean send = !learning && now != null && !node.report().installed().equals(now.table().epoch());
        return new Orders(new Epoch(learning ? 0 : term, ++serial), id, hold(id), recall, send ? now : null, view());
    }

    static ExpertSet hold(final Placement target, final int device) {
        return ExpertSet.of(IntStream.range(0, target.layers())
                .boxed()
                .flatMapToInt(layer -> IntStream.range(0, target.experts(layer))
                        .filter(expert -> target.hosts(device, layer, expert))
                        .map(expert -> ExpertSet.code(layer, expert))));
    }

    static IntStream devices(final Placement target) {
        return Arrays.stream(target.toArray()).flatMap(Arrays::stream).flatMapToInt(Arrays::stream).distinct().sorted();
    }

    /** The node of an id if it belongs into the table: with an engine, and a member that is not leaving. */
    private @Nullable Node present(final int id) {
        final Node node = id < names.size() ? nodes.get(names.get(id)) : null;
        final MemberState state = node == null ? null : state(node);
        return node != null && node.report().endpoint() != null && state != null && state != MemberState.LEAVING ? node : null;
    }

    @Nullable
    MemberState state(final Node node) {
        return members == null ? null : members.get(node.member());
    }

    // What the view is made of.

    boolean learning() {
        return learning;
    }

    String planningProblem() {
        return planningProblem;
    }

    int expectedNodes() {
        return settings.expectedNodes();
    }

    List<String> names() {
        return names;
    }

    @Nullable
    Placement homes() {
        return homes;
    }

    @Nullable
    Node node(final String name) {
        return nodes.get(name);
    }

    long nowNs() {
        return nowNs;
    }
}
