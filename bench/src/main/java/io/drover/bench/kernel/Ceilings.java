package io.drover.bench.kernel;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** What the machine can do at most, by loops that do nothing else: read memory in sequence, and fused multiply-adds in registers. */
final class Ceilings implements AutoCloseable {
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final int BYTES = INTS.vectorByteSize();
    private static final int UNROLL = 4;

    private final int threads;
    private final LongSupplier clock;
    private final ExecutorService executor;
    private volatile float sink;

    Ceilings(final int threads, final LongSupplier clock) {
        this.threads = threads;
        this.clock = clock;
        executor = Executors.newFixedThreadPool(threads, Thread.ofPlatform().daemon().factory());
    }

    /** Bytes per ns of reading a segment once, split over the threads. */
    double stream(final MemorySegment memory) {
        final long part = memory.byteSize() / threads / 4096 * 4096;
        final long startNs = clock.getAsLong();
        final List<DoubleSupplier> work = new ArrayList<>();
        for (int thread = 0; thread < threads; thread++) {
            final MemorySegment slice = memory.asSlice(thread * part, part);
            work.add(() -> read(slice));
        }
        runAll(work);
        return (double) part * threads / (clock.getAsLong() - startNs);
    }

    /** Floating-point operations per ns, all threads together. */
    double fusedMultiplyAdds(final int iterations) {
        final long startNs = clock.getAsLong();
        final List<DoubleSupplier> work = new ArrayList<>();
        for (int thread = 0; thread < threads; thread++) {
            work.add(() -> multiplyAdd(iterations));
        }
        runAll(work);
        return 2.0 * 16 * FLOATS.length() * iterations * threads / (clock.getAsLong() - startNs);
    }

    @Override
    public void close() {
        executor.shutdownNow();
    }

    private void runAll(final List<DoubleSupplier> work) {
        final List<CompletableFuture<Double>> others = work.subList(1, work.size())
                .stream()
                .map(part -> CompletableFuture.supplyAsync(part::getAsDouble, executor))
                .toList();
        double sum = work.getFirst().getAsDouble();
        for (final CompletableFuture<Double> other : others) {
            sum += other.join();
        }
        sink = (float) sum;
    }

    private static double read(final MemorySegment memory) {
        IntVector a = IntVector.zero(INTS);
        IntVector b = a;
        IntVector c = a;
        IntVector d = a;
        final long end = memory.byteSize();
        for (long at = 0; at < end; at += (long) UNROLL * BYTES) {
            a = a.add(IntVector.fromMemorySegment(INTS, memory, at, ByteOrder.LITTLE_ENDIAN));
            b = b.add(IntVector.fromMemorySegment(INTS, memory, at + BYTES, ByteOrder.LITTLE_ENDIAN));
            c = c.add(IntVector.fromMemorySegment(INTS, memory, at + 2 * BYTES, ByteOrder.LITTLE_ENDIAN));
            d = d.add(IntVector.fromMemorySegment(INTS, memory, at + 3 * BYTES, ByteOrder.LITTLE_ENDIAN));
        }
        return a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
    }

    private static double multiplyAdd(final int iterations) {
        final FloatVector x = FloatVector.broadcast(FLOATS, 0.999f);
        final FloatVector y = FloatVector.broadcast(FLOATS, 0.001f);
        FloatVector a = y, b = y, c = y, d = y, e = y, f = y, g = y, h = y;
        FloatVector i = x, j = x, k = x, l = x, m = x, n = x, o = x, p = x;
        for (int step = 0; step < iterations; step++) {
            a = a.fma(x, y);
            b = b.fma(x, y);
            c = c.fma(x, y);
            d = d.fma(x, y);
            e = e.fma(x, y);
            f = f.fma(x, y);
            g = g.fma(x, y);
            h = h.fma(x, y);
            i = i.fma(x, y);
            j = j.fma(x, y);
            k = k.fma(x, y);
            l = l.fma(x, y);
            m = m.fma(x, y);
            n = n.fma(x, y);
            o = o.fma(x, y);
            p = p.fma(x, y);
        }
        return a.add(b)
                .add(c)
                .add(d)
                .add(e)
                .add(f)
                .add(g)
                .add(h)
                .add(i)
                .add(j)
                .add(k)
                .add(l)
                .add(m)
                .add(n)
                .add(o)
                .add(p)
                .lane(0);
    }
}
