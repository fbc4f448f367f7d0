package io.drover.cluster;

import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.ClusterEvent.CurrentClusterState;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.util.ByteString;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.drover.cluster.FormationEvent.MemberState;
import io.drover.placement.Placement;
import io.drover.placement.Planner;
import io.drover.placement.PlanningException;
import io.drover.placement.RebalanceCommand;
import io.drover.placement.RebalanceEvent;
import io.drover.placement.RebalanceSettings;

/**
 * The coordinator's shell: a cluster singleton that feeds reports, membership and time to a {@link Formation} and sends what comes
 * out. It decides nothing.
 */
final class Coordinator {
    static final String NAME = "coordinator";
    private static final Duration TICK = Duration.ofMillis(200);
    /** Nodes report one after another; a plan for each of their reports would be too many. */
    private static final long WINDOW_NS = TimeUnit.SECONDS.toNanos(2);

    /** What the coordinator receives. */
    sealed interface Message {}

    /** A node's state, sent again and again. */
    record Report(NodeReport state, ActorRef<Answer> replyTo) implements Message, ControlMessage {}

    /** What a node receives for a report. */
    sealed interface Answer extends ControlMessage permits Orders, Refusal {}

    /** What a node's gates chose lately, sent at each interval. */
    record Routing(RoutingReport report) implements Message, ControlMessage {}

    /** Asks for the routing of the whole cluster. */
    record AskRouting(int maxBytes, ActorRef<RoutingAnswer> replyTo) implements Message, ControlMessage {}

    /**
     * The routing of the whole cluster.
     *
     * @param nodes           whose reports are in it
     * @param tokensPerSecond positions, all nodes together
     * @param window          {@link io.drover.placement.RoutingStatistics} as bytes; empty if no node has reported
     */
    record RoutingAnswer(int nodes, double tokensPerSecond, ByteString window) implements ControlMessage {}

    /** An operator's wish. */
    record Ask(Wish wish, ActorRef<MovesView> replyTo) implements Message, ControlMessage {}

    private record Tick() implements Message {}

    private record Planned(@Nullable Placement placement, @Nullable Throwable failure) implements Message {}

    private static final Logger LOG = LoggerFactory.getLogger(Coordinator.class);

    private final Cluster cluster;
    private final AtomicLong lastTerm;
    private final Formation formation;
    private final ActorContext<Message> context;
    private final Planner planner;
    private final RebalanceSettings rebalance;
    private final Executor background;
    private final Operations operations = new Operations(0);
    private RebalanceEvent.@Nullable Window lastWindow;
    private long nextWindowNs = System.nanoTime();
    private final long wallNs = TimeUnit.MILLISECONDS.toNanos(System.currentTimeMillis()) - System.nanoTime();
    private final Map<MemberId, ActorRef<Answer>> nodes = new HashMap<>();
    private final RoutingWindows routing;
    private @Nullable CurrentClusterState seen;

    private Coordinator(final ActorContext<Message> context, final AtomicLong lastTerm, final Formation.Settings settings,
            final RoutingWindows routing) {
        this.routing = routing;
        this.context = context;
        this.lastTerm = lastTerm;
        planner = settings.moves().planner();
        rebalance = settings.moves().rebalance();
        background = context.getSystem().dispatchers().lookup(DispatcherSelector.blocking());
        cluster = Cluster.get(context.getSystem());
        formation = new Formation(settings, cluster.selfMember().upNumber(), lastTerm.get(), now());
    }

