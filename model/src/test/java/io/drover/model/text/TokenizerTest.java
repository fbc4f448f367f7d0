package io.drover.model.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.drover.model.Fixture;
import io.drover.model.checkpoint.CheckpointException;

class TokenizerTest {
    private static Tokenizer tokenizer;

    @TempDir
    Path directory;

    @BeforeAll
    static void load() {
        tokenizer = Tokenizer.load(Fixture.DEMO);
    }

    @AfterAll
    static void close() {
        tokenizer.close();
    }

    @Test
    void promptsAndContinuationsOfTheEmbeddedModelReadAsPublished() {
        for (final Fixture.DemoCase expected : Fixture.demoCases()) {
            if (expected.messages().isEmpty()) {
                assertThat(tokenizer.encode(expected.prompt(), true)).containsExactly(expected.promptIds());
            }
            assertThat(tokenizer.decode(expected.greedyIds(), false)).isEqualTo(expected.text());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "Grüße aus Köln, ß und „Anführung“", "🙂 👩‍👩‍👧 🇩🇪", "tab\tand\r\nlines\n\n",
        "nul \u0000 inside",
        "日本語 العربية"})
    void anyTextComesBackAsItWas(final String text) {
        assertThat(tokenizer.decode(tokenizer.encode(text, false), false)).isEqualTo(text);
    }

    @Test
    void halfASurrogatePairBecomesAReplacementCharacter() {
        assertThat(tokenizer.decode(tokenizer.encode("a\ud83db", false), false)).isEqualTo("a\ufffdb");
    }

    @Test
    void longTextIsNotTruncated() {
        assertThat(tokenizer.encode("word ".repeat(20_000), true)).hasSizeGreaterThan(20_000);
    }

    @Test
    void specialTokensAreFramedOnDemandRecognisedInTextAndLeftOutOnDemand() {
        assertThat(tokenizer.encode("", true)).containsExactly(0);
        assertThat(tokenizer.encode("<|endoftext|><|assistant|>", false)).containsExactly(0, 2);
        assertThat(tokenizer.decode(new int[]{0, 2}, true)).isEmpty();
        assertThat(tokenizer.decode(new int[]{0, 2}, false)).isEqualTo("<|endoftext|><|assistant|>");
    }

    @Test
    void idsBeyondTheVocabularyStandForNothingAndNegativeOnesAreRefused() {
        assertThat(tokenizer.vocabSize()).isEqualTo(4096);
        assertThat(tokenizer.decode(new int[]{4096, Integer.MAX_VALUE}, false)).isEmpty();
        assertThatThrownBy(() -> tokenizer.decode(new int[]{-1}, false)).hasMessage("token id -1; expected 0 to 4095");
    }

    @Test
    void theDigestIsThatOfTheFile() throws IOException {
        Files.write(directory.resolve("tokenizer.json"), Files.readAllBytes(Fixture.DEMO.resolve("tokenizer.json")));
        try (Tokenizer copy = Tokenizer.load(directory)) {
            assertThat(copy.digest()).hasSize(64).isEqualTo(tokenizer.digest());
        }
    }

    @Test
    void aMissingOrMalformedFileIsRefusedInOneLine() throws IOException {
        assertRefused("tokenizer.json is missing; expected the model's tokenizer");
        write("{\"model\": {");
        assertRefused("is not valid JSON");
        write("{\"model\": {}}");
        assertRefused("has no model.vocab");
        write("{\"model\": {\"vocab\": {\"a\": -4}}}");
        assertRefused("token 'a' has id -4; expected an integer of 0 or more");
        write("{\"model\": {\"vocab\": {\"a\": 0}}}");
        assertRefused("is not a tokenizer");
    }

    @Test
    void textOfATokenizerLargerThanTheModelIsRefused() {
        assertThatThrownBy(() -> ModelText.load(Fixture.DEMO, 4000)).isInstanceOf(CheckpointException.class)
                .hasMessageContaining("tokenizer.json has ids up to 4095; expected at most 3999");
    }

    private void write(final String json) throws IOException {
        Files.write(directory.resolve("tokenizer.json"), json.getBytes(StandardCharsets.UTF_8));
    }

    private void assertRefused(final String message) {
        assertThatThrownBy(() -> Tokenizer.load(directory)).isInstanceOf(CheckpointException.class)
                .hasMessageContaining(message)
                .message()
                .doesNotContain("\n");
    }
}
