package io.drover.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever is wrong with the weights of a model directory is refused when it is opened, in one line that names it. */
class BadCheckpointTest {
    private static final String EXPERT = "model.layers.1.block_sparse_moe.experts.5.w2.weight";

    @TempDir
    Path directory;

    private ModelDirectory model;

    @BeforeEach
    void copy() throws IOException {
        model = new ModelDirectory(directory, "mixtral");
    }

    @Test
    void aFileTruncatedAnywhere() throws IOException {
        model.write();
        final Path file = directory.resolve("model.safetensors");
        final byte[] whole = Files.readAllBytes(file);
        final int headerEnd = 8 + (int) ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getLong();
        for (final int length : new int[]{0, 1, 7, 8, 9, headerEnd / 2, headerEnd - 1, headerEnd, headerEnd + 1, whole.length / 2,
            whole.length - 1}) {
            Files.write(file, Arrays.copyOf(whole, length));
            assertRefused("model.safetensors");
        }
        Files.write(file, Arrays.copyOf(whole, whole.length - 1));
        assertRefused("the file is truncated");
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, -1, Long.MAX_VALUE, Long.MIN_VALUE, 100_000_001, 1L << 32})
    void aHeaderLengthThatIsABomb(final long length) throws IOException {
        model.write();
        final Path file = directory.resolve("model.safetensors");
        final byte[] bytes = Files.readAllBytes(file);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
        Files.write(file, bytes);
        assertRefused("says its header has " + Long.toUnsignedString(length) + " bytes; expected 2 to");
    }

    @Test
    void aMissingTensor() throws IOException {
        model.tensors.remove(EXPERT);
        model.write();
        assertRefused("tensor " + EXPERT + " is missing; expected it with shape [64, 24]");
    }

    @Test
    void aTensorOfTheWrongShape() throws IOException {
        model.tensors.put(EXPERT, model.tensors.get(EXPERT).withShape(24, 64));
        model.write();
        assertRefused("tensor " + EXPERT + " has shape [24, 64]; expected [64, 24]");
    }

    @ParameterizedTest
    @ValueSource(strings = {"F8_E4M3", "I64", "U8", ""})
    void aNumberFormatThatIsNotSupported(final String dtype) throws IOException {
        model.tensors.put(EXPERT, model.tensors.get(EXPERT).withDtype(dtype));
        model.write();
        assertRefused("tensor " + EXPERT + " has dtype " + dtype + "; expected one of [BF16, F16, F32]");
    }

    @Test
    void aTensorWithFewerBytesThanItsShapeNeeds() throws IOException {
        model.tensors.put(EXPERT, model.tensors.get(EXPERT).withDtype("F32"));
        model.write();
        assertRefused("tensor " + EXPERT + " has 3072 bytes; expected 6144 for [64, 24] of F32");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]}, \"b\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [4, 12]}} | tensor b begins at byte 4; expected 8 or more, where a ends",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 1000]}} | tensor a ends at byte 1000 of the data; expected at most 12",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [8, 0]}} | data_offsets is [8,0]; expected [begin, end]",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [-8, 0]}} | data_offsets is [-8,0]; expected an array of non-negative integers",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2]}} | data_offsets is missing",
        "{\"a\": {\"dtype\": 5, \"shape\": [2], \"data_offsets\": [0, 8]}} | dtype is 5; expected a string",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": \"x\", \"data_offsets\": [0, 8]}} | shape is \"x\"; expected an array",
        "{\"a\": 1} | a is 1; expected an object",
        "{\"a\": {}, \"a\": {}} | is not valid JSON",
        "{\"a\": { | is not valid JSON",
        "[] | expected a JSON object"})
    void aMalformedHeader(final String header, final String message) throws IOException {
        model.writeConfig();
        model.write("model.safetensors", header, 12);
        assertRefused(message);
    }

    @Test
    void noWeights() throws IOException {
        model.writeConfig();
        assertRefused("has neither model.safetensors nor model.safetensors.index.json");
    }

    @Test
    void noDirectory() {
        assertThatThrownBy(() -> Checkpoint.open(directory.resolve("nowhere"))).isInstanceOf(CheckpointException.class)
                .hasMessageContaining("nowhere is missing or no directory");
    }

    @Test
    void anIndexThatNamesWhatIsNotThere() throws IOException {
        model.writeConfig();
        final Map<String, String> places = new HashMap<>();
        model.tensors.keySet().forEach(name -> places.put(name, "part-1.safetensors"));
        model.writeIndex(places);
        assertRefused("part-1.safetensors is missing");
        model.write("part-1.safetensors", name -> !name.equals(EXPERT));
        assertRefused("part-1.safetensors: tensor " + EXPERT + " is missing");
        places.remove(EXPERT);
        model.writeIndex(places);
        assertRefused("model.safetensors.index.json: tensor " + EXPERT + " is missing");
        places.put(EXPERT, "../secret.safetensors");
        model.writeIndex(places);
        assertRefused("is \"../secret.safetensors\"; expected the name of a file beside the index");
        Files.writeString(directory.resolve("model.safetensors.index.json"), "{}");
        assertRefused("weight_map is missing");
    }

    private void assertRefused(final String message) {
        assertThatThrownBy(() -> Checkpoint.open(directory)).isInstanceOf(CheckpointException.class)
                .hasMessageContaining(message)
                .message()
                .doesNotContain("\n");
    }
}
