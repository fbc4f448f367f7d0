package io.drover.placement;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.InflaterInputStream;

/**
 * {@link RoutingStatistics} as bytes, big-endian: the magic {@code DRVS}, a version of 2 bytes, then, in the zlib format, whose
 * checksum guards it:
 *
 * <pre>
 * layers:int experts:int[layers] topK:int denseExperts:int pairsPerExpert:int samplePaths:int pairStride:int sampleState:long
 * positions:double
 * per routed layer: per expert: calls:double owned:double gate:double
 *                   per relation that the layer has: per expert: pairs:varint (column:varint count)[pairs]
 * count:            varint 2n for the whole number n, else varint 1 and a float
 * paths:int per path: key:double sequence:int expert:short[routed layers * topK]
 * </pre>
 */
final class StatisticsCodec {
    private static final int MAGIC = 0x44525653;
    private static final int VERSION = 1;
    private static final int BUFFER_BYTES = 1 << 16;
    private static final int MAX_LAYERS = 4096;
    private static final long MAX_CELLS = 1L << 28;

    private StatisticsCodec() {}

    /**
     * What of the statistics is written.
     *
     * @param pairs  heaviest pairs of each expert and relation
     * @param paths  sampled paths
     * @param coarse whether loads are rounded to 16 bits of mantissa, which halves their bytes
     */
    private record Extent(int pairs, int paths, boolean coarse) {
        private static final Extent ALL = new Extent(Integer.MAX_VALUE, Integer.MAX_VALUE, false);
    }

    static byte[] encode(final RoutingStatistics statistics) {
        return encode(statistics, Extent.ALL);
    }

    /** @throws IllegalArgumentException if even the loads alone take more */
    static byte[] encode(final RoutingStatistics statistics, final int maxBytes) {
        int pairs = Integer.MAX_VALUE;
        int paths = Math.min(statistics.paths(), maxBytes / (4 * Short.BYTES * Math.max(1, statistics.sample().stride)));
        while (true) {
            // About six bytes a pair; what this misjudges, the next smaller extent makes good.
            final long most = (long) maxBytes * 2 / 6 / Math.max(1, (long) Relation.COUNT * statistics.totalExperts());
            pairs = pairs == Integer.MAX_VALUE ? (int) Math.min(most, Short.MAX_VALUE) : pairs / 2;
            final byte[] bytes = encode(statistics, new Extent(pairs, paths, true));
            if (bytes.length <= maxBytes) {
                return bytes;
            }
            if (pairs == 0 && paths == 0) {
                throw new IllegalArgumentException("the loads of " + statistics.totalExperts() + " experts take " + bytes.length
                        + " bytes; expected at most " + maxBytes);
            }
            paths /= 2;
        }
    }

