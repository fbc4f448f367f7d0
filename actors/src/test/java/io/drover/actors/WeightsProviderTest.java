package io.drover.actors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import io.drover.model.StorageType;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.model.forward.ExpertWeights;
import io.drover.model.kernel.ComputeTeam;
import io.drover.model.kernel.CpuKernels;
import io.drover.model.kernel.Kernels;
import io.drover.streams.BulkContent;

/** What a node gives away, of its live replicas and of its files. */
class WeightsProviderTest {
    private final Checkpoint checkpoint = Checkpoint
            .open(Path.of(System.getProperty("drover.root"), "model", "src", "test", "resources", "fixtures", "mixtral"));
    private final Kernels kernels = CpuKernels.create(new ComputeTeam(1, () -> {}), "auto");
    private final AtomicInteger loads = new AtomicInteger();
    private boolean haveFiles;
    private final WeightsProvider provider = new WeightsProvider(checkpoint.config().expertsPerLayer(),
            new WeightsProvider.Files() {
                @Override
                public boolean has(final int layer, final int expert) {
                    return haveFiles;
                }

                @Override
                public ExpertWeights load(final int layer, final int expert) {
                    loads.incrementAndGet();
                    return ExpertWeights.load(checkpoint, layer, expert, kernels, StorageType.FLOAT32);
                }
            }, Runnable::run);

    @AfterEach
    void close() {
        checkpoint.close();
    }

    private byte[] read(final String name) {
        try (BulkContent content = provider.open(4, name).toCompletableFuture().join()) {
            final byte[] all = new byte[(int) content.length()];
            content.read(0, all, all.length);
            return all;
        }
    }

    @Test
    void aNodeWithFilesPacksForOthersAndRemembersTheDigest() {
        haveFiles = true;
        assertThatThrownBy(() -> read("known/1/3")).hasMessageContaining("layer 1, expert 3 is not here");
        final String digest = new String(read("digest/1/3"), StandardCharsets.US_ASCII);
        assertThat(digest).matches("[0-9a-f]{64}");
        assertThat(new String(read("known/1/3"), StandardCharsets.US_ASCII)).isEqualTo(digest);
        assertThat(read("digest/1/3")).hasSize(64);
        assertThat(loads).hasValue(1);
        try (ExpertWeights packed = ExpertWeights.load(checkpoint, 1, 3, kernels, StorageType.FLOAT32)) {
            assertThat(packed.digest()).isEqualTo(digest);
            assertThat(read("expert/1/3")).hasSize((int) packed.image().length());
        }
    }

    @Test
    void aReplicaIsGivenUntilItIsFreedAndItsDigestForEver() {
        final BulkContent open;
        try (ExpertWeights weights = ExpertWeights.load(checkpoint, 0, 2, kernels, StorageType.FLOAT32)) {
            provider.loaded(0, 2, weights);
            assertThat(read("expert/0/2")).hasSize((int) weights.image().length());
            open = provider.open(4, "expert/0/2").toCompletableFuture().join();
            provider.freed(0, 2, weights);
            assertThat(provider.remembered(0, 2)).isEqualTo(weights.digest());
        }
        assertThatThrownBy(() -> open.read(100, new byte[10], 10)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> read("expert/0/2")).hasMessageContaining("is not here");
        assertThat(read("known/0/2")).hasSize(64);
        assertThat(loads).hasValue(0);
    }

    @Test
    void otherNamesAreRefused() {
        haveFiles = true;
        for (final String name : List.of("", "expert", "expert/0", "expert/0/2/1", "expert/-1/0", "expert/0/99", "expert/9/0",
                "kv/0/0",
                "expert/0/x")) {
            assertThatThrownBy(() -> read(name)).as(name).hasMessageContaining("no name of weights");
        }
        assertThat(loads).hasValue(0);
    }
}
