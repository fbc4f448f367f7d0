package io.drover.model.checkpoint;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

/**
 * One memory-mapped safetensors file.
 *
 * <pre>
 *   0        8                 8 + N
 *   +--------+-----------------+------------------------------+
 *   | N: u64 | N bytes of JSON | data; offsets count from here |
 *   +--------+-----------------+------------------------------+
 *   JSON: { name: { "dtype": "BF16", "shape": [r, c], "data_offsets": [begin, end) }, …, "__metadata__": { … } }
 * </pre>
 *
 * Little-endian. The header's length, each tensor's place in the file and the absence of overlaps are checked when the file is
 * opened; shapes and number formats when a tensor is asked for, so that tensors nobody needs may be anything.
 */
final class SafetensorsFile {
    /** The format's own limit. */
    private static final long MAX_HEADER_BYTES = 100_000_000;
    private static final ValueLayout.OfLong LENGTH = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Path path;
    private final MemorySegment data;
    private final Map<String, Entry> entries = new HashMap<>();
    /** Tensors that the file is too short for, with the sentence that says so. */
    private final Map<String, CheckpointException> cutOff = new HashMap<>();

    /** A tensor's description; {@code begin} and {@code end} are byte offsets into the data. */
    private record Entry(String name, String dtype, long[] shape, long begin, long end) {}

    private SafetensorsFile(final Path path, final MemorySegment data) {
        this.path = path;
        this.data = data;
    }

    /**
     * @param truncated whether the file may be too short for its tensors: those that it cuts off are then absent
     */
    static SafetensorsFile open(final Path path, final Arena arena, final boolean truncated) {
        if (!Files.isRegularFile(path)) {
            throw new CheckpointException(path + " is missing");
        }
        final MemorySegment file;
        try (FileChannel channel = FileChannel.open(path)) {
            file = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
        } catch (final IOException e) {
            throw new CheckpointException(path + " cannot be mapped: " + e.getMessage(), e);
        }
        if (file.byteSize() < Long.BYTES) {
            throw new CheckpointException(
                    path + " has " + file.byteSize() + " bytes; expected at least the 8 of a safetensors header");
        }
        final long headerBytes = file.get(LENGTH, 0);
        final long available = Math.min(MAX_HEADER_BYTES, file.byteSize() - Long.BYTES);
        if (headerBytes < 2 || headerBytes > available) {
            throw new CheckpointException(path + " says its header has " + Long.toUnsignedString(headerBytes)
                    + " bytes; expected 2 to " + available + " (the file has " + file.byteSize() + ")");
        }
        final long dataStart = Long.BYTES + headerBytes;
        final SafetensorsFile opened = new SafetensorsFile(path, file.asSlice(dataStart));
        opened.readHeader(JsonFile.parse(path + " header",
                file.asSlice(Long.BYTES, headerBytes).toArray(ValueLayout.JAVA_BYTE)));
        if (!truncated && !opened.cutOff.isEmpty()) {
            throw opened.cutOff.values().iterator().next();
        }
        return opened;
    }

    List<String> names() {
        final List<String> names = new ArrayList<>(entries.keySet());
        names.addAll(cutOff.keySet());
        return names;
    }

    /** Why the file does not give a tensor; null if it does. */
    @Nullable
    CheckpointException absence(final String name, final int... shape) {
        return entries.containsKey(name) ? null : cutOff.getOrDefault(name, missing(path, name, shape));
    }

    static CheckpointException missing(final Path where, final String name, final int... shape) {
        return new CheckpointException(
                where + ": tensor " + name + " is missing; expected it with shape " + Arrays.toString(shape));
    }

    /**
     * A tensor as a matrix. A tensor of one dimension is one row; of more than two, the leading dimensions are folded into rows.
     *
     * @param shape the shape it must have
     */
    TensorView view(final String name, final int... shape) {
        final Entry entry = entries.get(name);
        if (entry == null) {
            throw cutOff.getOrDefault(name, missing(path, name, shape));
        }
        if (!Arrays.equals(entry.shape, Arrays.stream(shape).asLongStream().toArray())) {
            throw new CheckpointException(path + ": tensor " + name + " has shape " + Arrays.toString(entry.shape) + "; expected "
                    + Arrays.toString(shape));
        }
        final TensorView.Dtype dtype = Arrays.stream(TensorView.Dtype.values())
                .filter(known -> known.name().equals(entry.dtype))
                .findFirst()
                .orElseThrow(() -> new CheckpointException(path + ": tensor " + name + " has dtype " + entry.dtype
                        + "; expected one of " + Arrays.toString(TensorView.Dtype.values())));
        final int columns = shape[shape.length - 1];
        final long rows = Arrays.stream(entry.shape).limit(shape.length - 1).reduce(1, Math::multiplyExact);
        final long bytes = rows * columns * dtype.bytes();
        if (entry.end - entry.begin != bytes) {
            throw new CheckpointException(path + ": tensor " + name + " has " + (entry.end - entry.begin) + " bytes; expected "
                    + bytes + " for " + Arrays.toString(shape) + " of " + dtype);
        }
        return new TensorView(name, dtype, data.asSlice(entry.begin, bytes), Math.toIntExact(rows), columns);
    }

    private void readHeader(final JsonFile header) {
        for (final String name : header.keys()) {
            if (!name.equals("__metadata__")) {
                final Entry entry = entry(name, header.object(name));
                if (entry.end <= data.byteSize()) {
                    entries.put(name, entry);
                } else {
                    cutOff.put(name, new CheckpointException(path + ": tensor " + name + " ends at byte " + entry.end
                            + " of the data; expected at most " + data.byteSize() + ": the file is truncated"));
                }
            }
        }
        final List<Entry> inOrder = new ArrayList<>(entries.values());
        inOrder.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
        for (int i = 1; i < inOrder.size(); i++) {
            final Entry previous = inOrder.get(i - 1);
            final Entry next = inOrder.get(i);
            if (next.begin < previous.end) {
                throw new CheckpointException(path + ": tensor " + next.name + " begins at byte " + next.begin + "; expected "
                        + previous.end + " or more, where " + previous.name + " ends");
            }
        }
    }

    private Entry entry(final String name, final JsonFile description) {
        final long[] offsets = description.longs("data_offsets");
        if (offsets.length != 2 || offsets[0] > offsets[1]) {
            throw description.wrong("data_offsets", "[begin, end]");
        }
        return new Entry(name, description.text("dtype"), description.longs("shape"), offsets[0], offsets[1]);
    }
}
