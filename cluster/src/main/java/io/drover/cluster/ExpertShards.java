package io.drover.cluster;

import java.time.Duration;
import java.util.concurrent.CompletionStage;
import java.util.function.BiFunction;

import org.apache.pekko.Done;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.cluster.sharding.external.ExternalShardAllocation;
import org.apache.pekko.cluster.sharding.external.ExternalShardAllocationStrategy;
import org.apache.pekko.cluster.sharding.typed.ShardingMessageExtractor;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.Entity;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;
import org.apache.pekko.cluster.typed.Cluster;

import io.drover.actors.ExpertActor;
import io.drover.actors.ReplicaId;

/**
 * The experts' entity type. A shard is a device, pinned to the node that owns it by an external allocation; an entity is a replica on
 * that device. So a replica starts and stops inside its own node's region, and no shard coordinator takes part in it.
 *
 * <p>Only the owner sends through its region, and only to load and to drain. Tokens never come this way.
 */
final class ExpertShards {
    static final EntityTypeKey<ExpertActor.Command> TYPE = EntityTypeKey.create(ExpertActor.Command.class, "expert");
    private static final Duration ALLOCATION_TIMEOUT = Duration.ofSeconds(5);

    /** A command on its way to a replica. */
    record Envelope(ReplicaId replica, ExpertActor.Command command) {}

    private ExpertShards() {}

    /** Starts this node's region. */
    static ActorRef<Envelope> start(final ActorSystem<?> system,
            final BiFunction<ReplicaId, ExpertActor.Host, Behavior<ExpertActor.Command>> expert) {
        return ClusterSharding.get(system)
                .init(Entity.of(TYPE, context -> expert.apply(replica(context.getEntityId()), host(system, context.getShard())))
                        .withStopMessage(ExpertActor.Stop.INSTANCE)
                        .withMessageExtractor(new Extractor())
                        .withAllocationStrategy(ExternalShardAllocationStrategy.create(system, TYPE.name(), ALLOCATION_TIMEOUT))
                        .withEntityProps(DispatcherSelector.fromConfig(DeviceExecutor.DISPATCHER)));
    }

    /** The shard keeps what comes for a replica between {@code Passivate} and its end, and starts it anew for that. */
    private static ExpertActor.Host host(final ActorSystem<?> system, final ActorRef<ClusterSharding.ShardCommand> shard) {
        return new ExpertActor.Host() {
            @Override
            public void drained(final ActorRef<ExpertActor.Command> replica) {
                shard.tell(new ClusterSharding.Passivate<>(replica));
            }

            @Override
            public void again(final ReplicaId id, final ExpertActor.Command command) {
                ClusterSharding.get(system).entityRefFor(TYPE, id.toString()).tell(command);
            }
        };
    }

    /** Pins a device to this node. */
    static CompletionStage<Done> own(final ActorSystem<?> system, final int device) {
        return ExternalShardAllocation.get(system)
                .getClient(TYPE.name())
                .setShardLocation(shardId(device), Cluster.get(system).selfMember().address());
    }

    /**
     * A command without effect. It makes the region look the device's shard up when it starts, rather than with the first expert: that may
     * be one that was lost with a node, and the shard coordinator with it.
     */
    static Envelope locate(final int device, final ActorRef<ExpertActor.Reply> replyTo) {
        return new Envelope(new ReplicaId(0, ExpertSet.MAX_EXPERTS - 1, device), new ExpertActor.Drain(replyTo));
    }

    static String shardId(final int device) {
        return "device-" + device;
    }

    /** Reads {@link ReplicaId#toString()}, {@code L3/E17#2}. */
    static ReplicaId replica(final String entityId) {
        final int slash = entityId.indexOf("/E");
        final int hash = entityId.indexOf('#');
        try {
            if (entityId.charAt(0) == 'L' && slash > 0 && hash > slash) {
                return new ReplicaId(Integer.parseInt(entityId.substring(1, slash)),
                        Integer.parseInt(entityId.substring(slash + 2, hash)), Integer.parseInt(entityId.substring(hash + 1)));
            }
        } catch (final NumberFormatException ignored) {
            // Falls through to the one message.
        }
        throw new IllegalArgumentException("'" + entityId + "' is no replica; expected the form L3/E17#2");
    }

    private static final class Extractor extends ShardingMessageExtractor<Envelope, ExpertActor.Command> {
        @Override
        public String entityId(final Envelope envelope) {
            return envelope.replica().toString();
        }

        @Override
        public String shardId(final String entityId) {
            return ExpertShards.shardId(replica(entityId).device());
        }

        @Override
        public ExpertActor.Command unwrapMessage(final Envelope envelope) {
            return envelope.command();
        }
    }
}
