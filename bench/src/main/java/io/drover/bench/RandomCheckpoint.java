package io.drover.bench;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

import io.drover.model.StorageType;

/** Writes a Mixtral checkpoint of random bfloat16 weights in any shape, for measurements that need sizes and not sense. */
public final class RandomCheckpoint {
    private final int hidden;
    private final int expertWidth;
    private final int layers;
    private final int experts;
    private final int topK;
    private final int vocab;
    private final Map<String, int[]> tensors = new LinkedHashMap<>();

    /** @param hidden a multiple of 64 */
    public RandomCheckpoint(final int hidden, final int expertWidth, final int layers, final int experts, final int topK,
            final int vocab) {
        this.hidden = hidden;
        this.expertWidth = expertWidth;
        this.layers = layers;
        this.experts = experts;
        this.topK = topK;
        this.vocab = vocab;
    }

    /** Writes {@code config.json} and {@code model.safetensors} into an existing directory. */
    public void write(final Path directory, final long seed) throws IOException {
        Files.writeString(directory.resolve("config.json"), """
                {"architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "vocab_size": %d, "hidden_size": %d,
                 "intermediate_size": %d, "num_hidden_layers": %d, "num_attention_heads": %d, "num_key_value_heads": %d,
                 "head_dim": 64, "hidden_act": "silu", "max_position_embeddings": 4096, "rms_norm_eps": 1e-5,
                 "rope_theta": 10000.0, "num_local_experts": %d, "num_experts_per_tok": %d, "tie_word_embeddings": false,
                 "bos_token_id": 0, "eos_token_id": 0, "sliding_window": null}
                """.formatted(vocab, hidden, expertWidth, layers, hidden / 64, hidden / 64, experts, topK));
        list();
        try (FileChannel file = FileChannel.open(directory.resolve("model.safetensors"), StandardOpenOption.CREATE,
                StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            writeTensors(file, new Random(seed));
        }
    }

    private void list() {
        tensors.put("model.embed_tokens.weight", new int[]{vocab, hidden});
        tensors.put("lm_head.weight", new int[]{vocab, hidden});
        tensors.put("model.norm.weight", new int[]{hidden});
        for (int layer = 0; layer < layers; layer++) {
            final String prefix = "model.layers." + layer + ".";
            for (final String projection : new String[]{"q_proj", "k_proj", "v_proj", "o_proj"}) {
                tensors.put(prefix + "self_attn." + projection + ".weight", new int[]{hidden, hidden});
            }
            tensors.put(prefix + "input_layernorm.weight", new int[]{hidden});
            tensors.put(prefix + "post_attention_layernorm.weight", new int[]{hidden});
            tensors.put(prefix + "block_sparse_moe.gate.weight", new int[]{experts, hidden});
            for (int expert = 0; expert < experts; expert++) {
                final String name = prefix + "block_sparse_moe.experts." + expert + ".";
                tensors.put(name + "w1.weight", new int[]{expertWidth, hidden});
                tensors.put(name + "w3.weight", new int[]{expertWidth, hidden});
                tensors.put(name + "w2.weight", new int[]{hidden, expertWidth});
            }
        }
    }

    private void writeTensors(final FileChannel file, final Random random) throws IOException {
        final StringBuilder header = new StringBuilder("{");
        long offset = 0;
        for (final Map.Entry<String, int[]> tensor : tensors.entrySet()) {
            final int[] shape = tensor.getValue();
            final long bytes = 2L * shape[0] * (shape.length == 1 ? 1 : shape[1]);
            header.append(header.length() > 1 ? "," : "")
                    .append("\"%s\":{\"dtype\":\"BF16\",\"shape\":%s,\"data_offsets\":[%d,%d]}".formatted(tensor.getKey(),
                            shape.length == 1 ? "[" + shape[0] + "]" : "[" + shape[0] + "," + shape[1] + "]", offset,
                            offset + bytes));
            offset += bytes;
        }
        final byte[] json = header.append("}").toString().getBytes(StandardCharsets.UTF_8);
        file.write(ByteBuffer.allocate(8 + json.length).order(ByteOrder.LITTLE_ENDIAN).putLong(json.length).put(json).flip());
        final float scale = (float) (1 / Math.sqrt(hidden));
        final ByteBuffer block = ByteBuffer.allocate(1 << 20).order(ByteOrder.LITTLE_ENDIAN);
        for (long left = offset / 2; left > 0;) {
            block.clear();
            final int count = (int) Math.min(left, block.capacity() / 2);
            for (int i = 0; i < count; i++) {
                block.putShort(StorageType.toBfloat16((random.nextFloat() - 0.5f) * 2 * scale));
            }
            block.flip();
            while (block.hasRemaining()) {
                file.write(block);
            }
            left -= count;
        }
    }
}
