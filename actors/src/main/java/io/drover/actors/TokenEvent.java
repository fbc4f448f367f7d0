package io.drover.actors;

/** What a generation's stream carries: tokens with rising indexes, then exactly one end. */
public sealed interface TokenEvent {
    /**
     * @param index 0 for the first generated token
     * @param id    the token id
     */
    record Token(int index, int id) implements TokenEvent {}

    /**
     * The proper end. A stop token that ended the generation has been sent as the last {@link Token} and counts as one.
     *
     * @param stopped whether a stop token ended it; otherwise {@code maxTokens} was reached
     */
    record Finished(boolean stopped, int promptTokens, int completionTokens) implements TokenEvent {}

    /**
     * The explicit error that ends a stream which cannot go on.
     *
     * @param code    for programs, e.g. {@code node_lost}
     * @param message for people
     */
    record Failed(String code, String message) implements TokenEvent {}
}
