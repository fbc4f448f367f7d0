package io.drover.model.forward;

/** Rows for one expert, by reference: where each comes from and where its result goes. Reused; holds no numbers itself. */
public final class ExpertBatch {
    private final float[][] in;
    private final int[] inOffset;
    private final float[][] out;
    private final int[] outOffset;
    private int size;

    public ExpertBatch(final int capacity) {
        in = new float[capacity][];
        inOffset = new int[capacity];
        out = new float[capacity][];
        outOffset = new int[capacity];
    }

    public int size() {
        return size;
    }

    public boolean isFull() {
        return size == in.length;
    }

    public void clear() {
        size = 0;
    }

    /**
     * Adds a row.
     *
     * @param in  hidden numbers from {@code inOffset}, rounded to the wire type
     * @param out receives hidden numbers from {@code outOffset}
     */
    public void add(final float[] in, final int inOffset, final float[] out, final int outOffset) {
        this.in[size] = in;
        this.inOffset[size] = inOffset;
        this.out[size] = out;
        this.outOffset[size++] = outOffset;
    }

    void gather(final int hidden, final float[] into) {
        for (int i = 0; i < size; i++) {
            System.arraycopy(in[i], inOffset[i], into, i * hidden, hidden);
        }
    }

    float[] out(final int i) {
        return out[i];
    }

    int outOffset(final int i) {
        return outOffset[i];
    }
}
