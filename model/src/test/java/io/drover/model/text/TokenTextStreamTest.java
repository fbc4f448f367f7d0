package io.drover.model.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.drover.model.Fixture;

class TokenTextStreamTest {
    private static final int SEQUENCES = 300;

    @TempDir
    Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"Grüße, „Straße“ äöüß", "a🙂b👩‍👩‍👧c🇩🇪", "日本語 العربية", "  two  spaces \n"})
    void textComesOutAsItWasWithNoCharacterSplit(final String text) {
        try (Tokenizer tokenizer = Tokenizer.load(Fixture.DEMO)) {
            final TokenTextStream stream = tokenizer.newStream();
            final StringBuilder all = new StringBuilder();
            for (final int id : tokenizer.encode(text, true)) {
                final String part = stream.push(id);
                assertThat(part).doesNotContain("\ufffd");
                all.append(part);
            }
            assertThat(all.append(stream.flush())).hasToString(text);
        }
    }

    @Test
    void ordinaryTextIsReturnedWithoutDelay() {
        try (Tokenizer tokenizer = Tokenizer.load(Fixture.DEMO)) {
            final TokenTextStream stream = tokenizer.newStream();
            for (final int id : tokenizer.encode("Once upon a time, there was a girl.", false)) {
                assertThat(stream.push(id)).isEqualTo(tokenizer.decode(new int[]{id}, true));
            }
            assertThat(stream.flush()).isEmpty();
        }
    }

    @Test
    void anySequenceOfByteLevelTokensDecodesAsTheWhole() {
        try (Tokenizer tokenizer = Tokenizer.load(Fixture.DEMO)) {
            final int[] bytes = IntStream.range(0, 4096)
                    .filter(id -> tokenizer.decode(new int[]{id}, true).equals("\ufffd"))
                    .toArray();
            assertThat(bytes).hasSizeGreaterThan(100);
            assertEqualsWhole(tokenizer, draw -> draw % 4096);
            assertEqualsWhole(tokenizer, draw -> draw % 9 == 0 ? draw % 4096 : bytes[draw % bytes.length]);
        }
    }

    @Test
    void anySequenceOfTokensWithByteFallbackDecodesAsTheWhole() throws IOException {
        try (Tokenizer tokenizer = ByteFallbackTokenizer.in(directory)) {
            final int pieces = ByteFallbackTokenizer.FIRST_PIECE;
            assertEqualsWhole(tokenizer, draw -> draw % ByteFallbackTokenizer.SIZE);
            assertEqualsWhole(tokenizer, draw -> draw % 3 == 0 ? pieces + draw % 10 : 3 + draw % 256);
            assertEqualsWhole(tokenizer, draw -> draw % 3 == 0 ? pieces + draw % 10 : 3 + 0xc3 - draw % 2 * 0x1f);
            assertEqualsWhole(tokenizer, draw -> draw % 3 == 0 ? draw % 3 : pieces + draw % 10);
            final TokenTextStream stream = tokenizer.newStream();
            final StringBuilder text = new StringBuilder();
            for (final int id : tokenizer.encode("ab 🙂 c", false)) {
                text.append(stream.push(id));
            }
            assertThat(text.append(stream.flush())).hasToString("ab 🙂 c");
        }
    }

    @Test
    void theWindowStaysShortInEndlessGarbageAndInEndlessSpecialTokens() {
        try (Tokenizer tokenizer = Tokenizer.load(Fixture.DEMO)) {
            final int stray = IntStream.range(0, 4096)
                    .filter(id -> tokenizer.decode(new int[]{id, id, id}, true).equals("\ufffd\ufffd\ufffd"))
                    .findFirst()
                    .orElseThrow();
            final TokenTextStream stream = tokenizer.newStream();
            int returned = 0;
            for (int i = 0; i < 5000; i++) {
                returned += stream.push(stray).length();
                assertThat(stream.push(0)).isEmpty();
                assertThat(stream.windowTokens()).isLessThan(40);
            }
            assertThat(returned).isEqualTo(4999);
            assertThat(stream.flush()).isEqualTo("\ufffd");
        }
    }

    private static void assertEqualsWhole(final Tokenizer tokenizer, final IntUnaryOperator token) {
        for (int seed = 0; seed < SEQUENCES; seed++) {
            final SplittableRandom random = new SplittableRandom(seed);
            final int[] ids = random.ints(random.nextInt(1, 120), 0, 1 << 20).map(token).toArray();
            final TokenTextStream stream = tokenizer.newStream();
            final StringBuilder text = new StringBuilder();
            for (final int id : ids) {
                text.append(stream.push(id));
            }
            assertThat(text.append(stream.flush())).as("seed %d", seed).hasToString(tokenizer.decode(ids, true));
        }
    }
}
