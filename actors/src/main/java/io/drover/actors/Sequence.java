package io.drover.actors;

import java.util.Arrays;

import org.jspecify.annotations.Nullable;

import io.drover.model.forward.KvSequence;

/**
 * One sequence at its home: the tokens known so far, how many of them have KV entries, and the chunk that is on its way
 * through the layers. Changed by the {@link Batcher} alone.
 */
final class Sequence {
    /** Where it was submitted: gateway node and the gateway's key of the request. */
    record Key(int gatewayNode, long requestKey) {}

    final Key key;
    final long ownerTerm;
    final GenerationRequest request;
    final int promptLength;
    private int[] tokens;
    private int length;

    /** Order of admission: the largest is the youngest. */
    long order;
    /** Positions whose KV entries are in {@link #kv}. */
    int computed;
    /** Positions whose KV entries were taken over from an earlier home, with the pages that are now in {@link #kv}. */
    int adopted;
    /** Its copy at another node; null unless there is one. */
    PageCopier.@Nullable Copy copy;
    /** Positions whose routing has been counted, here or, as far as the tokens so far tell, at an earlier home. */
    int counted;
    /** What is being recorded of its routing; null unless something is. */
    @Nullable
    RoutingPath path;
    /** Length of the chunk in flight, 0 while idle; it starts at {@link #computed}. */
    int chunkLength;
    /** Rises when a chunk in flight is abandoned, so that its late parts are recognised. */
    int generation;
    /** Generated tokens that have been handed to the gateway. */
    int sent;
    /** Whether the gateway has been told of the end. */
    boolean endSent;
    /** Whether something waits for the link to the gateway to take it. */
    boolean unsent;
    boolean running;
    /** The chunk in flight, null while idle. */
    @Nullable
    Chunk chunk;
    @Nullable
    KvSequence kv;
    @Nullable
    Ending ending;

    /** How a sequence ended. */
    record Ending(boolean failed, boolean stopped, String code, String message) {
        static final Ending STOPPED = new Ending(false, true, "", "");
        static final Ending LENGTH = new Ending(false, false, "", "");

        static Ending failure(final String code, final String message) {
            return new Ending(true, false, code, message);
        }
    }

    /** @param generated tokens that an earlier owner has generated; they follow the prompt */
    Sequence(final Key key, final long ownerTerm, final GenerationRequest request, final int[] generated) {
        this.key = key;
        this.ownerTerm = ownerTerm;
        this.request = request;
        promptLength = request.promptIds().size();
        tokens = new int[Math.max(16, promptLength + generated.length + 16)];
        for (int i = 0; i < promptLength; i++) {
            tokens[i] = request.promptIds().get(i);
        }
        System.arraycopy(generated, 0, tokens, promptLength, generated.length);
        length = promptLength + generated.length;
        sent = generated.length;
        // The earlier home computed every position but the last, whose token it had just drawn. Of a prefill nothing is known.
        counted = generated.length == 0 ? 0 : length - 1;
    }

    int length() {
        return length;
    }

    int token(final int position) {
        return tokens[position];
    }

    int generated() {
        return length - promptLength;
    }

    /** The longest it can become: every token but the last needs a KV entry. */
    int longest() {
        return promptLength + request.maxTokens();
    }

    void append(final int token) {
        if (length == tokens.length) {
            tokens = Arrays.copyOf(tokens, Math.min(Math.max(longest(), length + 1), length * 2));
        }
        tokens[length++] = token;
    }

    boolean ended() {
        return ending != null;
    }
}
