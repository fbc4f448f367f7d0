package io.drover.placement.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * Reads a recorded trace from disk. Two forms are known.
 *
 * <p><b>Arrays</b>: a directory with
 * <ul>
 * <li>{@code expert_ids.npy}: [token, layer, rank], uint8, uint16, int16, int32 or int64, highest gate first;
 * <li>{@code expert_probs.npy} (optional): gate weights in the same shape, uint8 for round(255 p) or float32. Without it all ranks
 * weigh the same;
 * <li>{@code traces.csv}: a header line that names at least {@code first_token} and {@code tokens}, and perhaps {@code trace} and {@code
 * domain}; then one line per sequence, which together cover all tokens in order. Fields have no quotes and no commas.
 * </ul>
 *
 * <p><b>JSON lines</b>: a file whose name ends in {@code .jsonl}, or a directory that holds {@code trace.jsonl}; see {@link
 * JsonLinesTrace}.
 *
 * <p>The number of experts is one more than the highest id unless the form states it.
 */
public final class TraceReader {
    private static final String IDS = "expert_ids.npy";
    private static final String PROBS = "expert_probs.npy";
    private static final String SEQUENCES = "traces.csv";
    private static final String JSON_LINES = "trace.jsonl";

    private TraceReader() {}

    /**
     * @param path a directory, or a {@code .jsonl} file
     * @throws TraceFormatException if what is there is not a trace; the message gives the numbers
     * @throws IOException          if it cannot be read
     */
    static Trace read(final Path path) throws IOException {
        if (Files.isRegularFile(path)) {
            return JsonLinesTrace.read(path);
        }
        if (!Files.isDirectory(path)) {
            throw new TraceFormatException(path + " is neither a directory nor a file");
        }
        if (Files.exists(path.resolve(IDS))) {
            return readArrays(path);
        }
        if (Files.exists(path.resolve(JSON_LINES))) {
            return JsonLinesTrace.read(path.resolve(JSON_LINES));
        }
        throw new TraceFormatException(path + " holds neither " + IDS + " nor " + JSON_LINES);
    }

    private static Trace readArrays(final Path directory) throws IOException {
        final NpyArray array = NpyArray.open(directory.resolve(IDS));
        final int[] shape = array.shape();
        if (shape.length != 3 || Arrays.stream(shape).anyMatch(side -> side < 1) || array.type() == NpyArray.Type.FLOAT32) {
            throw new TraceFormatException(array.file() + " has shape " + Arrays.toString(shape) + " of " + array.type()
                    + "; expected [token, layer, rank] of whole numbers, each side at least 1");
        }
        final short[] ids = ids(array, shape);
        int highest = 0;
        for (final short id : ids) {
            highest = Math.max(highest, id);
        }
        final List<Trace.Sequence> sequences = SequenceTable.read(directory.resolve(SEQUENCES), shape[0]);
        return new Trace(directory.toAbsolutePath().normalize().getFileName().toString(), shape[1], highest + 1, shape[2], ids,
                weights(directory.resolve(PROBS), shape), sequences);
    }

    private static short[] ids(final NpyArray array, final int[] shape) {
        final int topK = shape[2];
        final short[] ids = new short[array.length()];
        for (int i = 0; i < ids.length; i++) {
            final long id = array.whole(i);
            if (id < 0 || id > Short.MAX_VALUE) {
                throw new TraceFormatException(array.file() + at(i, shape) + " names expert " + id + "; expected 0 to "
                        + Short.MAX_VALUE);
            }
            ids[i] = (short) id;
            for (int j = i - i % topK; j < i; j++) {
                if (ids[j] == ids[i]) {
                    throw new TraceFormatException(array.file() + at(i, shape) + " names expert " + id + " twice in one top-"
                            + topK);
                }
            }
        }
        return ids;
    }

    private static String at(final int i, final int[] shape) {
        return " at token " + i / (shape[1] * shape[2]) + ", layer " + i / shape[2] % shape[1] + ", rank " + i % shape[2];
    }

    private static float[] weights(final Path file, final int[] shape) throws IOException {
        final float[] weights = new float[shape[0] * shape[1] * shape[2]];
        if (!Files.exists(file)) {
            Arrays.fill(weights, 1f / shape[2]);
            return weights;
        }
        final NpyArray array = NpyArray.open(file);
        if (!Arrays.equals(array.shape(), shape)) {
            throw new TraceFormatException(file + " has shape " + Arrays.toString(array.shape()) + "; the ids have "
                    + Arrays.toString(shape));
        }
        final float scale = array.type() == NpyArray.Type.UINT8 ? 1f / 255f : 1f;
        for (int i = 0; i < weights.length; i++) {
            weights[i] = scale * array.real(i);
            if (!(weights[i] >= 0) || weights[i] == Float.POSITIVE_INFINITY) {
                throw new TraceFormatException(
                        file + at(i, shape) + " is " + weights[i] + "; expected a finite weight of at least 0");
            }
        }
        return weights;
    }
}