    private static byte[] encode(final RoutingStatistics statistics, final Extent extent) {
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            final DataOutputStream head = new DataOutputStream(bytes);
            head.writeInt(MAGIC);
            head.writeShort(VERSION);
            head.flush();
            try (DataOutputStream out = new DataOutputStream(new BufferedOutputStream(
                    new DeflaterOutputStream(bytes, new Deflater(Deflater.BEST_SPEED)), BUFFER_BYTES))) {
                writeShape(statistics, out);
                out.writeDouble(statistics.positions());
                for (final int layer : statistics.routedLayers()) {
                    writeLayer(statistics, layer, extent, out);
                }
                writeSample(statistics.sample(), extent, out);
            }
        } catch (final IOException e) {
            throw new UncheckedIOException("writing to memory failed", e);
        }
        return bytes.toByteArray();
    }

    private static void writeShape(final RoutingStatistics statistics, final DataOutputStream out) throws IOException {
        out.writeInt(statistics.layers());
        for (final int experts : statistics.expertsPerLayer()) {
            out.writeInt(experts);
        }
        out.writeInt(statistics.topK());
        out.writeInt(statistics.limits().denseExperts());
        out.writeInt(statistics.limits().pairsPerExpert());
        out.writeInt(statistics.limits().samplePaths());
        out.writeInt(statistics.limits().pairStride());
        out.writeLong(statistics.sample().state());
    }

    private static void writeLayer(final RoutingStatistics statistics, final int layer, final Extent extent,
            final DataOutputStream out) throws IOException {
        for (int expert = 0; expert < statistics.experts(layer); expert++) {
            out.writeDouble(rounded(statistics.calls(layer, expert), extent));
            out.writeDouble(rounded(statistics.owned(layer, expert), extent));
            out.writeDouble(rounded(statistics.gateMass(layer, expert), extent));
        }
        for (final Relation relation : Relation.values()) {
            if (statistics.table(relation, layer) != null) {
                for (int row = 0; row < statistics.experts(layer); row++) {
                    writeRow(statistics, relation, layer, row, extent.pairs(), out);
                }
            }
        }
    }

    private static double rounded(final double value, final Extent extent) {
        return extent.coarse() ? Double.longBitsToDouble(Double.doubleToLongBits(value) + (1L << 35) & -1L << 36) : value;
    }

    private static void writeRow(
            final RoutingStatistics statistics,
            final Relation relation,
            final int layer,
            final int row,
            final int most,
            final DataOutputStream out) throws IOException {
        final int[] pairs = new int[1];
        statistics.forEachPair(relation, layer, row, (column, count) -> pairs[0]++);
        if (pairs[0] > most) {
            writeHeaviest(statistics, relation, layer, row, pairs[0], most, out);
            return;
        }
        writeVarint(out, pairs[0]);
        statistics.forEachPair(relation, layer, row, (column, count) -> {
            try {
                writeVarint(out, column);
                writeCount(out, count);
            } catch (final IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    private static void writeHeaviest(
            final RoutingStatistics statistics,
            final Relation relation,
            final int layer,
            final int row,
            final int pairs,
            final int most,
            final DataOutputStream out) throws IOException {
        // Positive floats compare as their bits do, and equal counts by column.
        final long[] byCount = new long[pairs];
        final int[] at = new int[1];
        statistics.forEachPair(relation, layer, row,
                (column, count) -> byCount[at[0]++] = (long) Float.floatToIntBits(count) << Integer.SIZE | column);
        Arrays.sort(byCount);
        writeVarint(out, most);
        for (int i = 0; i < most; i++) {
            final long pair = byCount[pairs - 1 - i];
            writeVarint(out, (int) pair);
            writeCount(out, Float.intBitsToFloat((int) (pair >>> Integer.SIZE)));
        }
    }

    private static void writeCount(final DataOutputStream out, final float count) throws IOException {
        if (count == (int) count && count < 1 << 24) {
            writeVarint(out, (int) count << 1);
        } else {
            writeVarint(out, 1);
            out.writeFloat(count);
        }
    }

    private static float readCount(final DataInputStream in) throws IOException {
        final int whole = readVarint(in);
        return whole == 1 ? in.readFloat() : whole >>> 1;
    }

    /** Seven bits a byte, the low ones first, the top bit set in all but the last. */
    private static void writeVarint(final DataOutputStream out, final int value) throws IOException {
        int rest = value;
        while (rest > 0x7f) {
            out.writeByte(rest & 0x7f | 0x80);
            rest >>>= 7;
        }
        out.writeByte(rest);
    }

    private static int readVarint(final DataInputStream in) throws IOException {
        int value = 0;
        for (int shift = 0; shift < 28; shift += 7) {
            final int part = in.readUnsignedByte();
            value |= (part & 0x7f) << shift;
            if (part < 0x80) {
                return value;
            }
        }
        throw new IllegalArgumentException("routing statistics hold a number of more than 4 bytes");
    }

    private static void writeSample(final PathSample sample, final Extent extent, final DataOutputStream out)
            throws IOException {
        final int paths = Math.min(extent.paths(), sample.size());
        final int[] slots = paths == sample.size() ? IntStream.range(0, paths).toArray() : sample.slotsByKey();
        out.writeInt(paths);
        for (int path = 0; path < paths; path++) {
            final int slot = slots[path];
            out.writeDouble(sample.key(slot));
            out.writeInt(sample.sequences[slot]);
            for (int i = 0; i < sample.stride; i++) {
                out.writeShort(sample.experts[slot * sample.stride + i]);
            }
        }
    }

    static RoutingStatistics decode(final byte[] bytes) {
        try {
            final DataInputStream head = new DataInputStream(new ByteArrayInputStream(bytes));
            final int magic = head.readInt();
            final int version = head.readUnsignedShort();
            if (magic != MAGIC || version != VERSION) {
                throw new IllegalArgumentException(String.format(
                        "routing statistics begin with %08x and version %d, expected %08x and %d", magic, version, MAGIC,
                        VERSION));
            }
            try (DataInputStream in = new DataInputStream(
                    new BufferedInputStream(new InflaterInputStream(head), BUFFER_BYTES))) {
                final RoutingStatistics statistics = readShape(in);
                statistics.restore(in.readDouble());
                for (final int layer : statistics.routedLayers()) {
                    readLayer(statistics, layer, in);
                }
                readSample(statistics, in);
                if (in.read() >= 0) {
                    throw new IllegalArgumentException("routing statistics go on after their end");
                }
                return statistics;
            }
        } catch (final IOException e) {
            throw new IllegalArgumentException("routing statistics of " + bytes.length + " bytes are damaged: " + e.getMessage(),
                    e);
        }
    }

    private static RoutingStatistics readShape(final DataInputStream in) throws IOException {
        final int[] experts = new int[bounded("layers", in.readInt(), MAX_LAYERS)];
        long cells = 0;
        for (int layer = 0; layer < experts.length; layer++) {
            experts[layer] = bounded("experts", in.readInt(), Short.MAX_VALUE);
        }
        final int topK = bounded("top-k", in.readInt(), 64);
        final int denseExperts = in.readInt();
        final int pairsPerExpert = in.readInt();
        final int samplePaths = in.readInt();
        final int pairStride = in.readInt();
        for (final int layer : experts) {
            cells += (long) layer * (layer <= denseExperts ? layer : pairsPerExpert);
        }
        cells += (long) samplePaths * experts.length * topK;
        if (cells < 0 || cells > MAX_CELLS) {
            throw new IllegalArgumentException("routing statistics claim " + cells + " counts, expected at most " + MAX_CELLS);
        }
        return new RoutingStatistics(experts, topK,
                new RoutingStatistics.Limits(denseExperts, pairsPerExpert, samplePaths, pairStride),
                in.readLong());
    }

    private static int bounded(final String what, final int value, final int max) {
        if (value < 0 || value > max) {
            throw new IllegalArgumentException("routing statistics claim " + value + " " + what + ", expected 0 to " + max);
        }
        return value;
    }

    private static void readLayer(final RoutingStatistics statistics, final int layer, final DataInputStream in)
            throws IOException {
        for (int expert = 0; expert < statistics.experts(layer); expert++) {
            statistics.restore(layer, expert, in.readDouble(), in.readDouble(), in.readDouble());
        }
        for (final Relation relation : Relation.values()) {
            final PairTable table = statistics.table(relation, layer);
            if (table != null) {
                final int columns = relation.withinLayer()
                        ? statistics.experts(layer)
                        : statistics.experts(statistics.nextRouted(layer));
                for (int row = 0; row < statistics.experts(layer); row++) {
                    final int pairs = bounded("pairs of one expert", readVarint(in), columns);
                    for (int i = 0; i < pairs; i++) {
                        final int column = bounded("as an expert", readVarint(in), columns - 1);
                        table.add(row, column, readCount(in));
                    }
                }
            }
        }
    }

    private static void readSample(final RoutingStatistics statistics, final DataInputStream in) throws IOException {
        final PathSample sample = statistics.sample();
        final int[] routed = statistics.routedLayers();
        final int paths = bounded("paths", in.readInt(), sample.capacity);
        final short[] path = new short[sample.stride];
        for (int i = 0; i < paths; i++) {
            final double key = in.readDouble();
            final int sequence = in.readInt();
            for (int at = 0; at < path.length; at++) {
                final int experts = statistics.experts(routed[at / statistics.topK()]);
                path[at] = (short) bounded("as an expert", in.readShort(), experts - 1);
            }
            sample.absorb(key, sequence, path, 0);
        }
    }
}
