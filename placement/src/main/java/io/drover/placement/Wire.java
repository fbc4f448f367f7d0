package io.drover.placement;

/**
 * What crosses between devices, in bytes.
 *
 * @param hidden         elements of a hidden vector
 * @param elementBytes   bytes of an element of expert inputs and outputs: 4 (float32) or 2 (bfloat16)
 * @param rowHeaderBytes frame bytes that come with each vector: its share of the headers, ids and gate weights
 * @param kvBytes        keys and values of one position in one layer
 * @param holders        devices that hold a context's KV, at least 1
 * @param multicast      whether one transmission reaches all holders
 */
public record Wire(int hidden, int elementBytes, int rowHeaderBytes, int kvBytes, int holders, boolean multicast) {
    public Wire {
        if (hidden < 1 || elementBytes < 1 || rowHeaderBytes < 0 || kvBytes < 0 || holders < 1) {
            throw new IllegalArgumentException("hidden, element bytes and holders are at least 1, header and KV bytes at least 0,"
                    + " not " + hidden + ", " + elementBytes + ", " + holders + ", " + rowHeaderBytes + ", " + kvBytes);
        }
    }

    public Wire withHolders(final int newHolders, final boolean newMulticast) {
        return new Wire(hidden, elementBytes, rowHeaderBytes, kvBytes, newHolders, newMulticast);
    }

    /** An expert's input or output, one row. */
    public long vectorBytes() {
        return (long) hidden * elementBytes + rowHeaderBytes;
    }

    /** The residual, always float32. */
    public long residualBytes() {
        return 4L * hidden + rowHeaderBytes;
    }

    /** KV entries of one (position, layer) sent to the context's other holders; the device that made them holds them too. */
    public long kvBytesSent() {
        return (long) kvBytes * (multicast ? Math.min(1, holders - 1) : holders - 1);
    }
}
