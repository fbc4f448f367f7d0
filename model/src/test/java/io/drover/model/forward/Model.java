package io.drover.model.forward;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

import io.drover.model.LayerPlan;
import io.drover.model.ModelConfig;
import io.drover.model.StorageType;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.model.kernel.Kernels;

/** A whole model on one thread: the trunk, all experts, and a loop that calls them as an engine would. */
final class Model implements AutoCloseable {
    final ModelConfig config;
    final KvPool pool;
    final Trunk trunk;
    private final StorageType kvType;
    private final List<List<ExpertWeights>> experts = new ArrayList<>();

    /** A position of a sequence on its way through the layers, and the logits at the end. */
    record Step(int tokenId, int position, KvSequence sequence) {}

    Model(final Checkpoint checkpoint, final Kernels kernels, final StorageType kvType, final StorageType wireType,
            final int pages) {
        config = checkpoint.config();
        this.kvType = kvType;
        pool = new KvPool(config, kvType, pages);
        trunk = Trunk.load(checkpoint, kernels, kvType, wireType, loaded -> {});
        for (int layer = 0; layer < config.layers().size(); layer++) {
            final LayerPlan.Moe moe = config.layers().get(layer).moe();
            final List<ExpertWeights> ofLayer = new ArrayList<>();
            for (int expert = 0; moe != null && expert < moe.experts(); expert++) {
                ofLayer.add(ExpertWeights.load(checkpoint, layer, expert, kernels, wireType));
            }
            experts.add(ofLayer);
        }
    }

    /** Gives the free pages another order. */
    void shufflePages(final Random random) {
        final List<KvSequence> holders = new ArrayList<>();
        while (pool.freePages() > 0) {
            final KvSequence holder = pool.open();
            pool.reserve(holder, 1);
            holders.add(holder);
        }
        Collections.shuffle(holders, random);
        holders.forEach(pool::release);
    }

    /** One call per layer phase for all steps at once, in the slots given. Returns the logits of each step. */
    float[][] forward(final Rows rows, final List<Step> steps, final int[] slots) {
        final int count = steps.size();
        for (int i = 0; i < count; i++) {
            final Step step = steps.get(i);
            if (!pool.reserve(step.sequence, step.position + 1)) {
                throw new IllegalStateException("the test's pool is too small");
            }
            rows.set(slots[i], step.tokenId, step.position, step.sequence);
        }
        trunk.embed(rows, slots, count);
        for (int layer = 0; layer < config.layers().size(); layer++) {
            trunk.attend(layer, rows, slots, count);
            if (trunk.route(layer, rows, slots, count)) {
                callExperts(layer, rows, slots, count);
                trunk.combine(layer, rows, slots, count);
            }
        }
        final float[] all = new float[count * config.vocabSize()];
        trunk.logits(rows, slots, count, all);
        final float[][] logits = new float[count][config.vocabSize()];
        for (int i = 0; i < count; i++) {
            System.arraycopy(all, i * config.vocabSize(), logits[i], 0, config.vocabSize());
        }
        return logits;
    }

    /** Logits at every position of a prompt, fed in chunks. */
    float[][] prompt(final int[] tokens, final int chunk) {
        final KvSequence sequence = pool.open();
        final float[][] logits = prompt(tokens, chunk, sequence);
        pool.release(sequence);
        return logits;
    }

    float[][] prompt(final int[] tokens, final int chunk, final KvSequence sequence) {
        final Rows rows = new Rows(config, chunk);
        final float[][] logits = new float[tokens.length][];
        for (int from = 0; from < tokens.length; from += chunk) {
            final List<Step> steps = new ArrayList<>();
            for (int position = from; position < Math.min(from + chunk, tokens.length); position++) {
                steps.add(new Step(tokens[position], position, sequence));
            }
            final float[][] some = forward(rows, steps, slots(steps.size()));
            System.arraycopy(some, 0, logits, from, some.length);
        }
        return logits;
    }

    /** Greedy continuation of a prompt. */
    int[] greedy(final int[] prompt, final int count) {
        final KvSequence sequence = pool.open();
        final float[][] logits = prompt(prompt, prompt.length, sequence);
        final Rows rows = new Rows(config, 1);
        final int[] ids = new int[count];
        float[] last = logits[logits.length - 1];
        for (int i = 0; i < count; i++) {
            ids[i] = argmax(last);
            last = forward(rows, List.of(new Step(ids[i], prompt.length + i, sequence)), slots(1))[0];
        }
        pool.release(sequence);
        return ids;
    }

    static int argmax(final float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            if (logits[i] > logits[best]) {
                best = i;
            }
        }
        return best;
    }

    static int[] slots(final int count) {
        final int[] slots = new int[count];
        for (int i = 0; i < count; i++) {
            slots[i] = i;
        }
        return slots;
    }

    StorageType kvType() {
        return kvType;
    }

    @Override
    public void close() {
        experts.forEach(layer -> layer.forEach(ExpertWeights::close));
        trunk.close();
        pool.close();
    }

    private void callExperts(final int layer, final Rows rows, final int[] slots, final int count) {
        final ExpertBatch batch = new ExpertBatch(count * rows.maxTopK());
        for (int expert = 0; expert < experts.get(layer).size(); expert++) {
            batch.clear();
            for (int i = 0; i < count; i++) {
                for (int rank = 0; rank < rows.maxTopK(); rank++) {
                    final int at = slots[i] * rows.maxTopK() + rank;
                    if (rows.experts()[at] == expert) {
                        batch.add(rows.expertInput(), slots[i] * rows.hidden(), rows.expertOutput(), at * rows.hidden());
                    }
                }
            }
            if (batch.size() > 0) {
                experts.get(layer).get(expert).run(batch);
            }
        }
    }
}
