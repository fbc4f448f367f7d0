package io.drover.actors;

import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.jspecify.annotations.Nullable;

import io.drover.model.forward.ExpertWeights;

/**
 * One expert replica: owns its packed weights and runs the rows that were sent to it, in merged batches, on its device's
 * dispatcher.
 *
 * <pre>
 * state      message      next       effect
 * EMPTY      Load         LOADING    packs the weights from files on a loader thread, or fetches them
 * LOADING    Loaded       READY      opens its port to the engine, answers Ready
 * LOADING    LoadFailed   EMPTY      answers LoadFailed; another Load tries again
 * READY      Load         READY      answers Ready
 * READY      Run          READY      runs one batch; asks itself again while rows are left
 * READY      Drain        DRAINING   closes the port to new rows
 * DRAINING   Run          DRAINING   runs one batch; when no rows are left frees the weights, answers Drained,
 *                                    and asks to be stopped
 * LOADING    Drain        DRAINING   waits for the load to end, then as above
 * EMPTY      Drain        DRAINED    answers Drained and asks to be stopped
 * DRAINED    Load         DRAINED    keeps it
 * DRAINED    Stop         stopped    sends again, to its successor, what it has kept
 * other      Stop         stopped    frees the weights
 * </pre>
 *
 * It does not stop by itself once it is drained: a Load that follows at once, because the expert is wanted here again, would be lost with it.
 */
public final class ExpertActor extends AbstractBehavior<ExpertActor.Command> {
    /** What a replica is told. */
    public sealed interface Command {}

    /** Load the weights; answered by {@link Ready} or {@link LoadFailed}. */
    public record Load(ActorRef<Reply> replyTo) implements Command {}

    /** Finish the rows that are here, free the weights and stop; answered by {@link Drained}. */
    public record Drain(ActorRef<Reply> replyTo) implements Command {}

    /** Stop: the answer to {@link Host#drained}, or the node's end. */
    public enum Stop implements Command {
        INSTANCE
    }

    /** What starts and stops replicas. */
    public interface Host {
        /** Nothing is left to run: the replica is to be sent {@link Stop}, and what comes after it is to go to a successor. */
        void drained(ActorRef<Command> replica);

        /** Sends a command to the successor. */
        void again(ReplicaId id, Command command);

        /** Of a replica that is in no shard and has no successor. */
        static Host none() {
            return new Host() {
                @Override
                public void drained(final ActorRef<Command> replica) {
                    replica.tell(Stop.INSTANCE);
                }

                @Override
                public void again(final ReplicaId id, final Command command) {
                    throw new IllegalStateException(id + " has no successor for " + command);
                }
            };
        }
    }

    private enum Run implements Command {
        INSTANCE
    }

    private record Loaded(@Nullable ExpertWeights weights, @Nullable Throwable failure) implements Command {}

    /** What a replica answers. */
    public sealed interface Reply {}

    /**
     * @param bytes  of packed weights
     * @param loadNs time from the first {@link Load} to here
     */
    public record Ready(ReplicaId id, long bytes, long loadNs) implements Reply {}

    /** @param reason one sentence */
    public record LoadFailed(ReplicaId id, String reason) implements Reply {}

    /** The replica is gone. */
    public record Drained(ReplicaId id) implements Reply {}

    private final ReplicaId id;
    private final ExpertEnvironment environment;
    private final Host host;
    private boolean drained;
    private @Nullable Load kept;
    private @Nullable ExpertWeights weights;
    private @Nullable ExpertPort port;
    private @Nullable ActorRef<Reply> loadReplyTo;
    private @Nullable ActorRef<Reply> drainReplyTo;
    private long loadStartNs;
    private long loadNs;

    private ExpertActor(final ActorContext<Command> context, final ReplicaId id, final ExpertEnvironment environment,
            final Host host) {
        super(context);
        this.id = id;
        this.environment = environment;
        this.host = host;
    }

    /** To be spawned on the dispatcher whose executor is {@link NodeEngine#deviceExecutor()}. */
    public static Behavior<Command> create(final ReplicaId id, final ExpertEnvironment environment, final Host host) {
        return Behaviors.setup(context -> new ExpertActor(context, id, environment, host));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder().onMessage(Command.class, this::on).onSignal(PostStop.class, this::onStop).build();
    }

    private Behavior<Command> on(final Command command) {
        return switch (command) {
            case Run run -> run();
            case Load load -> load(load);
            case Loaded loaded -> loaded(loaded);
            case Drain drain -> drain(drain);
            case Stop stop -> stop();
        };
    }

    private Behavior<Command> load(final Load load) {
        if (drained) {
            kept = load;
        } else if (weights != null) {
            load.replyTo().tell(new Ready(id, weights.bytes(), loadNs));
        } else {
            final boolean loading = loadReplyTo != null;
            loadReplyTo = load.replyTo();
            if (!loading) {
                loadStartNs = System.nanoTime();
                getContext().pipeToSelf(environment.load(id), Loaded::new);
            }
        }
        return this;
    }

    private Behavior<Command> loaded(final Loaded loaded) {
        final ActorRef<Reply> replyTo = loadReplyTo;
        loadReplyTo = null;
        loadNs = System.nanoTime() - loadStartNs;
        final ExpertWeights packed = loaded.weights();
        if (packed == null) {
            final Throwable failure = loaded.failure();
            final Throwable cause = failure != null && failure.getCause() != null ? failure.getCause() : failure;
            replyTo.tell(new LoadFailed(id, String.valueOf(cause == null ? "no weights" : cause.getMessage())));
            return drainReplyTo == null ? this : finishIfDrained();
        }
        weights = packed;
        final ActorRef<Command> self = getContext().getSelf();
        port = environment.open(id, packed, () -> self.tell(Run.INSTANCE));
        replyTo.tell(new Ready(id, packed.bytes(), loadNs));
        return drainReplyTo == null ? this : closePort();
    }

    private Behavior<Command> run() {
        if (port != null) {
            port.runBatch();
        }
        return drainReplyTo == null ? this : finishIfDrained();
    }

    private Behavior<Command> drain(final Drain drain) {
        drainReplyTo = drain.replyTo();
        kept = null;
        return closePort();
    }

    private Behavior<Command> closePort() {
        if (port != null && weights != null) {
            environment.close(id, port, weights);
        }
        return finishIfDrained();
    }

    private Behavior<Command> finishIfDrained() {
        if (loadReplyTo != null || port != null && port.queued() > 0) {
            return this;
        }
        free();
        drainReplyTo.tell(new Drained(id));
        if (!drained) {
            drained = true;
            host.drained(getContext().getSelf());
        }
        return this;
    }

    private Behavior<Command> stop() {
        if (kept != null) {
            host.again(id, kept);
        }
        return Behaviors.stopped();
    }

    private Behavior<Command> onStop(final PostStop signal) {
        free();
        return this;
    }

    private void free() {
        if (weights != null) {
            if (port != null) {
                environment.close(id, port, weights);
                port = null;
            }
            weights.close();
            weights = null;
        }
    }
}
