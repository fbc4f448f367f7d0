package io.drover.model.forward;

import java.lang.foreign.Arena;

import io.drover.model.checkpoint.ExpertTensors;
import io.drover.model.kernel.Kernels;
import io.drover.model.kernel.PackedMatrix;
import io.drover.model.kernel.Workspace.Buffer;

/** {@code down(silu(gate x) * up x)}, packed: a routed or shared expert, or a dense MLP. Gate and up are one matrix. */
final class FeedForward {
    private final PackedMatrix gateUp;
    private final PackedMatrix down;

    private FeedForward(final PackedMatrix gateUp, final PackedMatrix down) {
        this.gateUp = gateUp;
        this.down = down;
    }

    static FeedForward pack(final Arena arena, final ExpertTensors tensors) {
        return new FeedForward(PackedMatrix.pack(arena, tensors.gate(), tensors.up()), PackedMatrix.pack(arena, tensors.down()));
    }

    static FeedForward of(final PackedMatrix gateUp, final PackedMatrix down) {
        return new FeedForward(gateUp, down);
    }

    PackedMatrix gateUp() {
        return gateUp;
    }

    PackedMatrix down() {
        return down;
    }

    long bytes() {
        return gateUp.bytes() + down.bytes();
    }

    int hidden() {
        return down.rows();
    }

    /**
     * @param x [rows, hidden]
     * @param y [rows, hidden]
     */
    void run(final Kernels kernels, final float[] x, final int rows, final float[] y) {
        final int width = down.columns();
        final float[] wide = kernels.workspace().floats(Buffer.GATE_UP, rows * 2 * width);
        final float[] activated = kernels.workspace().floats(Buffer.ACTIVATED, rows * width);
        kernels.multiply(gateUp, x, 0, hidden(), rows, wide, 0, 2 * width);
        for (int row = 0; row < rows; row++) {
            kernels.swiGlu(wide, row * 2 * width, width, activated, row * width);
            kernels.breathe();
        }
        kernels.multiply(down, activated, 0, width, rows, y, 0, hidden());
    }
}
