package io.drover.server;

import java.util.List;
import java.util.Set;

import org.jspecify.annotations.Nullable;

import io.drover.actors.TokenEvent;

/**
 * Turns one sequence's events into the pieces of its answer. A pure machine: events in, outputs out.
 *
 * <pre>
 * state    event                                       output                                next
 * running  Token, no stop string complete              Piece(certain text, id)               running
 * running  Token that completes a stop string          Piece(text before it, id), End(stop)  ended
 * running  Finished                                    End(text held back, stop or length)   ended
 * running  Failed, or the source completed without end Failure                               ended
 * ended    any                                         nothing                               ended
 * </pre>
 *
 * <p>Each token gives exactly one piece, if need be with an empty text: a character's bytes may be spread over tokens, and text
 * that may become a stop string is held back. A token that ends the sequence counts and is shown as an id, and has no text.
 */
final class CompletionText {

    /** Why a sequence ended, in the API's words. */
    enum FinishReason {
        STOP("stop"), LENGTH("length");

        private final String label;

        FinishReason(final String label) {
            this.label = label;
        }

        String label() {
            return label;
        }
    }

    /** What is to be sent. */
    sealed interface Output {
        /** @param text may be empty */
        record Piece(String text, int id) implements Output {}

        /** @param text what was held back; most often empty */
        record End(String text, FinishReason reason) implements Output {}

        record Failure(String code, String message) implements Output {}
    }

    private final TextCodec.Growing stream;
    private final StopStrings stops;
    private final Set<Integer> silentIds;
    private final int minTokens;
    private int tokens;
    private boolean ended;

    /**
     * @param stream    one sequence's text, fresh
     * @param stops     strings that end the sequence
     * @param silentIds ids that end the sequence and have no text
     * @param minTokens stop strings that are complete before this many tokens do not count
     */
    CompletionText(final TextCodec.Growing stream, final List<String> stops, final Set<Integer> silentIds, final int minTokens) {
        this.stream = stream;
        this.stops = new StopStrings(stops);
        this.silentIds = Set.copyOf(silentIds);
        this.minTokens = minTokens;
    }

    /** @param event null when the source has completed */
    List<Output> on(final @Nullable TokenEvent event) {
        if (ended) {
            return List.of();
        }
        return switch (event) {
            case TokenEvent.Token token -> token(token.id());
            case TokenEvent.Finished finished -> List.of(end(finished.stopped() ? FinishReason.STOP : FinishReason.LENGTH));
            case TokenEvent.Failed failed -> fail(failed.code(), failed.message());
            case null -> fail("stream_lost", "The sequence's tokens stopped coming without a word.");
        };
    }

    private List<Output> token(final int id) {
        tokens++;
        final String text = silentIds.contains(id) ? "" : stops.push(stream.push(id), tokens >= minTokens);
        final Output piece = new Output.Piece(text, id);
        return stops.found() ? List.of(piece, end(FinishReason.STOP)) : List.of(piece);
    }

    private Output end(final FinishReason reason) {
        ended = true;
        if (stops.found()) {
            return new Output.End("", reason);
        }
        final String text = stops.push(stream.flush(), tokens >= minTokens);
        return stops.found() ? new Output.End(text, FinishReason.STOP) : new Output.End(text + stops.flush(), reason);
    }

    private List<Output> fail(final String code, final String message) {
        ended = true;
        return List.of(new Output.Failure(code, message));
    }

    /** Whether nothing more will be sent. */
    boolean ended() {
        return ended;
    }

    /** Tokens so far, the one that ended the sequence included. */
    int tokens() {
        return tokens;
    }
}
