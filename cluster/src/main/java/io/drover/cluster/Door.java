package io.drover.cluster;

import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;

/**
 * Answers nodes that want to join, before they are members: says what this node runs and whether it is in a cluster. The one that
 * knocks compares; so a node of another model never becomes a member, and its user reads both values.
 */
final class Door {
    static final String NAME = "door";

    /**
     * @param name     who knocks
     * @param address  from where
     * @param identity what it would bring
     */
    record Knock(String name, String address, Identity identity, ActorRef<Answer> replyTo) implements ControlMessage {}

    /**
     * @param member   whether this node is in a cluster, so that one can join through it
     * @param identity what it runs
     */
    record Answer(boolean member, Identity identity) implements ControlMessage {}

    private Door() {}

    static Behavior<Knock> create(final Identity identity) {
        return Behaviors.setup(context -> Behaviors.receive(Knock.class).onMessage(Knock.class, knock -> {
            final boolean member = Cluster.get(context.getSystem()).selfMember().status().equals(MemberStatus.up());
            final String mismatch = identity.mismatch(knock.identity());
            if (member && !mismatch.isEmpty()) {
                context.getLog().warn("node '{}' at {} may not join: {}", knock.name(), knock.address(), mismatch);
            }
            knock.replyTo().tell(new Answer(member, identity));
            return Behaviors.same();
        }).build());
    }
}
