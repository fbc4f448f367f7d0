package io.drover.actors;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

import com.typesafe.config.ConfigFactory;

import io.drover.model.StorageType;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.model.forward.ExpertBatch;
import io.drover.model.forward.ExpertWeights;
import io.drover.model.kernel.ComputeTeam;
import io.drover.model.kernel.CpuKernels;
import io.drover.model.kernel.Kernels;

/** One replica's life, on a dispatcher that this test drains as an engine would. */
class ExpertActorTest {
    private static final ReplicaId ID = new ReplicaId(1, 3, 0);
    private static final ActorTestKit KIT = ActorTestKit.create(ConfigFactory.parseString("""
            pekko.test.calling-thread-dispatcher.type = org.apache.pekko.testkit.CallingThreadDispatcherConfigurator
            """).withFallback(ConfigFactory.load()));

    private final Checkpoint checkpoint = Checkpoint
            .open(Path.of(System.getProperty("drover.root"), "model", "src", "test", "resources", "fixtures", "mixtral"));
    private final Kernels kernels = CpuKernels.create(new ComputeTeam(1, () -> {}), "auto");
    private final List<Long> completed = new ArrayList<>();
    private final LocalExperts experts = new LocalExperts(checkpoint.config().expertsPerLayer(), 4, completed::add);
    private final TestProbe<ExpertActor.Reply> probe = KIT.createTestProbe();
    private final int hidden = checkpoint.config().hiddenSize();

    private final List<ExpertActor.Command> toSuccessor = new ArrayList<>();
    private boolean stopsDrained = true;
    private final ExpertActor.Host host = new ExpertActor.Host() {
        @Override
        public void drained(final ActorRef<ExpertActor.Command> replica) {
            if (stopsDrained) {
                replica.tell(ExpertActor.Stop.INSTANCE);
            }
        }

        @Override
        public void again(final ReplicaId id, final ExpertActor.Command command) {
            assertThat(id).isEqualTo(ID);
            toSuccessor.add(command);
        }
    };

    @AfterAll
    static void shutDown() {
        KIT.shutdownTestKit();
    }

    private ActorRef<ExpertActor.Command> spawn() {
        final ExpertEnvironment environment = new ExpertEnvironment(checkpoint, kernels, StorageType.FLOAT32, Runnable::run,
                experts);
        return KIT.spawn(ExpertActor.create(ID, environment, host),
                DispatcherSelector.fromConfig("pekko.test.calling-thread-dispatcher"));
    }

    @Test
    void loadsRunsMergedBatchesAndDrainsBeforeItStops() {
        final ActorRef<ExpertActor.Command> expert = spawn();
        assertThat(experts.port(1, 3)).isNull();
        expert.tell(new ExpertActor.Load(probe.getRef()));
        final ExpertActor.Ready ready = probe.expectMessageClass(ExpertActor.Ready.class);
        assertThat(ready.id()).isEqualTo(ID);
        assertThat(ready.bytes()).isPositive();

        final float[] in = new float[10 * hidden];
        for (int i = 0; i < in.length; i++) {
            in[i] = (i % 17 - 8) * 0.1f;
        }
        final float[] out = new float[10 * hidden];
        final ExpertPort port = experts.port(1, 3);
        for (int row = 0; row < 10; row++) {
            port.add(in, row * hidden, out, row * hidden, row);
        }
        port.signal();
        assertThat(completed).as("four rows a batch, oldest first").containsExactly(0L, 1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L);
        assertThat(out).isEqualTo(alone(in, 10));

        expert.tell(new ExpertActor.Drain(probe.getRef()));
        assertThat(probe.expectMessageClass(ExpertActor.Drained.class).id()).isEqualTo(ID);
        probe.expectTerminated(expert);
        assertThat(experts.port(1, 3)).isNull();
        assertThat(experts.count()).isZero();
        assertThat(experts.bytes()).isZero();
    }

    @Test
    void handsALoadThatComesBeforeItsEndToItsSuccessor() {
        final ActorRef<ExpertActor.Command> expert = spawn();
        expert.tell(new ExpertActor.Load(probe.getRef()));
        probe.expectMessageClass(ExpertActor.Ready.class);
        stopsDrained = false;
        expert.tell(new ExpertActor.Drain(probe.getRef()));
        probe.expectMessageClass(ExpertActor.Drained.class);
        assertThat(experts.bytes()).as("freed").isZero();
        final ExpertActor.Load again = new ExpertActor.Load(probe.getRef());
        expert.tell(again);
        assertThat(toSuccessor).isEmpty();
        expert.tell(ExpertActor.Stop.INSTANCE);
        probe.expectTerminated(expert);
        assertThat(toSuccessor).containsExactly(again);
    }

    @Test
    void finishesTheRowsThatWaitWhenItIsDrained() {
        final ActorRef<ExpertActor.Command> expert = spawn();
        expert.tell(new ExpertActor.Load(probe.getRef()));
        probe.expectMessageClass(ExpertActor.Ready.class);
        final float[] in = new float[6 * hidden];
        final float[] out = new float[6 * hidden];
        final ExpertPort port = experts.port(1, 3);
        for (int row = 0; row < 6; row++) {
            port.add(in, row * hidden, out, row * hidden, row);
        }
        expert.tell(new ExpertActor.Drain(probe.getRef()));
        assertThat(experts.port(1, 3)).as("new rows are refused").isNull();
        probe.expectNoMessage();
        port.signal();
        probe.expectMessageClass(ExpertActor.Drained.class);
        assertThat(completed).hasSize(6);
        probe.expectTerminated(expert);
    }

    @Test
    void saysWhyItCannotLoadAndTriesAgain() {
        final ExpertEnvironment broken = new ExpertEnvironment(checkpoint, kernels, StorageType.FLOAT32, Runnable::run, experts);
        final ReplicaId absent = new ReplicaId(1, 99, 0);
        final ActorRef<ExpertActor.Command> expert = KIT.spawn(ExpertActor.create(absent, broken, host),
                DispatcherSelector.fromConfig("pekko.test.calling-thread-dispatcher"));
        for (int attempt = 0; attempt < 2; attempt++) {
            expert.tell(new ExpertActor.Load(probe.getRef()));
            final ExpertActor.LoadFailed failed = probe.expectMessageClass(ExpertActor.LoadFailed.class);
            assertThat(failed.id()).isEqualTo(absent);
            assertThat(failed.reason()).contains("99");
        }
        expert.tell(new ExpertActor.Drain(probe.getRef()));
        probe.expectMessageClass(ExpertActor.Drained.class);
    }

    private float[] alone(final float[] in, final int rows) {
        final float[] out = new float[rows * hidden];
        try (ExpertWeights weights = ExpertWeights.load(checkpoint, 1, 3, kernels, StorageType.FLOAT32)) {
            for (int row = 0; row < rows; row++) {
                final ExpertBatch batch = new ExpertBatch(1);
                batch.add(in, row * hidden, out, row * hidden);
                weights.run(batch);
            }
        }
        return out;
    }
}
