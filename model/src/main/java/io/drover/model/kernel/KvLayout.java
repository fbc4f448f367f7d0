package io.drover.model.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

import io.drover.model.ModelConfig;
import io.drover.model.StorageType;

/**
 * Where a key or value lies in a page of the cache. A page holds 32 consecutive positions of one sequence for all layers.
 *
 * <pre>
 * page  = for each layer, for each kv head: K, then V
 * K     = [headDim][32 positions]                  a score is a chain over headDim
 * V     = [headDim / 32, rounded up][32 positions][32 dimensions]   an output is a chain over positions
 *
 * 32 numbers in bfloat16: 16 little-endian ints, int i = number i (low half) | number i + 16 (high half); in float32: in order
 * </pre>
 *
 * <p>
 * So K is a panel of 32 outputs (positions) over headDim, and V is panels of 32 outputs (dimensions) over positions, as in
 * {@link PackedMatrix}: the tiles of a multiply also compute attention.
 *
 * @param layers  decoder layers
 * @param kvHeads key and value heads
 * @param headDim width of a head
 * @param type    what keys and values are rounded to before anything reads them
 */
public record KvLayout(int layers, int kvHeads, int headDim, StorageType type) {
    /** Positions of a page. */
    public static final int POSITIONS = 32;
    static final int HALF = POSITIONS / 2;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    public static KvLayout of(final ModelConfig config, final StorageType type) {
        return new KvLayout(config.layers().size(), config.kvHeads(), config.headDim(), type);
    }

    /** Bytes of a page. */
    public long pageBytes() {
        return layers * kvHeads * headBytes();
    }

    /** Panels of V. */
    int valuePanels() {
        return (headDim + POSITIONS - 1) / POSITIONS;
    }

    /** Bytes of a panel of V. */
    long valuePanelBytes() {
        return (long) POSITIONS * POSITIONS * type.bytes();
    }

    /** Where K of a layer and head starts in a page. */
    long keyOffset(final int layer, final int kvHead) {
        return ((long) layer * kvHeads + kvHead) * headBytes();
    }

    /** Where V of a layer and head starts in a page. */
    long valueOffset(final int layer, final int kvHead) {
        return keyOffset(layer, kvHead) + (long) headDim * POSITIONS * type.bytes();
    }

    /**
     * Rounds and writes the keys and values of one position, all heads of a layer.
     *
     * @param page      start of the position's page in the pool
     * @param key       [kvHeads, headDim] from {@code keyFrom}
     * @param value     [kvHeads, headDim] from {@code valueFrom}
     */
    public void write(final MemorySegment pool, final long page, final int layer, final int position, final float[] key,
            final int keyFrom, final float[] value, final int valueFrom) {
        final int lane = position % POSITIONS;
        for (int head = 0; head < kvHeads; head++) {
            final long keys = page + keyOffset(layer, head);
            final long values = page + valueOffset(layer, head);
            if (type == StorageType.BFLOAT16) {
                writeBfloat16(pool, keys, values, lane, key, keyFrom + head * headDim, value, valueFrom + head * headDim);
            } else {
                writeFloat(pool, keys, values, lane, key, keyFrom + head * headDim, value, valueFrom + head * headDim);
            }
        }
    }

    /** Key of dimension d at a position of a page. */
    float key(final MemorySegment pool, final long page, final int layer, final int kvHead, final int d, final int position) {
        return read(pool, page + keyOffset(layer, kvHead), d, position % POSITIONS);
    }

    /** Value of dimension d at a position of a page. */
    float value(final MemorySegment pool, final long page, final int layer, final int kvHead, final int d, final int position) {
        return read(pool, page + valueOffset(layer, kvHead) + d / POSITIONS * valuePanelBytes(), position % POSITIONS,
                d % POSITIONS);
    }

    private float read(final MemorySegment pool, final long panel, final int column, final int lane) {
        return type == StorageType.BFLOAT16
                ? StorageType.fromBfloat16(pool.get(SHORT, panel + bfloat16Offset(column, lane)))
                : pool.get(FLOAT, panel + floatOffset(column, lane));
    }

    private void writeBfloat16(final MemorySegment pool, final long keys, final long values, final int lane, final float[] key,
            final int keyFrom, final float[] value, final int valueFrom) {
        for (int d = 0; d < headDim; d++) {
            final long panel = values + d / POSITIONS * valuePanelBytes();
            pool.set(SHORT, keys + bfloat16Offset(d, lane), StorageType.toBfloat16(key[keyFrom + d]));
            pool.set(SHORT, panel + bfloat16Offset(lane, d % POSITIONS), StorageType.toBfloat16(value[valueFrom + d]));
        }
    }

    private void writeFloat(final MemorySegment pool, final long keys, final long values, final int lane, final float[] key,
            final int keyFrom, final float[] value, final int valueFrom) {
        for (int d = 0; d < headDim; d++) {
            final long panel = values + d / POSITIONS * valuePanelBytes();
            pool.set(FLOAT, keys + floatOffset(d, lane), key[keyFrom + d]);
            pool.set(FLOAT, panel + floatOffset(lane, d % POSITIONS), value[valueFrom + d]);
        }
    }

    private static long bfloat16Offset(final int column, final int lane) {
        return (long) column * POSITIONS * Short.BYTES + lane % HALF * Integer.BYTES + lane / HALF * Short.BYTES;
    }

    private static long floatOffset(final int column, final int lane) {
        return ((long) column * POSITIONS + lane) * Float.BYTES;
    }

    private long headBytes() {
        return ((long) headDim * POSITIONS + (long) valuePanels() * POSITIONS * POSITIONS) * type.bytes();
    }
}
