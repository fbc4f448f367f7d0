package io.drover.model.text;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** Writes a tiny tokenizer of the SentencePiece kind: a visible space before words, and a token per byte for what it has no token for. */
final class ByteFallbackTokenizer {
    static final int FIRST_BYTE = 3;
    static final int FIRST_PIECE = FIRST_BYTE + 256;

    private static final List<String> PIECES = List.of("\u2581", "a", "b", "c", "\u2581a", "\u2581b", "\u2581c", "ab", "\u00e4",
            "\ufffd");
    static final int SIZE = FIRST_PIECE + PIECES.size();

    private static final String JSON = """
            {"version": "1.0", "truncation": null, "padding": null, "post_processor": null, "pre_tokenizer": null,
             "added_tokens": [
              {"id": 0, "content": "<unk>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
              {"id": 1, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
              {"id": 2, "content": "</s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
             "normalizer": {"type": "Sequence", "normalizers": [
              {"type": "Prepend", "prepend": "\u2581"}, {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
             "decoder": {"type": "Sequence", "decoders": [
              {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
              {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
             "model": {"type": "BPE", "dropout": null, "unk_token": "<unk>", "continuing_subword_prefix": null,
              "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
              "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2}, "merges": [["\u2581", "a"], ["\u2581", "b"], ["\u2581", "c"], ["a", "b"]]}}
            """;

    private ByteFallbackTokenizer() {}

    static Tokenizer in(final Path directory) throws IOException {
        final ObjectMapper mapper = new ObjectMapper();
        final ObjectNode root = (ObjectNode) mapper.readTree(JSON);
        final ObjectNode vocab = (ObjectNode) root.get("model").get("vocab");
        for (int value = 0; value < 256; value++) {
            vocab.put("<0x%02X>".formatted(value), FIRST_BYTE + value);
        }
        for (int i = 0; i < PIECES.size(); i++) {
            vocab.put(PIECES.get(i), FIRST_PIECE + i);
        }
        mapper.writeValue(directory.resolve("tokenizer.json").toFile(), root);
        return Tokenizer.load(directory);
    }
}
