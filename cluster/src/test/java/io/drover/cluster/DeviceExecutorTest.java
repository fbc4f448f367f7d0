package io.drover.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

import org.apache.pekko.actor.BootstrapSetup;
import org.apache.pekko.actor.setup.ActorSystemSetup;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.junit.jupiter.api.Test;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;

class DeviceExecutorTest {
    /** Two systems of one process, each with its own thread: nothing about it is global. */
    @Test
    void runsActorsOnTheThreadOfTheirOwnNode() throws Exception {
        final Config config = ConfigFactory.parseString("pekko.actor.provider = local\npekko.jvm-shutdown-hooks = off")
                .withFallback(ConfigFactory.parseResources("drover-pekko.conf").withoutPath("pekko"))
                .withFallback(ConfigFactory.defaultReferenceUnresolved())
                .resolve();
        for (final String name : new String[]{"first", "second"}) {
            final DeviceExecutor.Handover handover = new DeviceExecutor.Handover();
            final CompletableFuture<String> ranOn = new CompletableFuture<>();
            final Behavior<Object> device = Behaviors.setup(context -> {
                ranOn.complete(Thread.currentThread().getName());
                return Behaviors.empty();
            });
            try (ExecutorService engine = Executors.newSingleThreadExecutor(work -> new Thread(work, "engine-" + name))) {
                handover.to(engine);
                final ActorSystem<Object> system = ActorSystem.create(Behaviors.setup(context -> {
                    context.spawn(device, "expert", DispatcherSelector.fromConfig(DeviceExecutor.DISPATCHER));
                    return Behaviors.empty();
                }), "device", ActorSystemSetup.create(BootstrapSetup.create(config), handover));
                assertThat(ranOn.get(60, TimeUnit.SECONDS)).isEqualTo("engine-" + name);
                system.terminate();
                system.getWhenTerminated().toCompletableFuture().get(60, TimeUnit.SECONDS);
            }
        }
    }
}
