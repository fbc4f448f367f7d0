package io.drover.model.text;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HexFormat;
import java.util.Map;
import java.util.regex.Pattern;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import io.drover.model.checkpoint.CheckpointException;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;

/**
 * Text to token ids and back, by {@code tokenizer.json} and Hugging Face's own library.
 *
 * <p>
 * A special token's spelling inside a text, such as {@code <|endoftext|>} typed by a user, becomes that special token, as with the
 * reference implementation and the servers in common use: whoever may send a prompt may send any token id. Who wants to keep users
 * from it filters before. Decoding can leave special tokens out.
 *
 * <p>
 * Safe for use by several threads until it is closed. The native library is unpacked into the user's cache directory
 * ({@code DJL_CACHE_DIR} if set), or, where that cannot be written, the temporary directory; nothing is fetched from a network.
 */
public final class Tokenizer implements AutoCloseable {
    private static final String FILE = "tokenizer.json";
    private static final Pattern BYTE_TOKEN = Pattern.compile("<0x[0-9A-Fa-f]{2}>");

    static {
        // Read once by the library when its classes load: no look-ups, no downloads, no usage reports.
        System.setProperty("ai.djl.offline", "true");
        System.setProperty("OPT_OUT_TRACKING", "true");
    }

    private final HuggingFaceTokenizer library;
    private final Vocabulary vocabulary;
    private final String digest;

    /**
     * @param size    one more than the largest id
     * @param known   ids that stand for a token
     * @param special ids of special tokens
     * @param bytes   ids of tokens that stand for one byte of a character, decoded together with their neighbours
     * @param longest characters of the longest token, as it stands in the file
     */
    private record Vocabulary(int size, BitSet known, BitSet special, BitSet bytes, int longest) {}

    private Tokenizer(final HuggingFaceTokenizer library, final Vocabulary vocabulary, final String digest) {
        this.library = library;
        this.vocabulary = vocabulary;
        this.digest = digest;
    }

