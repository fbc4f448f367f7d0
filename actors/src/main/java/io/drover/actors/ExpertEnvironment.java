package io.drover.actors;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;

import org.jspecify.annotations.Nullable;

import io.drover.model.StorageType;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.model.forward.ExpertReceiver;
import io.drover.model.forward.ExpertWeights;
import io.drover.model.kernel.Kernels;

/**
 * What an expert actor finds on its node: where its weights come from, where packing may take its time, and where the engine
 * and the peers look for it. A node-local object, never part of a message.
 */
public final class ExpertEnvironment {
    private final Checkpoint checkpoint;
    private final Kernels kernels;
    private final StorageType wireType;
    private final Executor loader;
    private final LocalExperts experts;
    private final WeightsProvider provider;
    private volatile @Nullable PeerWeights peers;

    ExpertEnvironment(final Checkpoint checkpoint, final Kernels kernels, final StorageType wireType, final Executor loader,
            final LocalExperts experts) {
        this.checkpoint = checkpoint;
        this.kernels = kernels;
        this.wireType = wireType;
        this.loader = loader;
        this.experts = experts;
        provider = new WeightsProvider(checkpoint.config().expertsPerLayer(), new WeightsProvider.Files() {
            @Override
            public boolean has(final int layer, final int expert) {
                return checkpoint.hasExpert(layer, expert);
            }

            @Override
            public ExpertWeights load(final int layer, final int expert) {
                return ExpertWeights.load(checkpoint, layer, expert, kernels, wireType);
            }
        }, loader);
    }

    /** From now on weights are checked by peers, and fetched from them where the files do not have them. */
    void askPeers(final PeerWeights weights) {
        peers = weights;
    }

    ExpertReceiver receiver(final int layer) {
        return new ExpertReceiver(checkpoint.config(), layer, kernels, wireType);
    }

    /** Maps and packs one expert on a loader thread, or fetches it. @return exceptionally if neither can be done */
    CompletionStage<ExpertWeights> load(final ReplicaId id) {
        final CompletionStage<ExpertWeights> fromFiles = CompletableFuture
                .supplyAsync(() -> ExpertWeights.load(checkpoint, id.layer(), id.expert(), kernels, wireType), loader);
        final PeerWeights others = peers;
        return others == null ? fromFiles : others.check(id, fromFiles);
    }

    /** Opens a replica to the engine and to peers. Compute thread only. */
    ExpertPort open(final ReplicaId id, final ExpertWeights weights, final Runnable signal) {
        provider.loaded(id.layer(), id.expert(), weights);
        return experts.register(id, weights, signal);
    }

    /** From now on new rows are refused, and peers turn elsewhere. Compute thread only. */
    void close(final ReplicaId id, final ExpertPort port, final ExpertWeights weights) {
        provider.freed(id.layer(), id.expert(), weights);
        experts.unregister(id, port, weights);
    }

    WeightsProvider provider() {
        return provider;
    }

    WeightsCounters fetched() {
        final PeerWeights others = peers;
        return others == null ? WeightsCounters.NONE : others.counters();
    }
}
