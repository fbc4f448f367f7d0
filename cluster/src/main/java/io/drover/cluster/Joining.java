package io.drover.cluster;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

import org.apache.pekko.actor.ActorSelection;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.AddressFromURIString;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.apache.pekko.pattern.Patterns;

/**
 * Brings an actor system into its cluster: knocks at the seeds' {@link Door}s until a member answers, compares, and joins through it;
 * or founds a cluster where that is this node's part. Waits, so it runs on the thread that starts the node.
 *
 * <p>Who founds: a node without seeds, at once; the first of the seeds, once each of the others has said that it is in no cluster, or
 * has not answered for {@link #FOUND_AFTER}. All others wait for a member. So two clusters can only come about when the first seed is
 * started anew while it cannot reach any other; list several seeds.
 */
final class Joining {
    private static final Duration FOUND_AFTER = Duration.ofSeconds(3);
    private static final Duration KNOCK_TIMEOUT = Duration.ofMillis(500);
    private static final Duration PAUSE = Duration.ofMillis(100);

    private record Heard(String seed, Door.Answer answer) {}

    private final ActorSystem<?> system;
    private final NodeSettings settings;
    private final Identity identity;
    private final Cluster cluster;
    private final String self;

    Joining(final ActorSystem<?> system, final NodeSettings settings, final Identity identity) {
        this.system = system;
        this.settings = settings;
        this.identity = identity;
        cluster = Cluster.get(system);
        self = Coordinator.id(cluster.selfMember()).address();
    }

    /**
     * @param deadlineNs by {@link System#nanoTime}
     * @throws StartException if a member runs something else, or nobody answers
     */
    void run(final long deadlineNs) throws InterruptedException {
        cluster.manager().tell(Join.create(findMember(deadlineNs)));
        while (!cluster.selfMember().status().equals(MemberStatus.up())) {
            requireTime(deadlineNs, "the cluster answers, but did not make this node a member");
            if (system.getWhenTerminated().toCompletableFuture().isDone()) {
                throw new StartException(settings.nodeName() + ": the actor system ended while it joined");
            }
            Thread.sleep(10);
        }
    }

    private Address findMember(final long deadlineNs) throws InterruptedException {
        final List<String> others = settings.seeds().stream().filter(seed -> !seed.equals(self)).toList();
        final boolean first = others.isEmpty() || settings.seeds().getFirst().equals(self);
        final long foundNs = System.nanoTime() + FOUND_AFTER.toNanos();
        while (true) {
            final List<Heard> heard = knock(others);
            for (final Heard one : heard) {
                if (one.answer().member()) {
                    return admitted(one);
                }
            }
            if (first && (heard.size() == others.size() || System.nanoTime() - foundNs >= 0)) {
                return cluster.selfMember().address();
            }
            requireTime(deadlineNs, heard.isEmpty()
                    ? "no node answers at " + String.join(", ", others)
                    : "the nodes at " + String.join(", ", others) + " are in no cluster yet; the first seed, "
                            + settings.seeds().getFirst()
                            + ", founds it");
            Thread.sleep(PAUSE);
        }
    }

    private Address admitted(final Heard member) {
        final String mismatch = member.answer().identity().mismatch(identity);
        if (!mismatch.isEmpty()) {
            throw new StartException(
                    "node '" + settings.nodeName() + "' may not join the cluster at " + member.seed() + ": " + mismatch);
        }
        return address(member.seed());
    }

    private List<Heard> knock(final List<String> seeds) {
        final List<CompletableFuture<Heard>> asked = new ArrayList<>();
        for (final String seed : seeds) {
            final ActorSelection door = Adapter.toClassic(system).actorSelection(address(seed) + "/user/" + Door.NAME);
            asked.add(Patterns.askWithReplyTo(door,
                    (final org.apache.pekko.actor.ActorRef replyTo) -> new Door.Knock(settings.nodeName(), self, identity,
                            Adapter.toTyped(replyTo)),
                    KNOCK_TIMEOUT).thenApply(answer -> new Heard(seed, (Door.Answer) answer)).toCompletableFuture());
        }
        final List<Heard> heard = new ArrayList<>();
        for (final CompletableFuture<Heard> one : asked) {
            try {
                heard.add(one.join());
            } catch (final CompletionException ignored) {
                // Nobody there, or not yet: asked again until the deadline.
            }
        }
        return heard;
    }

    private Address address(final String seed) {
        return AddressFromURIString.parse("pekko://" + system.name() + "@" + seed);
    }

    private void requireTime(final long deadlineNs, final String what) {
        if (System.nanoTime() - deadlineNs >= 0) {
            throw new StartException("node '" + settings.nodeName() + "' found no cluster within "
                    + settings.joinTimeout().toMillis() / 1000.0 + " s: " + what);
        }
    }
}
