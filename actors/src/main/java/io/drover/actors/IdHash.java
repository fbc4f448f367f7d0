package io.drover.actors;

import io.drover.model.ModelConfig;

/**
 * Names the keys and values of a run of positions: they depend on the model, the types, and the ids up to there, and on nothing
 * else. One chain over the ids, so that the name of a longer run follows from that of a shorter one. Not secret, and not proof
 * against somebody who looks for collisions: pages are also bound to the request that they were computed for.
 */
final class IdHash {
    private static final long STEP = 0x9e3779b97f4a7c15L;

    private IdHash() {}

    /** The name of no positions. Nodes of one cluster have the same model and types anyway; others would differ here. */
    static long start(final ModelConfig config, final EngineSettings settings) {
        long hash = next(next(next(0, config.layers().size()), config.kvHeads()), config.headDim());
        hash = next(next(next(hash, config.vocabSize()), config.hiddenSize()), config.maxPositions());
        return next(next(hash, settings.kvType().bytes()), settings.wireType().bytes());
    }

    /** The name of the run that is longer by this id. */
    static long next(final long hash, final int id) {
        long mixed = (hash + STEP) ^ id;
        mixed = (mixed ^ mixed >>> 30) * 0xbf58476d1ce4e5b9L;
        mixed = (mixed ^ mixed >>> 27) * 0x94d049bb133111ebL;
        return mixed ^ mixed >>> 31;
    }

    /** The name of positions {@code [0, to)} from that of {@code [0, from)}. */
    static long extend(final long hash, final Sequence sequence, final int from, final int to) {
        long extended = hash;
        for (int position = from; position < to; position++) {
            extended = next(extended, sequence.token(position));
        }
        return extended;
    }
}
