package io.drover.actors;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import io.drover.model.LayerPlan;
import io.drover.model.ModelConfig;
import io.drover.model.forward.KvPool;
import io.drover.model.forward.KvSequence;
import io.drover.model.forward.Rows;
import io.drover.model.forward.Trunk;

/**
 * Takes the chunks of this home's sequences through the layers, without a barrier: every chunk whose expert outputs are back
 * may enter its next layer, together with whatever else is ready for that layer, oldest first; decode and prefill share the
 * time as {@link FairShare} says. Compute thread only.
 */
final class LayerEngine implements Batcher.Actions, ExpertCalls.Listener {
    /** Who is told when a chunk has passed the last layer, or cannot. */
    interface Listener {
        /** The logits are {@code logits[offset, offset + vocabSize)}, during the call. */
        void sampled(Sequence sequence, float[] logits, int offset);

        void failed(Sequence sequence, String code, String message);
    }

    /** Sequences whose logits are computed together. */
    private static final int LOGIT_ROWS = 16;

    private final Trunk trunk;
    private final KvPool pool;
    private final PageKeeper keeper;
    private final Rows rows;
    private final RoutingCounter counter;
    private final FairShare share;
    private final int batchRows;
    private final int layers;
    private final int[] callsPerRow;
    private final int vocabSize;
    private final float[] logits;
    private final int[] logitSlots = new int[LOGIT_ROWS];
    private final List<Sequence> sampling = new ArrayList<>();
    private final ArrayDeque<Chunk>[] readyDecode;
    private final ArrayDeque<Chunk>[] readyPrefill;
    private final ArrayDeque<Chunk> spareChunks = new ArrayDeque<>();
    private final List<Chunk> step = new ArrayList<>();
    private final int[] stepSlots;
    private final int[] freeSlots;
    private int freeCount;
    private int decodeReady;
    private int prefillReady;
    private long nextReadyOrder;
    private long steps;
    private long positions;

    private Batcher batcher;
    private ExpertCalls calls;
    private Listener listener;