    /**
     * Reads {@code tokenizer.json} of a model directory.
     *
     * @throws CheckpointException in one line, if it is missing or not a tokenizer
     */
    public static Tokenizer load(final Path directory) {
        final Path file = directory.resolve(FILE);
        if (!Files.isRegularFile(file)) {
            throw new CheckpointException(file + " is missing; expected the model's tokenizer");
        }
        try {
            final byte[] json = Files.readAllBytes(file);
            final Vocabulary vocabulary = vocabulary(file, new ObjectMapper().readTree(json));
            return new Tokenizer(library(file, json), vocabulary, sha256(json));
        } catch (final JsonProcessingException e) {
            throw new CheckpointException(file + " is not valid JSON: " + e.getOriginalMessage(), e);
        } catch (final IOException e) {
            throw new CheckpointException(file + " cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * @param addSpecialTokens whether the tokenizer's own frame (usually a begin-of-sequence token) is put around the text; false for a
     *                         rendered chat template, which brings its own
     */
    public int[] encode(final String text, final boolean addSpecialTokens) {
        return Arrays.stream(library.encode(withoutLoneSurrogates(text), addSpecialTokens, false).getIds())
                .mapToInt(Math::toIntExact)
                .toArray();
    }

    /**
     * @param skipSpecial whether special tokens are left out
     * @throws IllegalArgumentException if an id is negative. An id beyond the vocabulary stands for no text.
     */
    public String decode(final int[] ids, final boolean skipSpecial) {
        return decode(ids, 0, ids.length, skipSpecial);
    }

    String decode(final int[] ids, final int from, final int to, final boolean skipSpecial) {
        final long[] wide = new long[to - from];
        int size = 0;
        for (int i = from; i < to; i++) {
            if (ids[i] < 0) {
                throw new IllegalArgumentException("token id " + ids[i] + "; expected 0 to " + (vocabulary.size - 1));
            }
            if (vocabulary.known.get(ids[i])) {
                wide[size++] = ids[i];
            }
        }
        return size == 0 ? "" : library.decode(Arrays.copyOf(wide, size), skipSpecial);
    }

    /** A decoder of one sequence as it grows, without its special tokens. */
    public TokenTextStream newStream() {
        return new TokenTextStream(this);
    }

    /** One more than the largest id; the model's vocabulary may be larger, padded for speed. */
    public int vocabSize() {
        return vocabulary.size;
    }

    /** Characters of the longest token; at least 1. */
    public int longestToken() {
        return vocabulary.longest;
    }

    /** SHA-256 of the bytes of {@code tokenizer.json}, in hex. */
    public String digest() {
        return digest;
    }

    /** The caller sees to it that no other call is running. */
    @Override
    public void close() {
        library.close();
    }

    /** Whether decoding leaves the id out when special tokens are skipped. */
    boolean isSilent(final int id) {
        return !vocabulary.known.get(id) || vocabulary.special.get(id);
    }

    /** Whether the text of the token is known only when the run of byte tokens around it has ended. */
    boolean isByte(final int id) {
        return vocabulary.bytes.get(id);
    }

    private static HuggingFaceTokenizer library(final Path file, final byte[] json) throws IOException {
        try {
            return HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json),
                    Map.of("truncation", "false", "padding", "false"));
        } catch (final RuntimeException e) {
            throw new CheckpointException(file + " is not a tokenizer: " + e.getMessage(), e);
        }
    }

    private static Vocabulary vocabulary(final Path file, final JsonNode root) {
        final Vocabulary vocabulary = new Vocabulary(0, new BitSet(), new BitSet(), new BitSet(), 0);
        int longest = 1;
        final boolean byteFallback = root.path("decoder").toString().contains("\"ByteFallback\"");
        final JsonNode model = root.path("model").path("vocab");
        if (model.isObject()) {
            for (final Map.Entry<String, JsonNode> token : model.properties()) {
                add(file, vocabulary, token.getValue(), token.getKey(), byteFallback);
                longest = Math.max(longest, token.getKey().length());
            }
        } else {
            for (int id = 0; id < model.size(); id++) {
                vocabulary.known.set(id);
                longest = Math.max(longest, model.get(id).path(0).asText().length());
                vocabulary.bytes.set(id, byteFallback && BYTE_TOKEN.matcher(model.get(id).path(0).asText()).matches());
            }
        }
        for (final JsonNode token : root.path("added_tokens")) {
            add(file, vocabulary, token.path("id"), token.path("content").asText(), false);
            longest = Math.max(longest, token.path("content").asText().length());
            vocabulary.special.set(token.path("id").intValue(), token.path("special").asBoolean());
        }
        if (vocabulary.known.isEmpty()) {
            throw new CheckpointException(file + " has no model.vocab; expected the tokens and their ids");
        }
        return new Vocabulary(vocabulary.known.length(), vocabulary.known, vocabulary.special, vocabulary.bytes, longest);
    }

    private static void add(final Path file, final Vocabulary vocabulary, final JsonNode id, final String token,
            final boolean byteFallback) {
        if (!id.canConvertToInt() || !id.isIntegralNumber() || id.intValue() < 0 || id.intValue() == Integer.MAX_VALUE) {
            throw new CheckpointException(file + ": token '" + token + "' has id " + id + "; expected an integer of 0 or more");
        }
        vocabulary.known.set(id.intValue());
        vocabulary.bytes.set(id.intValue(), byteFallback && BYTE_TOKEN.matcher(token).matches());
    }

    /** Half a surrogate pair is no character: it cannot be written as UTF-8, and the library would refuse it. */
    private static String withoutLoneSurrogates(final String text) {
        final StringBuilder clean = new StringBuilder(text.length());
        text.codePoints()
                .forEach(point -> clean.appendCodePoint(point >= Character.MIN_SURROGATE && point <= Character.MAX_SURROGATE
                        ? '\ufffd'
                        : point));
        return clean.toString();
    }

    private static String sha256(final byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (final NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
