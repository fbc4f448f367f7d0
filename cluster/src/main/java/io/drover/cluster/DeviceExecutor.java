package io.drover.cluster;

import java.util.List;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;

import org.apache.pekko.actor.setup.Setup;
import org.apache.pekko.dispatch.DispatcherPrerequisites;
import org.apache.pekko.dispatch.ExecutorServiceConfigurator;
import org.apache.pekko.dispatch.ExecutorServiceFactory;

import com.typesafe.config.Config;

/**
 * Makes the device's dispatcher run on the node's compute thread: Pekko creates this class by its name in {@code drover-pekko.conf} and
 * finds the executor in the actor system's set-up.
 */
final class DeviceExecutor extends ExecutorServiceConfigurator {
    static final String DISPATCHER = "drover-device-dispatcher";

    /**
     * Carries the executor of one node to its actor system. It is known only when the engine starts, which is after the node has been
     * given its id; nobody uses the dispatcher before.
     */
    static final class Handover extends Setup implements Executor {
        private final CompletableFuture<Executor> device = new CompletableFuture<>();

        void to(final Executor executor) {
            device.complete(executor);
        }

        @Override
        public void execute(final Runnable task) {
            final Executor executor = device.getNow(null);
            if (executor == null) {
                throw new IllegalStateException("the device's dispatcher is used before the engine was started");
            }
            executor.execute(task);
        }
    }

    private final Handover handover;

    /** Called by Pekko. */
    DeviceExecutor(final Config config, final DispatcherPrerequisites prerequisites) {
        super(config, prerequisites);
        handover = prerequisites.settings()
                .setup()
                .get(Handover.class)
                .orElseThrow(() -> new IllegalStateException("the actor system was made without an executor for its device"));
    }

    @Override
    public ExecutorServiceFactory createExecutorServiceFactory(final String id, final ThreadFactory threadFactory) {
        return () -> new Borrowed(handover);
    }

    /** The engine owns its thread: shutting the dispatcher down ends nothing. */
    private static final class Borrowed extends AbstractExecutorService {
        private final Executor device;
        private volatile boolean shutdown;

        Borrowed(final Executor device) {
            this.device = device;
        }

        @Override
        public void execute(final Runnable task) {
            device.execute(task);
        }

        @Override
        public void shutdown() {
            shutdown = true;
        }

        @Override
        public List<Runnable> shutdownNow() {
            shutdown = true;
            return List.of();
        }

        @Override
        public boolean isShutdown() {
            return shutdown;
        }

        @Override
        public boolean isTerminated() {
            return shutdown;
        }

        @Override
        public boolean awaitTermination(final long timeout, final TimeUnit unit) {
            return shutdown;
        }
    }
}
