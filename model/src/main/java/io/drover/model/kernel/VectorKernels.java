package io.drover.model.kernel;

import java.util.function.Supplier;

import io.drover.model.StorageType;

/**
 * The contract over register tiles: input rows are packed into tiles of up to 8, panels are dealt to the team, and each tile carries its
 * chains through all of k.
 */
public final class VectorKernels implements Kernels {
    /** Tiles and row operations of one width, compiled once for all instances. */
    private record Code(Tiles tiles, RowOps rowOps) {
        static Code define(final int bits) {
            return new Code(VectorWidth.define(Tiles.class, VectorTiles.class, bits),
                    VectorWidth.define(RowOps.class, VectorRowOps.class, bits));
        }
    }

    private static final class Wide {
        static final Code CODE = Code.define(512);
    }

    private static final class Narrow {
        static final Code CODE = Code.define(256);
    }

    private final int bits;
    private final String reason;
    private final ComputeTeam team;
    private final RowOps rowOps;
    private final PanelMultiply multiply;
    private final VectorAttention attention;
    private final Workspace workspace = new Workspace();
    private final float[] lanes = new float[KvLayout.POSITIONS];

    /**
     * @param bits 512 or 256; a width that the CPU lacks works, slowly
     * @param team shared by nobody else while a kernel runs
     */
    public VectorKernels(final int bits, final ComputeTeam team) {
        this(bits, team, "as asked for");
    }

    VectorKernels(final int bits, final ComputeTeam team, final String reason) {
        if (bits != 512 && bits != 256) {
            throw new IllegalArgumentException("vectors of " + bits + " bits; expected 256 or 512");
        }
        this.bits = bits;
        this.reason = reason;
        this.team = team;
        final Code code = bits == 512 ? Wide.CODE : Narrow.CODE;
        rowOps = code.rowOps;
        final Supplier<PanelTiles> panels = () -> new PanelTiles(code.tiles, bits / Float.SIZE);
        multiply = new PanelMultiply(panels, team);
        attention = new VectorAttention(panels, rowOps, team);
    }

    @Override
    public String family() {
        return CpuKernels.FAMILY;
    }

    @Override
    public String description() {
        return "vector kernels of " + bits + " bits, " + reason + "; compute threads: " + team.threads();
    }

    @Override
    public void multiply(final PackedMatrix w, final float[] x, final int xOffset, final int xStride, final int rows,
            final float[] y, final int yOffset, final int yStride) {
        multiply.run(w, x, xOffset, xStride, rows, y, yOffset, yStride);
    }

    @Override
    public void rmsNorm(final float[] x, final int xOffset, final float[] weight, final float epsilon, final float[] y,
            final int yOffset) {
        rowOps.rmsNorm(x, xOffset, weight, epsilon, y, yOffset, lanes);
    }

    @Override
    public void swiGlu(final float[] gateUp, final int offset, final int width, final float[] y, final int yOffset) {
        rowOps.swiGlu(gateUp, offset, width, y, yOffset);
    }

    @Override
    public void round(final StorageType type, final float[] x, final int xOffset, final int count, final float[] y,
            final int yOffset) {
        if (type == StorageType.BFLOAT16) {
            rowOps.roundBfloat16(x, xOffset, count, y, yOffset);
        } else {
            System.arraycopy(x, xOffset, y, yOffset, count);
        }
    }

    @Override
    public void attend(final AttentionBatch batch) {
        attention.run(batch);
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
