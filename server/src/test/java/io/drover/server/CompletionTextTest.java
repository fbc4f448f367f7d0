package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;

import org.junit.jupiter.api.Test;

import io.drover.actors.TokenEvent;
import io.drover.server.CompletionText.FinishReason;
import io.drover.server.CompletionText.Output;

final class CompletionTextTest {
    private static final int RUNS = 5_000;

    @Test
    void holdsBackWhatMayBecomeAStopString() {
        final CompletionText text = text(List.of("END"), 0);
        assertThat(pieces(text, "aENx")).containsExactly("a", "", "", "ENx");
    }

    @Test
    void aStopStringEndsTheSequenceAtTheTokenThatCompletesIt() {
        final CompletionText text = text(List.of("END"), 0);
        assertThat(pieces(text, "abEN")).containsExactly("a", "b", "", "");
        assertThat(text.on(new TokenEvent.Token(4, 'D')))
                .containsExactly(new Output.Piece("", 'D'), new Output.End("", FinishReason.STOP));
        assertThat(text.tokens()).isEqualTo(5);
        assertThat(text.on(new TokenEvent.Token(5, 'x'))).isEmpty();
        assertThat(text.on(null)).isEmpty();
    }

    @Test
    void whatWasHeldBackComesWithTheEnd() {
        final CompletionText text = text(List.of("END"), 0);
        pieces(text, "abEN");
        assertThat(text.on(new TokenEvent.Finished(false, 1, 4))).containsExactly(new Output.End("EN", FinishReason.LENGTH));
    }

    @Test
    void aTokenThatEndsTheSequenceCountsAndHasNoText() {
        final CompletionText text = new CompletionText(new ByteTokenizer().grow(), List.of(), Set.of((int) '.'), 0);
        assertThat(pieces(text, "a.")).containsExactly("a", "");
        assertThat(text.on(new TokenEvent.Finished(true, 1, 2))).containsExactly(new Output.End("", FinishReason.STOP));
        assertThat(text.tokens()).isEqualTo(2);
    }

    @Test
    void stopStringsBeforeMinTokensDoNotCount() {
        final CompletionText text = text(List.of("b"), 3);
        assertThat(pieces(text, "abab")).containsExactly("a", "b", "a", "");
        assertThat(text.ended()).isTrue();
    }

    @Test
    void aSourceThatStopsWithoutAnEndIsAFailure() {
        final CompletionText text = text(List.of(), 0);
        pieces(text, "ab");
        assertThat(text.on(null)).singleElement().isInstanceOf(Output.Failure.class);
        assertThat(text.ended()).isTrue();
    }

    @Test
    void anyTextUnderAnyStopsEqualsTheCutOfTheWholeText() {
        for (int seed = 0; seed < RUNS; seed++) {
            final Random random = new Random(seed);
            final String whole = word(random, "abé\uD83D\uDE00", 30);
            final List<String> stops = new ArrayList<>();
            for (int i = random.nextInt(4); i > 0; i--) {
                stops.add(word(random, "abé", 4) + "a");
            }
            final CompletionText text = text(stops, 0);
            final StringBuilder sent = new StringBuilder();
            FinishReason reason = null;
            for (final TokenEvent event : events(whole)) {
                for (final Output output : text.on(event)) {
                    switch (output) {
                        case Output.Piece piece -> sent.append(piece.text());
                        case Output.End end -> {
                            sent.append(end.text());
                            reason = end.reason();
                        }
                        case Output.Failure failure -> throw new AssertionError(failure);
                    }
                }
                assertThat(whole).as("seed %d, stops %s", seed, stops).startsWith(sent);
                assertThat(sent.toString().getBytes(StandardCharsets.UTF_8)).as("whole characters, seed %d", seed)
                        .doesNotContain('?');
            }
            final int cut = cut(whole, stops);
            assertThat(sent.toString()).as("seed %d, text %s, stops %s", seed, whole, stops)
                    .isEqualTo(cut < 0 ? whole : whole.substring(0, cut));
            assertThat(reason).as("seed %d", seed).isEqualTo(cut < 0 ? FinishReason.LENGTH : FinishReason.STOP);
        }
    }

    @Test
    void theCutDoesNotDependOnTheSplit() {
        for (int seed = 0; seed < RUNS; seed++) {
            final Random random = new Random(seed);
            final String whole = word(random, "ab", 24);
            final List<String> stops = List.of(word(random, "ab", 3) + "b", word(random, "ab", 5) + "a");
            final StopStrings strings = new StopStrings(stops);
            final StringBuilder sent = new StringBuilder();
            for (int from = 0; from < whole.length() && !strings.found();) {
                final int to = from + 1 + random.nextInt(whole.length() - from);
                sent.append(strings.push(whole.substring(from, to), true));
                from = to;
            }
            sent.append(strings.flush());
            final int cut = cut(whole, stops);
            assertThat(sent.toString()).as("seed %d, text %s, stops %s", seed, whole, stops)
                    .isEqualTo(cut < 0 ? whole : whole.substring(0, cut));
        }
    }

    /** Where the text is cut: the start of the match that ends first, the longest of several; or -1. */
    private static int cut(final String text, final List<String> stops) {
        for (int end = 1; end <= text.length(); end++) {
            final String upToHere = text.substring(0, end);
            final int longest = stops.stream().filter(upToHere::endsWith).mapToInt(String::length).max().orElse(0);
            if (longest > 0) {
                return end - longest;
            }
        }
        return -1;
    }

    private static CompletionText text(final List<String> stops, final int minTokens) {
        return new CompletionText(new ByteTokenizer().grow(), stops, Set.of(ByteTokenizer.EOS), minTokens);
    }

    private static List<TokenEvent> events(final String whole) {
        final List<TokenEvent> events = ScriptedGateway.tokens(ByteTokenizer.ids(whole));
        events.add(new TokenEvent.Finished(false, 1, events.size()));
        return events;
    }

    private static List<String> pieces(final CompletionText text, final String tokens) {
        return ScriptedGateway.tokens(ByteTokenizer.ids(tokens))
                .stream()
                .flatMap(event -> text.on(event)
                        .stream()
                        .filter(Output.Piece.class::isInstance)
                        .map(o -> ((Output.Piece) o).text()))
                .toList();
    }

    private static String word(final Random random, final String alphabet, final int maxLength) {
        final int[] letters = alphabet.codePoints().toArray();
        final StringBuilder word = new StringBuilder();
        for (int i = random.nextInt(maxLength); i > 0; i--) {
            word.appendCodePoint(letters[random.nextInt(letters.length)]);
        }
        return word.toString();
    }
}
