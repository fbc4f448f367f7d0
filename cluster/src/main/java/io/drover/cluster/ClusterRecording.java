package io.drover.cluster;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.ActorSelection;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.pattern.Patterns;
import org.apache.pekko.stream.StreamRefResolver;
import org.apache.pekko.stream.javadsl.AsPublisher;
import org.apache.pekko.stream.javadsl.Sink;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;

/** Records the routing of all nodes: asks the {@link Recorder} of each and merges what they send, at the reader's pace. */
final class ClusterRecording {
    private static final Duration OPEN_TIMEOUT = Duration.ofSeconds(5);

    private final ActorSystem<?> system;
    private final Supplier<List<NodeView>> nodes;

    private record Part(String node, Recorder.Opened opened) {}

    /** @param nodes the members as the coordinator last told them */
    ClusterRecording(final ActorSystem<?> system, final Supplier<List<NodeView>> nodes) {
        this.system = system;
        this.nodes = nodes;
    }

    /**
     * Starts a recording on each node. The source may be run once, in any actor system; it completes when all nodes have sent what they
     * counted until {@link #stop}, and if it is cancelled the recording ends.
     *
     * @return exceptionally, with an IllegalStateException that says why, if a node records already
     */
    CompletionStage<Source<ByteString, NotUsed>> start() {
        final List<CompletableFuture<Part>> asked = new ArrayList<>();
        recorders().forEach((node, recorder) -> asked.add(Patterns
                .askWithReplyTo(recorder,
                        (final org.apache.pekko.actor.ActorRef replyTo) -> new Recorder.Open(Adapter.toTyped(replyTo)),
                        OPEN_TIMEOUT)
                .handle((answer, failure) -> new Part(node, failure == null
                        ? (Recorder.Opened) answer
                        : new Recorder.Opened("", "it does not answer")))
                .toCompletableFuture()));
        return CompletableFuture.allOf(asked.toArray(CompletableFuture[]::new))
                .thenApply(nothing -> merged(asked.stream().map(CompletableFuture::join).toList()));
    }

    private Source<ByteString, NotUsed> merged(final List<Part> parts) {
        if (parts.stream().allMatch(part -> part.opened().source().isEmpty())) {
            throw new IllegalStateException(parts.isEmpty()
                    ? "this node knows no members yet"
                    : "no node records: " + parts.getFirst().node() + ": " + parts.getFirst().opened().refusal());
        }
        final Source<ByteString, NotUsed> all = parts.stream().map(this::source).reduce(Source.empty(), Source::merge);
        // The streams of other nodes run in the cluster's actor system, the reader in another.
        return Source.fromPublisher(all.runWith(Sink.asPublisher(AsPublisher.WITHOUT_FANOUT), system));
    }

    private Source<ByteString, NotUsed> source(final Part part) {
        if (part.opened().source().isEmpty()) {
            return Source.single(TraceLines.failure(part.node(), part.opened().refusal()));
        }
        return StreamRefResolver.get(system)
                .<ByteString>resolveSourceRef(part.opened().source())
                .getSource()
                .recover(Throwable.class, () -> TraceLines.failure(part.node(), "it was lost while it recorded"));
    }

    /** Ends the recording on all nodes; its source completes when the last records are read. */
    void stop() {
        recorders().values().forEach(recorder -> recorder.tell(new Recorder.Close(), org.apache.pekko.actor.ActorRef.noSender()));
    }

    private Map<String, ActorSelection> recorders() {
        final Map<String, ActorSelection> recorders = new TreeMap<>();
        for (final NodeView node : nodes.get()) {
            if (!node.address().isEmpty()) {
                recorders.put(node.name(), Adapter.toClassic(system)
                        .actorSelection("pekko://" + system.name() + "@" + node.address() + "/system/" + Recorder.NAME));
            }
        }
        return recorders;
    }
}
