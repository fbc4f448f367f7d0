package io.drover.cluster;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

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
 * <p>Who founds: a node without seeds, at once; the first of the seeds, once each of the others has said that it is in no cluster,
 * refuses connections, or could not be reached at all for {@link #FOUND_AFTER}. A seed that takes connections and says nothing is busy
 * and is waited for. All other nodes wait for a member. So two clusters can only come about when the first seed is started anew while the
 * network between it and all others is cut; list several seeds. And until its cluster has formed, a founder goes on to look for another
 * ({@link #watch}).
 */
final class Joining {
    private static final Duration FOUND_AFTER = Duration.ofSeconds(3);
    private static final Duration KNOCK_TIMEOUT = Duration.ofSeconds(1);
    private static final Duration CONNECT_TIMEOUT = Duration.ofMillis(500);
    private static final Duration PAUSE = Duration.ofMillis(100);
    private static final Duration WATCH_PERIOD = Duration.ofSeconds(2);

    private record Heard(String seed, Door.Answer answer) {}

    /** What becomes of a connection to a seed. */
    private enum Connection {
        TAKEN, REFUSED, UNREACHABLE
    }

    private final ActorSystem<?> system;
    private final NodeSettings settings;
    private final Identity identity;
    private final Cluster cluster;
    private final String self;
    private final List<String> others;
    private boolean founded;

    Joining(final ActorSystem<?> system, final NodeSettings settings, final Identity identity) {
        this.system = system;
        this.settings = settings;
        this.identity = identity;
        cluster = Cluster.get(system);
        self = Coordinator.id(cluster.selfMember()).address();
        others = settings.seeds().stream().filter(seed -> !seed.equals(self)).toList();
    }

    /**
     * @param deadlineNs by {@link System#nanoTime}
     * @throws StartException if a member runs something else, or nobody answers
     */
    void run(final long deadlineNs) throws InterruptedException {
        final Address member = findMember(deadlineNs);
        founded = member.equals(cluster.selfMember().address());
        cluster.manager().tell(Join.create(member));
        while (!cluster.selfMember().status().equals(MemberStatus.up())) {
            requireTime(deadlineNs, "the cluster answers, but did not make this node a member");
            if (system.getWhenTerminated().toCompletableFuture().isDone()) {
                throw new StartException(settings.nodeName() + ": the actor system ended while it joined");
            }
            Thread.sleep(10);
        }
    }

    /**
     * Where this node has founded a cluster: looks for another at the seeds, on a thread of its own, until its own has formed or one is
     * found. Two clusters beside each other are not made one by time, so the one that has not formed yet has to go.
     *
     * @param formed  whether there is nothing to look for any more
     * @param strayed told once, in one sentence, that this node has to be started anew
     */
    void watch(final BooleanSupplier formed, final Consumer<String> strayed) {
        if (!founded || others.isEmpty()) {
            return;
        }
        Thread.ofPlatform().daemon().name("drover-founder-" + settings.nodeName()).start(() -> {
            try {
                while (!formed.getAsBoolean() && !system.getWhenTerminated().toCompletableFuture().isDone()) {
                    Thread.sleep(WATCH_PERIOD);
                    final List<Heard> strangers = strangers();
                    if (!strangers.isEmpty() && !formed.getAsBoolean()) {
                        strayed.accept("node '" + settings.nodeName() + "' has founded a cluster that has not formed, and at "
                                + strangers.getFirst().seed() + " there is another; it must be started anew, to join that one");
                        return;
                    }
                }
            } catch (final InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    private List<Heard> strangers() {
        final Map<String, Connection> connections = connect();
        final List<Heard> heard = new ArrayList<>(
                knock(others.stream().filter(seed -> connections.get(seed) == Connection.TAKEN).toList()));
        final Set<String> members = new HashSet<>();
        cluster.state().getMembers().forEach(member -> members.add(Coordinator.id(member).address()));
        heard.removeIf(one -> !one.answer().member() || members.contains(one.seed()));
        return heard;
    }

    private Address findMember(final long deadlineNs) throws InterruptedException {
        final boolean first = others.isEmpty() || settings.seeds().getFirst().equals(self);
        final long foundNs = System.nanoTime() + FOUND_AFTER.toNanos();
        while (true) {
            final Map<String, Connection> connections = connect();
            final List<String> silent = new ArrayList<>(others);
            silent.removeIf(seed -> connections.get(seed) == Connection.REFUSED);
            for (final Heard one : knock(silent)) {
                if (one.answer().member()) {
                    return admitted(one);
                }
                silent.remove(one.seed());
            }
            final boolean cut = silent.stream().allMatch(seed -> connections.get(seed) == Connection.UNREACHABLE);
            if (first && (silent.isEmpty() || cut && System.nanoTime() - foundNs >= 0)) {
                return cluster.selfMember().address();
            }
            requireTime(deadlineNs, problem(silent, connections));
            Thread.sleep(PAUSE);
        }
    }

    private String problem(final List<String> silent, final Map<String, Connection> connections) {
        final List<String> busy = silent.stream().filter(seed -> connections.get(seed) == Connection.TAKEN).toList();
        if (!busy.isEmpty()) {
            return "connections to " + String.join(", ", busy) + " are taken, but no node answers there";
        }
        final boolean anyAnswer = others.stream()
                .anyMatch(seed -> !silent.contains(seed) && connections.get(seed) != Connection.REFUSED);
        return anyAnswer
                ? "the nodes at " + String.join(", ", others) + " are in no cluster yet; the first seed, "
                        + settings.seeds().getFirst() + ", founds it"
                : "no node answers at " + String.join(", ", others);
    }

    private Map<String, Connection> connect() {
        final Map<String, CompletableFuture<Connection>> asked = new LinkedHashMap<>();
        for (final String seed : others) {
            final CompletableFuture<Connection> connection = new CompletableFuture<>();
            Thread.startVirtualThread(() -> connection.complete(connect(seed)));
            asked.put(seed, connection);
        }
        final Map<String, Connection> connections = new HashMap<>();
        asked.forEach((seed, connection) -> connections.put(seed, connection.join()));
        return connections;
    }

    private static Connection connect(final String seed) {
        final int colon = seed.lastIndexOf(':');
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(seed.substring(0, colon), Integer.parseInt(seed.substring(colon + 1))),
                    (int) CONNECT_TIMEOUT.toMillis());
            return Connection.TAKEN;
        } catch (final ConnectException e) {
            return Connection.REFUSED;
        } catch (final IOException e) {
            return Connection.UNREACHABLE;
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
