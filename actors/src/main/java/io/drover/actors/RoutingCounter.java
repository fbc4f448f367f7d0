package io.drover.actors;

import java.util.Arrays;
import java.util.Collection;

import org.jspecify.annotations.Nullable;

import io.drover.model.LayerPlan;
import io.drover.model.ModelConfig;
import io.drover.model.forward.Rows;
import io.drover.placement.RoutingStatistics;

/**
 * Counts what the gates of this home chose. A position is counted when it has passed the last layer, and once in the life of its
 * sequence: what is computed again after a preemption or a change of home has counters of its own, and so have the calls of chunks
 * that were abandoned on their way. How far a former home came is known by the tokens that its gateway has: what it counted beyond
 * them, and all of a prompt that gave no token yet, is counted again by the next home. So, when nothing is in flight,
 *
 * <pre>
 * calls                                                        = positions x routed layers x top-k
 * gateCalls = calls + recomputedCalls + abandonedCalls
 * </pre>
 *
 * A call that is sent again, or to two replicas, is one call of the gate. Compute thread only; nothing is allocated per position.
 */
final class RoutingCounter {
    /** Up to so many experts every pair of every position is counted. */
    private static final int SMALL_MODEL = 4096;
    /** Experts in one record: as text some 30 kB. */
    private static final int RECORD_CHOICES = 3000;

    private final Rows rows;
    private final int topK;
    private final int stride;
    /** [layer] where the layer's experts begin in a row's path, -1 for a dense layer */
    private final int[] offset;
    /** [slot, routed layer, rank] */
    private final short[] experts;
    private final float[] weights;
    /** [layer][rank] of one position; dense layers are empty */
    private final int[][] chosen;
    private final float[][] gates;
    private final int recordPositions;
    private RoutingStatistics window;
    private @Nullable RoutingTape tape;

    private long positions;
    private long calls;
    private long gateCalls;
    private long recomputedPositions;
    private long recomputedCalls;
    private long abandonedCalls;

    /** @throws IllegalArgumentException if the layers of a model differ in their top-k */
    RoutingCounter(final ModelConfig config, final Rows rows, final long seed) {
        this.rows = rows;
        topK = Math.max(1, config.maxTopK());
        final int layers = config.layers().size();
        offset = new int[layers];
        chosen = new int[layers][];
        gates = new float[layers][];
        int next = 0;
        for (int layer = 0; layer < layers; layer++) {
            final LayerPlan.Moe moe = config.layers().get(layer).moe();
            if (moe != null && moe.topK() != topK) {
                throw new IllegalArgumentException("layer " + layer + " has " + moe.topK() + " experts per token and another "
                        + topK + "; expected the same in all layers");
            }
            offset[layer] = moe == null ? -1 : next;
            chosen[layer] = new int[moe == null ? 0 : topK];
            gates[layer] = new float[moe == null ? 0 : topK];
            next += chosen[layer].length;
        }
        stride = next;
        experts = new short[Math.multiplyExact(rows.capacity(), stride)];
        weights = new float[experts.length];
        recordPositions = Math.clamp(RECORD_CHOICES / Math.max(1, stride), 1, 256);
        window = emptyWindow(config, seed);
    }

    /**
     * An empty window of the size that suits the model: three of them, and what the cluster merges, stay within some tens of MB for
     * 61 layers of 384 experts. There the pairs of one position in 64 are counted: all of them would take some 300 us a position.
     *
     * @param seed of the path sample
     */
    static RoutingStatistics emptyWindow(final ModelConfig config, final long seed) {
        final int[] layers = config.expertsPerLayer();
        final RoutingStatistics.Limits limits = Arrays.stream(layers).sum() <= SMALL_MODEL
                ? new RoutingStatistics.Limits(256, 64, 1024)
                : new RoutingStatistics.Limits(64, 16, 512, 64);
        return new RoutingStatistics(layers, Math.max(1, config.maxTopK()), limits, seed);
    }

    /** The chunks' rows have been routed in a layer with experts. */
    void routed(final Chunk chunk, final int layer) {
        final int to = offset[layer];
        for (int i = 0; i < chunk.count; i++) {
            final int slot = chunk.slots[i];
            final int from = slot * topK;
            final int at = slot * stride + to;
            for (int rank = 0; rank < topK; rank++) {
                experts[at + rank] = (short) rows.experts()[from + rank];
                weights[at + rank] = rows.weights()[from + rank];
            }
        }
        chunk.calls += chunk.count * topK;
        gateCalls += (long) chunk.count * topK;
    }

    /** The chunk, which starts at {@code sequence.computed}, has passed the last layer. */
    void passed(final Chunk chunk) {
        final Sequence sequence = chunk.sequence;
        final int callsPerRow = chunk.calls / chunk.count;
        final int name = sequence.key.hashCode();
        for (int i = Math.max(0, sequence.counted - sequence.computed); i < chunk.count; i++) {
            load(chunk.slots[i]);
            window.record(name, chosen, gates);
            if (tape != null) {
                record(sequence, tape, chunk.slots[i]);
            }
            positions++;
            calls += callsPerRow;
        }
        final int known = Math.clamp(sequence.counted - sequence.computed, 0, chunk.count);
        recomputedPositions += known;
        recomputedCalls += (long) known * callsPerRow;
        sequence.counted = Math.max(sequence.counted, sequence.computed + chunk.count);
        chunk.calls = 0;
    }

    private void record(final Sequence sequence, final RoutingTape onto, final int slot) {
        RoutingPath path = sequence.path;
        if (path == null) {
            path = new RoutingPath(sequence.key.gatewayNode() + "-" + sequence.key.requestKey(), topK, stride, recordPositions);
            sequence.path = path;
        }
        path.add(experts, weights, slot * stride);
        if (path.isFull()) {
            path.flush(onto);
        }
    }

    /** The sequence has stopped here, perhaps for good. */
    void stopped(final Sequence sequence) {
        final RoutingPath path = sequence.path;
        if (path != null) {
            if (tape != null) {
                path.flush(tape);
            }
            sequence.path = null;
        }
    }

    /** From now on every counted position is recorded; false if that is so already. */
    boolean startRecording(final RoutingTape onto) {
        if (tape != null) {
            return false;
        }
        tape = onto;
        return true;
    }

    /** Ends the recording onto this tape, unless it has ended. @param live the sequences that have not ended */
    void stopRecording(final RoutingTape onto, final Collection<Sequence> live) {
        if (tape == onto) {
            live.forEach(this::stopped);
            onto.end();
            tape = null;
        }
    }

    private void load(final int slot) {
        for (int layer = 0; layer < chosen.length; layer++) {
            final int from = slot * stride + offset[layer];
            for (int rank = 0; rank < chosen[layer].length; rank++) {
                chosen[layer][rank] = experts[from + rank];
                gates[layer][rank] = weights[from + rank];
            }
        }
    }

    /** The chunk will not go on. */
    void abandoned(final Chunk chunk) {
        abandonedCalls += chunk.calls;
        chunk.calls = 0;
    }

    /** Goes on with an empty window and gives away the one so far. */
    RoutingStatistics exchange(final RoutingStatistics empty) {
        final RoutingStatistics filled = window;
        window = empty;
        return filled;
    }

    EngineStatus.Routing status() {
        return new EngineStatus.Routing(positions, calls, gateCalls, recomputedPositions, recomputedCalls, abandonedCalls);
    }
}
