package io.drover.actors;

import java.util.concurrent.Executor;

import io.drover.model.StorageType;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.model.forward.ExpertWeights;
import io.drover.model.kernel.Kernels;

/**
 * What an expert actor finds on its node: where its weights come from, where packing may take its time, and where the engine
 * looks for it. A node-local object, never part of a message.
 */
public final class ExpertEnvironment {
    private final Checkpoint checkpoint;
    private final Kernels kernels;
    private final StorageType wireType;
    private final Executor loader;
    private final LocalExperts experts;

    ExpertEnvironment(final Checkpoint checkpoint, final Kernels kernels, final StorageType wireType, final Executor loader,
            final LocalExperts experts) {
        this.checkpoint = checkpoint;
        this.kernels = kernels;
        this.wireType = wireType;
        this.loader = loader;
        this.experts = experts;
    }

    /** Runs loads, away from the compute thread. */
    Executor loader() {
        return loader;
    }

    /** Maps and packs one expert; on a loader thread. */
    ExpertWeights load(final ReplicaId id) {
        return ExpertWeights.load(checkpoint, id.layer(), id.expert(), kernels, wireType);
    }

    LocalExperts experts() {
        return experts;
    }
}
