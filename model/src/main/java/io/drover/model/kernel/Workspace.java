package io.drover.model.kernel;

/** Named scratch buffers that grow and stay. Contents are undefined between uses. */
public final class Workspace {
    /** One buffer per purpose, so that two that are in use together never collide. */
    public enum Buffer {
        /** Rows collected from several places. */
        GATHERED,
        /** Gate and up projections. */
        GATE_UP,
        /** The activated product of both. */
        ACTIVATED,
        /** Rows before they are handed out. */
        RESULT
    }

    private final float[][] buffers = new float[Buffer.values().length][0];

    /** The buffer, with at least {@code length} numbers. */
    public float[] floats(final Buffer buffer, final int length) {
        float[] floats = buffers[buffer.ordinal()];
        if (floats.length < length) {
            floats = new float[Math.max(length, 2 * floats.length)];
            buffers[buffer.ordinal()] = floats;
        }
        return floats;
    }
}
