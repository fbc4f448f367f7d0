package io.drover.actors;

import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

import org.agrona.concurrent.ManyToOneConcurrentLinkedQueue;

/**
 * The executor under a device's dispatcher. Tasks wait in a queue that the node's compute thread drains, so that an expert
 * actor runs its batch on the thread that gathered it: a message to an expert costs no thread hop.
 */
final class DeviceExecutor implements Executor {
    private final ManyToOneConcurrentLinkedQueue<Runnable> tasks = new ManyToOneConcurrentLinkedQueue<>();
    private final Runnable wakeUp;
    private volatile boolean closed;

    /** @param wakeUp called after each task from another thread, so that an idle compute thread looks */
    DeviceExecutor(final Runnable wakeUp) {
        this.wakeUp = wakeUp;
    }

    @Override
    public void execute(final Runnable task) {
        if (closed) {
            throw new RejectedExecutionException("the device has been shut down");
        }
        tasks.add(task);
        wakeUp.run();
    }

    /** Runs up to {@code limit} tasks; compute thread only. Returns how many ran. */
    int drain(final int limit) {
        int ran = 0;
        for (Runnable task; ran < limit && (task = tasks.poll()) != null; ran++) {
            task.run();
        }
        return ran;
    }

    boolean isEmpty() {
        return tasks.isEmpty();
    }

    void close() {
        closed = true;
    }
}
