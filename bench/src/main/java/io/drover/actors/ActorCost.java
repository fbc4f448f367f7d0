package io.drover.actors;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;

import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.dispatch.DispatcherPrerequisites;
import org.apache.pekko.dispatch.ExecutorServiceConfigurator;
import org.apache.pekko.dispatch.ExecutorServiceFactory;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;

import io.drover.bench.RandomCheckpoint;
import io.drover.model.StorageType;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.model.forward.ExpertBatch;
import io.drover.model.forward.ExpertWeights;
import io.drover.model.kernel.ComputeTeam;
import io.drover.model.kernel.CpuKernels;
import io.drover.model.kernel.Kernels;

/**
 * What an expert actor costs: a batch through a replica's port, its actor and its mailbox, on the thread that gathered it, against
 * the same kernel called directly; rounds interleaved, medians. It is in the package of what it measures because ports are not
 * public.
 *
 * <pre>{@code ./drover bench actor [ROUNDS]}</pre>
 */
public final class ActorCost {
    private static final int[][] SHAPES = {{192, 128}, {1024, 512}, {2048, 1024}};
    private static final int[] ROWS = {1, 8, 64};
    private static final ConcurrentLinkedQueue<Runnable> DEVICE = new ConcurrentLinkedQueue<>();

    private final LocalExperts experts;
    private final ExpertWeights direct;
    private final int hidden;
    private final float[] in;
    private final float[] out;
    private int completed;

    private ActorCost(final Checkpoint checkpoint, final Kernels kernels) {
        experts = new LocalExperts(checkpoint.config().expertsPerLayer(), 64, tag -> completed++);
        direct = ExpertWeights.load(checkpoint, 0, 0, kernels, StorageType.FLOAT32);
        hidden = checkpoint.config().hiddenSize();
        in = new float[64 * hidden];
        out = new float[64 * hidden];
        final Random random = new Random(1);
        for (int i = 0; i < in.length; i++) {
            in[i] = random.nextFloat() - 0.5f;
        }
    }

    /** @param arguments the number of rounds, 400 by default */
    public static void main(final String[] arguments) throws Exception {
        final int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 400;
        final ActorSystem<Void> system = ActorSystem.create(Behaviors.empty(), "actor-cost", ConfigFactory.parseString("""
                device {
                  executor = "io.drover.actors.ActorCost$Device"
                  throughput = 1
                }
                """).withFallback(ConfigFactory.load()));
        System.out.println("shape        rows   kernel us   actor us   difference us   ratio");
        try (ComputeTeam team = new ComputeTeam(1, () -> {})) {
            final Kernels kernels = CpuKernels.create(team, "auto");
            for (final int[] shape : SHAPES) {
                measure(system, kernels, shape, rounds);
            }
        } finally {
            system.terminate();
            while (!system.getWhenTerminated().toCompletableFuture().isDone()) {
                drain();
                Thread.onSpinWait();
            }
        }
    }

    private static void measure(final ActorSystem<Void> system, final Kernels kernels, final int[] shape, final int rounds)
            throws IOException {
        final Path directory = Files.createTempDirectory("drover-bench");
        try {
            new RandomCheckpoint(shape[0], shape[1], 1, 1, 1, 32).write(directory, 1);
            try (Checkpoint checkpoint = Checkpoint.open(directory)) {
                final ActorCost cost = new ActorCost(checkpoint, kernels);
                final ExpertPort port = cost.spawn(system, checkpoint, kernels);
                for (final int rows : ROWS) {
                    cost.print(port, shape, rows, rounds);
                }
            }
        } finally {
            for (final String file : List.of("config.json", "model.safetensors")) {
                Files.deleteIfExists(directory.resolve(file));
            }
            Files.delete(directory);
        }
    }

    private ExpertPort spawn(final ActorSystem<Void> system, final Checkpoint checkpoint, final Kernels kernels) {
        final ExpertEnvironment environment = new ExpertEnvironment(checkpoint, kernels, StorageType.FLOAT32, Runnable::run,
                experts);
        final ActorRef<ExpertActor.Command> expert = system.systemActorOf(
                ExpertActor.create(new ReplicaId(0, 0, 0), environment, ExpertActor.Host.none()),
                "expert-" + hidden, DispatcherSelector.fromConfig("device"));
        final CompletableFuture<ExpertActor.Reply> loaded = new CompletableFuture<>();
        final Behavior<ExpertActor.Reply> waiter = Behaviors.receiveMessage(reply -> {
            loaded.complete(reply);
            return Behaviors.stopped();
        });
        expert.tell(
                new ExpertActor.Load(system.systemActorOf(waiter, "waits-" + hidden, DispatcherSelector.defaultDispatcher())));
        while (!loaded.isDone()) {
            drain();
            Thread.onSpinWait();
        }
        return experts.port(0, 0);
    }

    private void print(final ExpertPort port, final int[] shape, final int rows, final int rounds) {
        final double[] kernelUs = new double[rounds];
        final double[] actorUs = new double[rounds];
        final ExpertBatch batch = new ExpertBatch(64);
        for (int round = -3 * rounds; round < rounds; round++) {
            final long start = System.nanoTime();
            batch.clear();
            for (int row = 0; row < rows; row++) {
                batch.add(in, row * hidden, out, row * hidden);
            }
            direct.run(batch);
            final long middle = System.nanoTime();
            throughActor(port, rows);
            final long end = System.nanoTime();
            if (round >= 0) {
                kernelUs[round] = (middle - start) / 1e3;
                actorUs[round] = (end - middle) / 1e3;
            }
        }
        final double kernel = median(kernelUs);
        final double actor = median(actorUs);
        System.out.printf("%5dx%-5d %5d   %9.2f  %9.2f   %13.2f   %5.3f%n", shape[0], shape[1], rows, kernel, actor,
                actor - kernel,
                actor / kernel);
    }

    private void throughActor(final ExpertPort port, final int rows) {
        completed = 0;
        for (int row = 0; row < rows; row++) {
            port.add(in, row * hidden, out, row * hidden, row);
        }
        port.signal();
        while (completed < rows) {
            drain();
        }
    }

    private static void drain() {
        for (Runnable task; (task = DEVICE.poll()) != null;) {
            task.run();
        }
    }

    private static double median(final double[] values) {
        final double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }

    /** The executor under the actor's dispatcher: a queue that the measuring thread drains, as an engine does. */
    public static final class Device extends ExecutorServiceConfigurator {
        /** Called by Pekko. */
        public Device(final Config config, final DispatcherPrerequisites prerequisites) {
            super(config, prerequisites);
        }

        @Override
        public ExecutorServiceFactory createExecutorServiceFactory(final String id, final ThreadFactory threadFactory) {
            return () -> new AbstractExecutorService() {
                @Override
                public void execute(final Runnable task) {
                    DEVICE.add(task);
                }

                @Override
                public void shutdown() {
                    DEVICE.clear();
                }

                @Override
                public List<Runnable> shutdownNow() {
                    return List.of();
                }

                @Override
                public boolean isShutdown() {
                    return false;
                }

                @Override
                public boolean isTerminated() {
                    return false;
                }

                @Override
                public boolean awaitTermination(final long timeout, final TimeUnit unit) {
                    return true;
                }
            };
        }
    }
}
