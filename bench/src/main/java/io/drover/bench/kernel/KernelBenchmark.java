package io.drover.bench.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

import io.drover.model.StorageType;
import io.drover.model.checkpoint.TensorView;
import io.drover.model.checkpoint.TensorView.Dtype;
import io.drover.model.kernel.AttentionBatch;
import io.drover.model.kernel.ComputeTeam;
import io.drover.model.kernel.CpuKernels;
import io.drover.model.kernel.Kernels;
import io.drover.model.kernel.KvLayout;
import io.drover.model.kernel.PackedMatrix;

/**
 * Single kernels, with weights that are not in a cache unless all of the pool fits into one. Run by
 * {@code java ... org.openjdk.jmh.Main KernelBenchmark}, with {@code -p} for other parameters.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 10, time = 1)
@Fork(value = 1, jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class KernelBenchmark {
    private static final int POSITIONS = 1024;

    @Param({"1024x512", "2048x1024", "4096x14336"})
    public String shape = "";
    @Param({"1", "8", "64"})
    public int rows;
    @Param({"1", "2"})
    public int threads;
    @Param("1024")
    public long poolMiB;
    @Param("auto")
    public String mode = "";

    private Arena arena;
    private ComputeTeam team;
    private Kernels kernels;
    private PackedMatrix[] pool;
    private int next;
    private float[] x;
    private float[] y;
    private AttentionBatch attention;
    private MemorySegment keysAndValues;
    private long[] pages;

    /** Packs the pool and a sequence of 1,024 positions for 32 heads of 128 over 8 key-value heads. */
    @Setup(Level.Trial)
    public void setUp() {
        arena = Arena.ofShared();
        team = new ComputeTeam(threads, () -> {});
        kernels = CpuKernels.create(team, mode);
        final String[] sides = shape.split("x");
        final int outputs = Integer.parseInt(sides[0]);
        final int columns = Integer.parseInt(sides[1]);
        final TensorView view = random(outputs, columns);
        pool = new PackedMatrix[(int) Math.max(1, (poolMiB << 20) / view.data().byteSize())];
        Arrays.setAll(pool, i -> PackedMatrix.pack(arena, view));
        x = new float[rows * Math.max(columns, 32 * 128)];
        Arrays.fill(x, 0.5f);
        y = new float[rows * Math.max(outputs, 32 * 128)];
        final KvLayout layout = new KvLayout(1, 8, 128, StorageType.BFLOAT16);
        keysAndValues = arena.allocate(layout.pageBytes() * POSITIONS / KvLayout.POSITIONS, 64);
        pages = new long[POSITIONS / KvLayout.POSITIONS];
        Arrays.setAll(pages, i -> i * layout.pageBytes());
        for (int position = 0; position < POSITIONS; position++) {
            layout.write(keysAndValues, pages[position / KvLayout.POSITIONS], 0, position, x, 0, x, 0);
        }
        attention = new AttentionBatch(layout, 32, 0.088f);
    }

    @TearDown(Level.Trial)
    public void tearDown() {
        team.close();
        arena.close();
    }

    /** One packed bfloat16 matrix, the next of the pool, times {@code rows} rows. */
    @Benchmark
    public float[] multiply() {
        final PackedMatrix w = pool[next];
        next = (next + 1) % pool.length;
        kernels.multiply(w, x, 0, w.columns(), rows, y, 0, w.rows());
        return y;
    }

    /** {@code rows} rows of 32 heads over 1,024 positions in bfloat16. */
    @Benchmark
    public float[] attend() {
        attention.begin(0, rows, x, y);
        for (int row = 0; row < rows; row++) {
            attention.add(keysAndValues, pages, POSITIONS);
        }
        kernels.attend(attention);
        return y;
    }

    private TensorView random(final int outputs, final int columns) {
        final MemorySegment source = arena.allocate((long) outputs * columns * Short.BYTES, 64);
        final Random random = new Random(1);
        for (long i = 0; i < (long) outputs * columns; i++) {
            source.setAtIndex(ValueLayout.JAVA_SHORT, i, StorageType.toBfloat16((float) random.nextGaussian()));
        }
        return new TensorView("random", Dtype.BF16, source, outputs, columns);
    }
}
