package io.drover.cluster;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Supplier;

import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.jspecify.annotations.Nullable;

import io.drover.actors.EngineStatus;
import io.drover.actors.ExpertActor;
import io.drover.actors.ExpertActor.Reply;
import io.drover.actors.ReplicaId;
import io.drover.actors.RoutingTable;
import io.drover.cluster.Participant.Event;
import io.drover.streams.BulkPlane;
import io.drover.streams.Endpoint;

/**
 * The root actor of a node, the shell of its {@link Participant}: carries reports to the coordinator and orders back, commands to
 * replicas and their answers back.
 */
final class NodeGuardian {
    private static final Duration TICK = Duration.ofMillis(100);

    /** What the guardian receives. */
    sealed interface Command {}

    /** The node is a member: begin to report. */
    record Register(NodeDescriptor node, Quorum quorum, Rescue rescue,
            ActorRef<Coordinator.Message> coordinator) implements Command {}

    /** The engine runs: replicas can be loaded, tables installed. */
    record EngineStarted(Endpoint endpoint, BulkPlane bulk, Consumer<RoutingTable> install,
            Supplier<List<EngineStatus.Peer>> peers,
            ActorRef<ExpertShards.Envelope> region)
            implements
                Command {}

    /** The node is to stop; the listener sees when it may. */
    enum Leave implements Command {
        INSTANCE
    }

    private record Answered(Coordinator.Answer answer) implements Command {}

    private record Replied(Reply reply) implements Command {}

    private record Tick() implements Command {}

    /** Who is told what the node experiences; called on the guardian's thread, must not block. */
    interface Listener {
        /** Comes once. */
        void identified(int nodeId);

        void refused(String sentence);

        /** After each event. */
        void seen(Participant participant);
    }

    private final ActorRef<Coordinator.Answer> answers;
    private final ActorRef<Reply> replies;
    private final Participant participant;
    private final ActorRef<Coordinator.Message> coordinator;
    private final Listener listener;
    private @Nullable EngineStarted engine;

    private NodeGuardian(final ActorContext<Command> context, final Participant participant,
            final ActorRef<Coordinator.Message> coordinator, final Listener listener) {
        answers = context.messageAdapter(Coordinator.Answer.class, Answered::new);
        replies = context.messageAdapter(Reply.class, Replied::new);
        this.participant = participant;
        this.coordinator = coordinator;
        this.listener = listener;
    }

    static Behavior<Command> create(final Identity identity, final Residency residency, final Listener listener) {
        return Behaviors.setup(context -> {
            context.spawn(Door.create(identity), Door.NAME);
            return Behaviors.withTimers(timers -> Behaviors.receive(Command.class)
                    .onMessage(Register.class, register -> begin(context, timers, register, residency, listener))
                    .build());
        });
    }

    private static Behavior<Command> begin(final ActorContext<Command> context, final TimerScheduler<Command> timers,
            final Register register, final Residency residency, final Listener listener) {
        final NodeGuardian guardian = new NodeGuardian(context,
                new Participant(register.node(), residency, register.quorum(), register.rescue(), System.nanoTime()),
                register.coordinator(), listener);
        timers.startTimerWithFixedDelay(new Tick(), TICK);
        guardian.step(new Event.Tick());
        return Behaviors.receive(Command.class).onAnyMessage(command -> {
            guardian.on(command);
            return Behaviors.same();
        }).build();
    }

    private void on(final Command command) {
        switch (command) {
            case Answered answered -> answered(answered.answer());
            case Replied replied -> step(event(replied.reply()));
            case EngineStarted started -> {
                engine = started;
                started.region().tell(ExpertShards.locate(participant.nodeId(), replies));
                step(new Event.EngineStarted(started.endpoint(), started.bulk().endpoint()));
            }
            case Tick tick -> {
                if (engine != null) {
                    final List<EngineStatus.Peer> peers = engine.peers().get();
                    step(new Event.Suspected(peers.stream()
                            .filter(EngineStatus.Peer::suspected)
                            .map(EngineStatus.Peer::nodeId)
                            .sorted()
                            .toList()));
                    step(new Event.Paced(Paces.slow(peers)));
                }
                step(new Event.Tick());
            }
            case Leave leave -> step(new Event.LeaveRequested());
            case Register register -> throw new IllegalStateException("a node registers once");
        }
    }

    private void answered(final Coordinator.Answer answer) {
        switch (answer) {
            case Orders orders -> {
                if (engine != null) {
                    engine.bulk().peers(orders.view().nodes().stream().map(NodeView::bulk).filter(Objects::nonNull).toList());
                }
                step(new Event.Ordered(orders));
            }
            case Refusal refusal -> listener.refused(refusal.sentence());
        }
    }

    private static Event event(final Reply reply) {
        return switch (reply) {
            case ExpertActor.Ready ready -> new Event.ReplicaReady(code(ready.id()));
            case ExpertActor.LoadFailed failed -> new Event.ReplicaFailed(code(failed.id()), failed.reason());
            case ExpertActor.Drained drained -> new Event.ReplicaDrained(code(drained.id()));
        };
    }

    private static int code(final ReplicaId id) {
        return ExpertSet.code(id.layer(), id.expert());
    }

    private void step(final Event event) {
        for (final Participant.Command command : participant.on(event, System.nanoTime())) {
            switch (command) {
                case Participant.Command.Report report -> coordinator.tell(new Coordinator.Report(report.state(), answers));
                case Participant.Command.StartEngine start -> listener.identified(start.nodeId());
                case Participant.Command.Install install -> engine().install().accept(install.table());
                case Participant.Command.Reroute reroute -> engine().install().accept(reroute.table());
                case Participant.Command.Replica replica -> tell(replica.command());
            }
        }
        listener.seen(participant);
    }

    private void tell(final Residency.Command command) {
        final ReplicaId replica = new ReplicaId(ExpertSet.layer(command.code()), ExpertSet.expert(command.code()),
                participant.nodeId());
        final ExpertActor.Command order = switch (command) {
            case Residency.Command.Load load -> new ExpertActor.Load(replies);
            case Residency.Command.Drain drain -> new ExpertActor.Drain(replies);
        };
        engine().region().tell(new ExpertShards.Envelope(replica, order));
    }

    private EngineStarted engine() {
        final EngineStarted started = engine;
        if (started == null) {
            throw new IllegalStateException("commands come after the engine was started");
        }
        return started;
    }
}
