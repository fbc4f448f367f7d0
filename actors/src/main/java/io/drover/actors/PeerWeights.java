package io.drover.actors;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicLong;

import org.apache.pekko.stream.Materializer;
import org.apache.pekko.util.ByteString;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.drover.actors.WeightFetch.Command;
import io.drover.actors.WeightFetch.Event;
import io.drover.model.forward.ExpertReceiver;
import io.drover.model.forward.ExpertWeights;
import io.drover.streams.BulkPlane;

/** Has weights checked by other nodes, and fetches from them what the node's own files cannot give: the shell of {@link WeightFetch}. */
final class PeerWeights {
    private static final Logger LOG = LoggerFactory.getLogger(PeerWeights.class);
    private static final Duration DIGEST_TIMEOUT = Duration.ofSeconds(20);
    private static final int DIGEST_LENGTH = 64;

    /** Makes the memory that an expert is received into. */
    interface Memory {
        ExpertReceiver receiver(int layer);
    }

    private final BulkPlane plane;
    private final Materializer materializer;
    private final WeightsDirectory directory;
    private final Memory memory;
    private final WeightsProvider own;
    private final AtomicLong experts = new AtomicLong();
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicLong refused = new AtomicLong();
    private final AtomicLong broken = new AtomicLong();

    PeerWeights(final BulkPlane plane, final Materializer materializer, final WeightsDirectory directory, final Memory memory,
            final WeightsProvider own) {
        this.plane = plane;
        this.materializer = materializer;
        this.directory = directory;
        this.memory = memory;
        this.own = own;
    }

    WeightsCounters counters() {
        return new WeightsCounters(experts.get(), bytes.get(), refused.get(), broken.get());
    }

    /** @return the weights, checked; exceptionally, with one sentence, if neither the files nor a peer gave them */
    CompletionStage<ExpertWeights> check(final ReplicaId id, final CompletionStage<ExpertWeights> fromFiles) {
        final Load load = new Load(id);
        fromFiles.whenComplete((weights, failure) -> {
            if (weights != null) {
                load.on(new Event.FilesGave(weights.digest()), weights);
            } else {
                load.on(new Event.FilesFailed(sentence(failure)), null);
            }
        });
        return load.result;
    }

    /** One replica's load. Its events come from several threads, one at a time. */
    private final class Load {
        private final ReplicaId id;
        private final WeightFetch machine;
        private final CompletableFuture<ExpertWeights> result = new CompletableFuture<>();
        private @Nullable ExpertWeights atHand;
        private boolean fetched;

        Load(final ReplicaId id) {
            this.id = id;
            machine = new WeightFetch(directory.nodes(id.layer(), id.expert()), own.remembered(id.layer(), id.expert()));
        }

        synchronized void on(final Event event, final @Nullable ExpertWeights weights) {
            if (weights != null) {
                atHand = weights;
            }
            for (final Command command : machine.on(event)) {
                switch (command) {
                    case Command.Fetch fetch -> fetch(fetch.node());
                    case Command.AskDigest ask -> ask(ask);
                    case Command.Use use -> {
                        experts.addAndGet(fetched ? 1 : 0);
                        result.complete(atHand);
                    }
                    case Command.Discard discard -> {
                        refused.incrementAndGet();
                        LOG.warn("{}: weights with a wrong digest were refused", id);
                        if (atHand != null) {
                            atHand.close();
                            atHand = null;
                        }
                    }
                    case Command.Fail fail -> result.completeExceptionally(new IllegalStateException(fail.reason()));
                }
            }
        }

        private void fetch(final int node) {
            fetched = true;
            final ExpertReceiver receiver = memory.receiver(id.layer());
            plane.fetch(node, WeightsProvider.name(WeightsProvider.Kind.EXPERT, id.layer(), id.expert())).runForeach(chunk -> {
                bytes.addAndGet(chunk.size());
                receiver.accept(chunk.toArrayUnsafe());
            }, materializer).thenApply(done -> receiver.finish()).whenComplete((weights, failure) -> {
                receiver.close();
                if (weights != null) {
                    on(new Event.Received(node, weights.digest()), weights);
                } else {
                    broken.incrementAndGet();
                    on(new Event.Broken(node, sentence(failure)), null);
                }
            });
        }

        private void ask(final Command.AskDigest ask) {
            final WeightsProvider.Kind kind = ask.compute() ? WeightsProvider.Kind.DIGEST : WeightsProvider.Kind.KNOWN;
            plane.fetch(ask.node(), WeightsProvider.name(kind, id.layer(), id.expert()))
                    .limitWeighted(DIGEST_LENGTH, chunk -> (long) chunk.size())
                    .completionTimeout(DIGEST_TIMEOUT)
                    .runFold(ByteString.emptyByteString(), ByteString::concat, materializer)
                    .whenComplete((digest, failure) -> on(
                            new Event.Told(ask.node(), digest == null ? null : digest.utf8String()), null));
        }
    }

    private static String sentence(final @Nullable Throwable failure) {
        Throwable cause = failure;
        while (cause != null && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return String.valueOf(cause == null ? "no weights" : cause.getMessage());
    }
}
