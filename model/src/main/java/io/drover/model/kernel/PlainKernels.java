package io.drover.model.kernel;

import java.util.Arrays;

import io.drover.model.StorageType;

/** The contract in scalar Java, on the calling thread: the meaning of every kernel, and the oracle of the fast ones. */
public final class PlainKernels implements Kernels {
    private final ComputeTeam team;
    private final String reason;
    private final Workspace workspace = new Workspace();
    private final float[] lanes = new float[KvLayout.POSITIONS];
    private float[] scores = new float[KvLayout.POSITIONS];

    /** @param team asked for nothing but breath */
    public PlainKernels(final ComputeTeam team) {
        this(team, "as asked for");
    }

    PlainKernels(final ComputeTeam team, final String reason) {
        this.team = team;
        this.reason = reason;
    }

    @Override
    public String family() {
        return CpuKernels.FAMILY;
    }

    @Override
    public String description() {
        return "plain kernels, " + reason + "; compute threads: 1";
    }

    @Override
    public void multiply(final PackedMatrix w, final float[] x, final int xOffset, final int xStride, final int rows,
            final float[] y, final int yOffset, final int yStride) {
        for (int o = 0; o < w.rows(); o++) {
            for (int b = 0; b < rows; b++) {
                float sum = 0;
                for (int k = 0; k < w.columns(); k++) {
                    sum = Math.fma(w.get(o, k), x[xOffset + b * xStride + k], sum);
                }
                y[yOffset + b * yStride + o] = sum;
            }
            breathe();
        }
    }

    @Override
    public void rmsNorm(final float[] x, final int xOffset, final float[] weight, final float epsilon, final float[] y,
            final int yOffset) {
        final int width = weight.length;
        for (int lane = 0; lane < 16; lane++) {
            float sum = 0;
            for (int i = lane; i < width; i += 16) {
                sum = Math.fma(x[xOffset + i], x[xOffset + i], sum);
            }
            lanes[lane] = sum;
        }
        final float factor = 1f / (float) Math.sqrt(Tree.sum16(lanes) / width + epsilon);
        for (int i = 0; i < width; i++) {
            y[yOffset + i] = x[xOffset + i] * factor * weight[i];
        }
    }

    @Override
    public void swiGlu(final float[] gateUp, final int offset, final int width, final float[] y, final int yOffset) {
        for (int i = 0; i < width; i++) {
            final float gate = gateUp[offset + i];
            y[yOffset + i] = gate / (1f + Exp.exp(-gate)) * gateUp[offset + width + i];
        }
    }

    @Override
    public void round(final StorageType type, final float[] x, final int xOffset, final int count, final float[] y,
            final int yOffset) {
        for (int i = 0; i < count; i++) {
            y[yOffset + i] = type.round(x[xOffset + i]);
        }
    }

    @Override
    public void attend(final AttentionBatch batch) {
        final int headDim = batch.layout.headDim();
        for (int row = 0; row < batch.count; row++) {
            for (int head = 0; head < batch.heads; head++) {
                attend(batch, row, head, (row * batch.heads + head) * headDim);
            }
            breathe();
        }
    }

    private void attend(final AttentionBatch batch, final int row, final int head, final int offset) {
        final KvLayout layout = batch.layout;
        final int kvHead = head / batch.group();
        final int length = batch.lengths[row];
        final long[] pages = batch.pages[row];
        if (scores.length < length) {
            scores = new float[2 * length];
        }
        float max = Float.NEGATIVE_INFINITY;
        for (int position = 0; position < length; position++) {
            float score = 0;
            for (int d = 0; d < layout.headDim(); d++) {
                final float key = layout.key(batch.pool, pages[position / KvLayout.POSITIONS], batch.layer, kvHead, d, position);
                score = Math.fma(batch.queries[offset + d], key, score);
            }
            scores[position] = score * batch.scale;
            max = Math.max(max, scores[position]);
        }
        Arrays.fill(lanes, 0);
        for (int position = 0; position < length; position++) {
            scores[position] = Exp.exp(scores[position] - max);
            lanes[position % KvLayout.POSITIONS] += scores[position];
        }
        final float sum = Tree.sum32(lanes);
        for (int d = 0; d < layout.headDim(); d++) {
            float output = 0;
            for (int position = 0; position < length; position++) {
                final float value = layout.value(batch.pool, pages[position / KvLayout.POSITIONS], batch.layer, kvHead, d,
                        position);
                output = Math.fma(scores[position], value, output);
            }
            batch.outputs[offset + d] = output / sum;
        }
    }

    @Override
    public void breathe() {
        team.breathe();
    }

    @Override
    public Workspace workspace() {
        return workspace;
    }
}