    /**
     * @param lastTerm         the highest term that a coordinator on this node has used; kept up to date
     * @param pulse            beats with each message
     * @param routingSilenceNs after which a node's last {@link Routing} counts no more
     */
    static Behavior<Message> create(final Formation.Settings settings, final AtomicLong lastTerm, final Pulse pulse,
            final long routingSilenceNs) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> {
            final Coordinator coordinator = new Coordinator(context, lastTerm, settings, new RoutingWindows(routingSilenceNs));
            timers.startTimerWithFixedDelay(new Tick(), TICK);
            return Behaviors.receive(Message.class).onAnyMessage(message -> {
                pulse.beat();
                coordinator.on(message);
                return Behaviors.same();
            }).onSignal(PostStop.class, stop -> {
                pulse.gone();
                return Behaviors.same();
            }).build();
        }));
    }

    private void on(final Message message) {
        final CurrentClusterState state = cluster.state();
        if (state != seen) {
            seen = state;
            final Map<MemberId, MemberState> members = members(state);
            nodes.keySet().retainAll(members.keySet());
            routing.onMembers(members.keySet());
            step(new FormationEvent.Members(members));
        }
        switch (message) {
            case Report report -> {
                nodes.put(report.state().node().member(), report.replyTo());
                step(new FormationEvent.Reported(report.state()));
            }
            case Routing news -> routing.onReport(news.report(), System.nanoTime());
            case AskRouting ask -> ask.replyTo().tell(routing(ask.maxBytes()));
            case Ask ask -> ask.replyTo().tell(grant(ask.wish()));
            case Tick tick -> tick();
            case Planned planned -> {
                if (planned.placement() != null) {
                    step(new FormationEvent.Placing(new RebalanceEvent.Planned(planned.placement())));
                } else {
                    step(new FormationEvent.Placing(new RebalanceEvent.Unplanned(reason(planned.failure()))));
                }
            }
        }
    }

    /** What went wrong, without the stage that it came through; a refusal in its own words. */
    static String reason(final @Nullable Throwable failure) {
        final Throwable cause = failure instanceof CompletionException && failure.getCause() != null
                ? failure.getCause()
                : failure;
        return String.valueOf(cause instanceof PlanningException ? cause.getMessage() : cause);
    }

    private MovesView grant(final Wish wish) {
        final ExpertMoves moves = formation.moves();
        if (moves == null) {
            return Operations.unready("not now: " + formation.view().reason());
        }
        operations.enter(formation.term());
        final MovesView answer = operations.on(wish, moves, formation.names(), now());
        if (wish.kind() != Wish.Kind.LOOK) {
            // Carries out what the wish has changed.
            step(new FormationEvent.Tick());
        }
        return answer;
    }

    private void tick() {
        step(new FormationEvent.Tick());
        final long startNs = System.nanoTime();
        if (startNs - nextWindowNs < 0) {
            return;
        }
        final RebalanceEvent.Window window = routing.merged(startNs);
        if (window != null && window != lastWindow) {
            lastWindow = window;
            step(new FormationEvent.Placing(window));
            final long endNs = System.nanoTime();
            nextWindowNs = endNs + Math.max(WINDOW_NS, rebalance.restNs(endNs - startNs));
            LOG.debug("a window was weighed in {} ms", TimeUnit.NANOSECONDS.toMillis(endNs - startNs));
        }
    }

    /** The wall's time at the start, which coordinators share and the ledger needs; from then on it cannot be set, unlike the wall's. */
    private long now() {
        return System.nanoTime() + wallNs;
    }

    private void step(final FormationEvent event) {
        final List<FormationCommand> commands = formation.on(event, now());
        lastTerm.accumulateAndGet(formation.term(), Math::max);
        final List<FormationCommand.Alert> alerts = new ArrayList<>();
        for (final FormationCommand command : commands) {
            switch (command) {
                case FormationCommand.Send send -> tell(send.to(), send.orders());
                case FormationCommand.Refuse refuse -> tell(refuse.to(), new Refusal(refuse.sentence()));
                case FormationCommand.Plan plan ->
                    // Not on the common pool: Pekko's stages complete there, so that a long plan would hold requests up.
                    context.pipeToSelf(CompletableFuture.supplyAsync(() -> planner.plan(plan.request()), background),
                            Planned::new);
                case FormationCommand.Alert alert -> alerts.add(alert);
            }
        }
        tellAlerts(alerts);
    }

    private RoutingAnswer routing(final int maxBytes) {
        final RebalanceEvent.Window window = routing.merged(System.nanoTime());
        return window == null
                ? new RoutingAnswer(0, 0, ByteString.emptyByteString())
                : new RoutingAnswer(routing.nodes(), window.tokensPerSecond(),
                        ByteString.fromArrayUnsafe(window.statistics().toBytes(maxBytes)));
    }

    /** One line for each kind: a lost node may leave hundreds of experts without a place at once. */
    private void tellAlerts(final List<FormationCommand.Alert> alerts) {
        final Set<RebalanceCommand.Kind> told = EnumSet.noneOf(RebalanceCommand.Kind.class);
        for (final FormationCommand.Alert alert : alerts) {
            operations.alerted(alert.kind() + ": " + alert.message(), now());
            if (told.add(alert.kind())) {
                final long more = alerts.stream().filter(other -> other.kind() == alert.kind()).count() - 1;
                LOG.warn("{}: {}{}", alert.kind(), alert.message(), more == 0 ? "" : "; " + more + " more of the kind");
            }
        }
    }

    private void tell(final MemberId to, final Answer answer) {
        final ActorRef<Answer> node = nodes.get(to);
        if (node != null) {
            node.tell(answer);
        }
    }

    private static Map<MemberId, MemberState> members(final CurrentClusterState state) {
        final Set<Member> unreachable = new HashSet<>(state.getUnreachable());
        final Map<MemberId, MemberState> members = new HashMap<>();
        for (final Member member : state.getMembers()) {
            final MemberStatus status = member.status();
            if (status.equals(MemberStatus.up())) {
                members.put(id(member), unreachable.contains(member) ? MemberState.UNREACHABLE : MemberState.UP);
            } else if (status.equals(MemberStatus.leaving()) || status.equals(MemberStatus.exiting())) {
                members.put(id(member), MemberState.LEAVING);
            }
        }
        return members;
    }

    static MemberId id(final Member member) {
        return new MemberId(member.address().getHost().orElse("") + ":" + member.address().getPort().orElse(0),
                member.uniqueAddress().longUid());
    }
}
