package io.drover.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where any experts will do, missing ones are absent; all else is refused as ever. */
class IncompleteCheckpointTest {
    private static final String EXPERT = "model.layers.1.block_sparse_moe.experts.5.w2.weight";
    private static final String NORM = "model.norm.weight";

    @TempDir
    Path directory;

    private ModelDirectory model;

    @BeforeEach
    void copy() throws IOException {
        model = new ModelDirectory(directory, "mixtral");
    }

    private Checkpoint open() {
        return Checkpoint.open(directory, Checkpoint.Experts.ANY);
    }

    private static boolean isExpert(final String tensor) {
        return tensor.contains(".experts.");
    }

    @Test
    void anExpertWithoutOneOfItsTensorsIsAbsentWithTheReason() throws IOException {
        final String trunk;
        try (Checkpoint whole = Checkpoint.open(model.write().path)) {
            trunk = whole.trunkDigest();
        }
        model.tensors.remove(EXPERT);
        model.write();
        try (Checkpoint open = open()) {
            assertThat(open.hasExpert(1, 5)).isFalse();
            assertThat(open.hasExpert(1, 4)).isTrue();
            assertThatThrownBy(() -> open.expert(1, 5)).isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("tensor " + EXPERT + " is missing; expected it with shape [64, 24]");
            assertThat(open.trunkDigest()).isEqualTo(trunk);
            assertThat(open.expertsDigest()).isEmpty();
        }
    }

    @Test
    void noExpertAtAllWillDo() throws IOException {
        model.tensors.keySet().removeIf(IncompleteCheckpointTest::isExpert);
        model.write();
        try (Checkpoint open = open()) {
            assertThat(open.hasExpert(0, 0)).isFalse();
        }
    }

    @Test
    void aFileOfTheIndexMayBeMissingOrNoneIfItHasOnlyExperts() throws IOException {
        model.writeConfig();
        final Map<String, String> places = new HashMap<>();
        model.tensors.keySet().forEach(name -> places.put(name, isExpert(name) ? "part-2.safetensors" : "part-1.safetensors"));
        model.writeIndex(places);
        model.write("part-1.safetensors", name -> !isExpert(name));
        try (Checkpoint open = open()) {
            assertThatThrownBy(() -> open.expert(0, 0)).hasMessageContaining("part-2.safetensors is missing");
        }
        Files.writeString(directory.resolve("part-2.safetensors"), "no such format");
        try (Checkpoint open = open()) {
            assertThatThrownBy(() -> open.expert(0, 0)).hasMessageContaining("part-2.safetensors says its header has");
        }
        Files.delete(directory.resolve("part-1.safetensors"));
        assertThatThrownBy(this::open).isInstanceOf(CheckpointException.class)
                .hasMessageContaining("part-1.safetensors is missing");
    }

    @Test
    void aFileThatIsCutOffGivesWhatItHas() throws IOException {
        model.writeConfig();
        final Map<String, String> places = new HashMap<>();
        model.tensors.keySet().forEach(name -> places.put(name, isExpert(name) ? "part-2.safetensors" : "part-1.safetensors"));
        model.writeIndex(places);
        model.write("part-1.safetensors", name -> !isExpert(name));
        model.write("part-2.safetensors", IncompleteCheckpointTest::isExpert);
        final Path file = directory.resolve("part-2.safetensors");
        final byte[] whole = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(whole, whole.length - 1));
        try (Checkpoint open = open()) {
            final int layers = open.config().layers().size();
            int absent = 0;
            for (int layer = 0; layer < layers; layer++) {
                for (int expert = 0; expert < open.config().layers().get(layer).moe().experts(); expert++) {
                    absent += open.hasExpert(layer, expert) ? 0 : 1;
                }
            }
            assertThat(absent).isEqualTo(1);
        }
    }

    @Test
    void whatIsThereMustBeRightAndTheTrunkWhole() throws IOException {
        model.tensors.put(EXPERT, model.tensors.get(EXPERT).withShape(24, 64));
        model.write();
        assertThatThrownBy(this::open).hasMessageContaining("tensor " + EXPERT + " has shape [24, 64]; expected [64, 24]");
        model.tensors.remove(EXPERT);
        model.tensors.remove(NORM);
        model.write();
        assertThatThrownBy(this::open).isInstanceOf(CheckpointException.class)
                .hasMessageContaining("tensor " + NORM + " is missing");
    }
}
