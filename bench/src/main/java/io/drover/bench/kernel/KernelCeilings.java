package io.drover.bench.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.LongSupplier;

import io.drover.model.StorageType;
import io.drover.model.checkpoint.TensorView;
import io.drover.model.checkpoint.TensorView.Dtype;
import io.drover.model.kernel.ComputeTeam;
import io.drover.model.kernel.CpuKernels;
import io.drover.model.kernel.Kernels;
import io.drover.model.kernel.PackedMatrix;

/**
 * Multiplies over cold bfloat16 weights as a share of what the machine gives at that moment. A round measures the read stream, each
 * number of rows, and the FMA peak one after the other, a few milliseconds each; a line is the median over rounds of the round's own
 * ratio, so that a machine whose speed drifts still gives a fair answer.
 *
 * <pre>
 * java ... io.drover.bench.kernel.KernelCeilings [threads=1,2] [rounds=31] [poolMiB=1024] [mode=auto] [shapes=1024x512,2048x1024,...]
 * </pre>
 */
public final class KernelCeilings {
    private static final int[] ROWS = {1, 2, 8, 64};
    private static final long SLICE_BYTES = 64L << 20;
    private static final double SLICE_FLOP = 1e9;

    private final Arena arena = Arena.ofShared();
    private final int outputs;
    private final int columns;
    private final List<PackedMatrix> pool = new ArrayList<>();
    private final MemorySegment stream;
    private LongSupplier clock = System::nanoTime;
    private int next;

    private KernelCeilings(final int outputs, final int columns, final long poolBytes) {
        this.outputs = outputs;
        this.columns = columns;
        stream = arena.allocate(Math.max(4 * SLICE_BYTES, poolBytes / 2), 4096);
        stream.fill((byte) 1);
        final MemorySegment source = arena.allocate((long) outputs * columns * Short.BYTES, 64);
        final Random random = new Random(1);
        for (long i = 0; i < (long) outputs * columns; i++) {
            source.setAtIndex(ValueLayout.JAVA_SHORT, i, StorageType.toBfloat16((float) random.nextGaussian()));
        }
        final TensorView view = new TensorView("random", Dtype.BF16, source, outputs, columns);
        for (long bytes = 0; bytes < poolBytes; bytes += source.byteSize()) {
            pool.add(PackedMatrix.pack(arena, view));
        }
    }

    /** Prints a table; arguments as in the class comment. */
    public static void main(final String[] arguments) {
        final int[] threads = Arrays.stream(argument(arguments, "threads", "1,2").split(","))
                .mapToInt(Integer::parseInt)
                .toArray();
        final int rounds = Integer.parseInt(argument(arguments, "rounds", "31"));
        final long poolBytes = Long.parseLong(argument(arguments, "poolMiB", "1024")) << 20;
        final String mode = argument(arguments, "mode", "auto");
        final boolean cpuTime = "cpu".equals(argument(arguments, "clock", "wall"));
        System.out.println("| threads | outputs x columns | rows | GB/s | share of stream | GFLOP/s | share of FMA peak |");
        System.out.println("|---|---|---|---|---|---|---|");
        for (final String shape : argument(arguments, "shapes", "1024x512,2048x1024,4096x14336").split(",")) {
            final String[] sides = shape.split("x");
            final KernelCeilings bench = new KernelCeilings(Integer.parseInt(sides[0]), Integer.parseInt(sides[1]), poolBytes);
            for (final int count : threads) {
                bench.clock = count == 1 && cpuTime
                        ? ManagementFactory.getThreadMXBean()::getCurrentThreadCpuTime
                        : System::nanoTime;
                bench.run(count, rounds, mode);
            }
            bench.arena.close();
        }
    }

    private static String argument(final String[] arguments, final String name, final String otherwise) {
        return Arrays.stream(arguments)
                .filter(argument -> argument.startsWith(name + "="))
                .map(
                        argument -> argument.substring(name.length() + 1))
                .findFirst()
                .orElse(otherwise);
    }

    private void run(final int threads, final int rounds, final String mode) {
        try (ComputeTeam team = new ComputeTeam(threads, () -> {}); Ceilings ceilings = new Ceilings(threads, clock)) {
            final Kernels kernels = CpuKernels.create(team, mode);
            final double[][] bandwidth = new double[ROWS.length][rounds];
            final double[][] bandwidthShare = new double[ROWS.length][rounds];
            final double[][] flops = new double[ROWS.length][rounds];
            final double[][] flopsShare = new double[ROWS.length][rounds];
            for (int round = -3; round < rounds; round++) {
                final long offset = (round + 3) * SLICE_BYTES % (stream.byteSize() - SLICE_BYTES);
                final double read = ceilings.stream(stream.asSlice(offset, SLICE_BYTES));
                final double peak = ceilings.fusedMultiplyAdds((int) (SLICE_FLOP / 512));
                for (int i = 0; i < ROWS.length; i++) {
                    final double perNs = multipliesPerNs(kernels, ROWS[i]);
                    if (round >= 0) {
                        bandwidth[i][round] = perNs * outputs * columns * Short.BYTES;
                        bandwidthShare[i][round] = bandwidth[i][round] / read;
                        flops[i][round] = perNs * 2 * outputs * columns * ROWS[i];
                        flopsShare[i][round] = flops[i][round] / peak;
                    }
                }
            }
            for (int i = 0; i < ROWS.length; i++) {
                System.out.printf("| %d | %dx%d | %d | %.1f | %.2f | %.1f | %.2f |%n", threads, outputs, columns, ROWS[i],
                        median(bandwidth[i]), median(bandwidthShare[i]), median(flops[i]), median(flopsShare[i]));
            }
        }
    }

    /** Walks on through the pool, so that no matrix is still in a cache. */
    private double multipliesPerNs(final Kernels kernels, final int rows) {
        final double work = Math.min((double) SLICE_BYTES / outputs / columns / Short.BYTES,
                SLICE_FLOP / 2 / outputs / columns / rows);
        final int count = (int) Math.max(1, work);
        final float[] x = new float[rows * columns];
        Arrays.fill(x, 0.5f);
        final float[] y = new float[rows * outputs];
        kernels.multiply(pool.get(next), x, 0, columns, rows, y, 0, outputs);
        final long startNs = clock.getAsLong();
        for (int i = 0; i < count; i++) {
            next = (next + 1) % pool.size();
            kernels.multiply(pool.get(next), x, 0, columns, rows, y, 0, outputs);
        }
        return (double) count / (clock.getAsLong() - startNs);
    }

    private static double median(final double[] values) {
        final double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
