package io.drover.actors;

import org.agrona.concurrent.ManyToOneConcurrentLinkedQueue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What other threads ask of the compute thread. A command that was taken is run, the last ones when this is closed. */
final class Commands {
    private static final Logger LOG = LoggerFactory.getLogger(Commands.class);

    private final ManyToOneConcurrentLinkedQueue<Runnable> waiting = new ManyToOneConcurrentLinkedQueue<>();
    private boolean closed;

    /** Any thread. False, and the command is not run, once this is closed. */
    synchronized boolean add(final Runnable command) {
        return !closed && waiting.add(command);
    }

    boolean isEmpty() {
        return waiting.isEmpty();
    }

    /** Runs what waits; compute thread. Returns how many there were. */
    int run() {
        int count = 0;
        for (Runnable command; (command = waiting.poll()) != null; count++) {
            command.run();
        }
        return count;
    }

    /** Takes no more, and runs what was taken, though one of them may fail; compute thread. */
    void close() {
        synchronized (this) {
            closed = true;
        }
        for (Runnable command; (command = waiting.poll()) != null;) {
            try {
                command.run();
            } catch (final RuntimeException failure) {
                LOG.error("a command of the engine's last turn has failed", failure);
            }
        }
    }
}