    LayerEngine(final Trunk trunk, final KvPool pool, final PageKeeper keeper, final Rows rows, final RoutingCounter counter,
            final FairShare share, final int batchRows) {
        this.trunk = trunk;
        this.pool = pool;
        this.keeper = keeper;
        this.rows = rows;
        this.counter = counter;
        this.share = share;
        this.batchRows = batchRows;
        final ModelConfig config = trunk.config();
        layers = config.layers().size();
        callsPerRow = config.layers().stream().map(LayerPlan::moe).mapToInt(moe -> moe == null ? 0 : moe.topK()).toArray();
        vocabSize = config.vocabSize();
        logits = new float[LOGIT_ROWS * vocabSize];
        readyDecode = queues(layers + 1);
        readyPrefill = queues(layers + 1);
        stepSlots = new int[rows.capacity()];
        freeSlots = new int[rows.capacity()];
        Arrays.setAll(freeSlots, i -> rows.capacity() - 1 - i);
        freeCount = rows.capacity();
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static ArrayDeque<Chunk>[] queues(final int count) {
        final ArrayDeque<Chunk>[] queues = new ArrayDeque[count];
        Arrays.setAll(queues, i -> new ArrayDeque<>());
        return queues;
    }

    /** The three are built upon this engine, so they come after the constructor, once. */
    void connect(final Batcher aBatcher, final ExpertCalls expertCalls, final Listener aListener) {
        batcher = aBatcher;
        calls = expertCalls;
        listener = aListener;
    }

    @Override
    public boolean reserve(final Sequence sequence, final int positionCount) {
        if (sequence.kv == null) {
            sequence.kv = pool.open();
        }
        final KvSequence kv = sequence.kv;
        final int kept = kv.pages() == 0 ? keeper.usable(sequence) : 0;
        final int missing = KvPool.pagesFor(positionCount) - kv.pages() - kept - pool.freePages();
        if (missing > 0 && !keeper.giveUp(sequence.key, missing)) {
            return false;
        }
        if (kv.pages() == 0) {
            keeper.adopt(sequence, kept, page -> pool.append(kv, page));
            sequence.adopted = kept * KvPool.POSITIONS_PER_PAGE;
        }
        return pool.reserve(kv, positionCount);
    }

    @Override
    public void release(final Sequence sequence) {
        counter.stopped(sequence);
        sequence.adopted = 0;
        if (sequence.kv != null) {
            pool.release(sequence.kv);
            sequence.kv = null;
        }
    }

    @Override
    public void start(final Sequence sequence) {
        final Chunk chunk = spareChunks.isEmpty() ? new Chunk(rows.capacity()) : spareChunks.removeLast();
        chunk.sequence = sequence;
        chunk.count = sequence.chunkLength;
        chunk.layer = 0;
        chunk.awaiting = 0;
        chunk.decode = sequence.chunkLength == 1;
        for (int i = 0; i < chunk.count; i++) {
            final int position = sequence.computed + i;
            chunk.slots[i] = freeSlots[--freeCount];
            rows.set(chunk.slots[i], sequence.token(position), position, sequence.kv);
        }
        sequence.chunk = chunk;
        trunk.embed(rows, chunk.slots, chunk.count);
        chunkReady(chunk, 0);
    }

    @Override
    public void abandon(final Sequence sequence) {
        final Chunk chunk = sequence.chunk;
        if (chunk != null) {
            if (chunk.awaiting > 0) {
                calls.abandon(chunk);
            } else if (queue(chunk).remove(chunk)) {
                countReady(chunk, -1);
            }
            counter.abandoned(chunk);
            free(chunk);
        }
    }

    private ArrayDeque<Chunk> queue(final Chunk chunk) {
        return chunk.decode ? readyDecode[chunk.layer] : readyPrefill[chunk.layer];
    }

    private void countReady(final Chunk chunk, final int change) {
        if (chunk.decode) {
            decodeReady += change;
        } else {
            prefillReady += change;
        }
    }

    private void free(final Chunk chunk) {
        for (int i = 0; i < chunk.count; i++) {
            freeSlots[freeCount++] = chunk.slots[i];
        }
        chunk.sequence.chunk = null;
        chunk.sequence = null;
        spareChunks.add(chunk);
    }

    @Override
    public void chunkReady(final Chunk chunk) {
        chunkReady(chunk, chunk.layer + 1);
    }

    private void chunkReady(final Chunk chunk, final int layer) {
        chunk.layer = layer;
        chunk.readyOrder = nextReadyOrder++;
        queue(chunk).add(chunk);
        countReady(chunk, 1);
    }

    @Override
    public void chunkFailed(final Chunk chunk, final String code, final String message) {
        listener.failed(chunk.sequence, code, message);
    }

    boolean hasReady() {
        return decodeReady + prefillReady > 0;
    }

    /** Takes one group of chunks through one layer. Returns whether there was one. */
    boolean advance(final long nowNs) {
        if (!hasReady()) {
            return false;
        }
        final boolean decode = share.decodeNext(decodeReady > 0, prefillReady > 0);
        final int layer = oldest(decode ? readyDecode : readyPrefill);
        final int count = gather(decode ? readyDecode[layer] : readyPrefill[layer]);
        if (layer > 0 && callsPerRow[layer - 1] > 0) {
            trunk.combine(layer - 1, rows, stepSlots, count);
        }
        if (layer == layers) {
            finish();
        } else {
            enter(layer, count, nowNs);
        }
        step.clear();
        steps++;
        share.used(decode, System.nanoTime() - nowNs);
        return true;
    }

    private static int oldest(final ArrayDeque<Chunk>[] queues) {
        int best = -1;
        for (int layer = 0; layer < queues.length; layer++) {
            if (!queues[layer].isEmpty()
                    && (best < 0 || queues[layer].getFirst().readyOrder < queues[best].getFirst().readyOrder)) {
                best = layer;
            }
        }
        return best;
    }

    private int gather(final ArrayDeque<Chunk> queue) {
        int count = 0;
        while (!queue.isEmpty() && (count == 0 || count + queue.getFirst().count <= batchRows)) {
            final Chunk chunk = queue.removeFirst();
            countReady(chunk, -1);
            System.arraycopy(chunk.slots, 0, stepSlots, count, chunk.count);
            count += chunk.count;
            step.add(chunk);
        }
        return count;
    }

    private void enter(final int layer, final int count, final long nowNs) {
        trunk.attend(layer, rows, stepSlots, count);
        final boolean routed = trunk.route(layer, rows, stepSlots, count);
        for (final Chunk chunk : step) {
            chunk.layer = layer;
            if (routed) {
                counter.routed(chunk, layer);
                calls.dispatch(chunk, layer, callsPerRow[layer], nowNs);
            } else {
                chunkReady(chunk);
            }
        }
        calls.flush(System.nanoTime());
    }

    /** The chunks of this step have passed the last layer: those that reached their sequence's last token give the next one. */
    private void finish() {
        sampling.clear();
        for (final Chunk chunk : step) {
            positions += chunk.count;
            counter.passed(chunk);
            if (batcher.chunkDone(chunk.sequence)) {
                stepSlots[sampling.size()] = chunk.slots[chunk.count - 1];
                sampling.add(chunk.sequence);
            }
        }
        for (int from = 0; from < sampling.size(); from += LOGIT_ROWS) {
            final int count = Math.min(LOGIT_ROWS, sampling.size() - from);
            System.arraycopy(stepSlots, from, logitSlots, 0, count);
            trunk.logits(rows, logitSlots, count, logits);
            for (int i = 0; i < count; i++) {
                listener.sampled(sampling.get(from + i), logits, i * vocabSize);
            }
        }
        step.forEach(this::free);
    }

    int rowsInFlight() {
        return rows.capacity() - freeCount;
    }

    long steps() {
        return steps;
    }

    /** Positions that have passed the last layer, recomputed ones included. */
    long positions() {
        return positions;
    }

    KvPool pool() {
        return pool;
    }
}
