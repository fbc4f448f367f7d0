package io.drover.model.kernel;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

import org.jspecify.annotations.Nullable;

/**
 * The threads that share a kernel: the caller, and helpers that spin for a bounded while, then sleep. Work comes in numbered chunks
 * that whoever is free claims, so a thread that the host has put aside delays nothing but the chunk it holds. Which thread runs a
 * chunk changes no result.
 *
 * <p>
 * All of the state is one long: (round, chunks not yet claimed). A claim is one compare-and-set on it, and a round cannot end while
 * a claimed chunk runs, so a claimant reads that round's work safely, and a helper that comes late finds nothing.
 *
 * <p>
 * Between chunks the caller runs the <em>breather</em>, at least about every {@value #BREATH_NS} ns: whatever must not wait for a long
 * multiply, such as polling the network. The breather must not use the team or its kernels.
 */
public final class ComputeTeam implements AutoCloseable {
    /** Longest time that the caller computes between two breaths, plus one chunk. */
    public static final long BREATH_NS = 500_000;
    private static final int DEFAULT_SPINS = 2_000;
    private static final int YIELDS = 64;
    private static final long PARK_NS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long JOIN_MS = 2_000;
    private static final long CLAIMABLE = 0xffff_ffffL;
    private static final VarHandle STATE;
    private static final VarHandle DONE;

    static {
        try {
            final MethodHandles.Lookup lookup = MethodHandles.lookup();
            STATE = lookup.findVarHandle(ComputeTeam.class, "state", long.class);
            DONE = lookup.findVarHandle(ComputeTeam.class, "done", int.class);
        } catch (final ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Work that is cut into chunks; several threads run different chunks at once. */
    interface Work {
        /**
         * @param chunk  0 .. chunks - 1
         * @param worker 0 for the caller, else 1 .. threads - 1: which scratch to use
         */
        void run(int chunk, int worker);
    }

    private final Runnable breather;
    private final int spins;
    private final Helper[] helpers;
    private volatile long state;
    private volatile int done;
    private volatile boolean closed;
    private volatile @Nullable Throwable failure;
    private @Nullable Work work;
    private int chunks;
    private long lastBreathNs = System.nanoTime();

    /**
     * Starts {@code threads - 1} helpers.
     *
     * @param threads  the caller included
     * @param breather run by the caller between chunks
     */
    public ComputeTeam(final int threads, final Runnable breather) {
        this(threads, breather, threads <= Runtime.getRuntime().availableProcessors() ? DEFAULT_SPINS : 0);
    }

    /** @param spins how often an idle helper looks for work before it yields and then sleeps; 0 where cores are oversubscribed */
    public ComputeTeam(final int threads, final Runnable breather, final int spins) {
        if (threads < 1) {
            throw new IllegalArgumentException("a compute team of " + threads + " threads; expected 1 or more");
        }
        this.breather = breather;
        this.spins = spins;
        helpers = new Helper[threads - 1];
        for (int i = 0; i < helpers.length; i++) {
            helpers[i] = new Helper(i + 1);
            helpers[i].start();
        }
    }

    /** Threads, the caller included. */
    public int threads() {
        return helpers.length + 1;
    }

    /** Runs the breather if the last breath is {@value #BREATH_NS} ns ago. */
    public void breathe() {
        final long nowNs = System.nanoTime();
        if (nowNs - lastBreathNs >= BREATH_NS) {
            breather.run();
            lastBreathNs = System.nanoTime();
        }
    }

    /** Runs all chunks and returns when they are done. One caller at a time. */
    void run(final Work job, final int count) {
        if (helpers.length == 0 || count == 1) {
            runAlone(job, count);
            return;
        }
        work = job;
        chunks = count;
        done = 0;
        final long round = (state >>> 32) + 1;
        state = round << 32 | count;
        for (final Helper helper : helpers) {
            helper.wake();
        }
        while (runOne(0)) {
            breathe();
        }
        awaitHelpers(count);
        final Throwable thrown = failure;
        if (thrown != null) {
            failure = null;
            throw new IllegalStateException("a compute helper failed", thrown);
        }
    }

    /** Runs all chunks on the caller. */
    void runAlone(final Work job, final int count) {
        for (int chunk = 0; chunk < count; chunk++) {
            job.run(chunk, 0);
            breathe();
        }
    }

    /** Stops the helpers. The team must be idle. */
    @Override
    public void close() {
        closed = true;
        for (final Helper helper : helpers) {
            LockSupport.unpark(helper);
        }
        try {
            for (final Helper helper : helpers) {
                helper.join(JOIN_MS);
            }
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean runOne(final int worker) {
        long seen = state;
        while ((seen & CLAIMABLE) != 0) {
            if (STATE.compareAndSet(this, seen, seen - 1)) {
                final int chunk = chunks - (int) seen;
                try {
                    work.run(chunk, worker);
                } catch (final Throwable t) {
                    failure = t;
                } finally {
                    DONE.getAndAdd(this, 1);
                }
                return true;
            }
            seen = state;
        }
        return false;
    }

    private void awaitHelpers(final int count) {
        int waited = 0;
        while (done != count) {
            if (++waited < spins) {
                Thread.onSpinWait();
            } else {
                Thread.yield();
                breathe();
            }
        }
    }

    private final class Helper extends Thread {
        private final int worker;
        private volatile boolean asleep;

        Helper(final int worker) {
            super("drover-compute-" + worker);
            this.worker = worker;
            setDaemon(true);
        }

        void wake() {
            if (asleep) {
                LockSupport.unpark(this);
            }
        }

        @Override
        public void run() {
            int idle = 0;
            while (!closed) {
                if (runOne(worker)) {
                    idle = 0;
                } else if (++idle < spins) {
                    Thread.onSpinWait();
                } else if (idle < spins + YIELDS) {
                    Thread.yield();
                } else {
                    sleep();
                    idle = 0;
                }
            }
        }

        /** Looks once more after it has said that it sleeps: either it sees the work, or the caller sees the flag. */
        private void sleep() {
            asleep = true;
            if ((state & CLAIMABLE) == 0 && !closed) {
                LockSupport.parkNanos(this, PARK_NS);
            }
            asleep = false;
        }
    }
}
