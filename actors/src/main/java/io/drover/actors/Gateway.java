package io.drover.actors;

import java.time.Duration;
import java.util.concurrent.CompletionStage;

import org.apache.pekko.NotUsed;
import org.apache.pekko.stream.javadsl.Source;

/**
 * Where requests enter the cluster: picks a home node for each sequence, carries the request there and its tokens back.
 * Thread-safe.
 */
public interface Gateway {
    /**
     * Submits a sequence. The stage completes when a home node has admitted it or all have refused; it never completes
     * exceptionally for a refusal.
     */
    CompletionStage<Admission> submit(GenerationRequest request);

    /** The answer to a submission. */
    sealed interface Admission {
        /**
         * @param tokens to be run once; its cancellation cancels the sequence and frees its KV pages. It is buffered up to
         *               {@code maxTokens}, so a slow consumer holds nobody up
         */
        record Accepted(Source<TokenEvent, NotUsed> tokens) implements Admission {}

        /**
         * @param reason     why
         * @param detail     one sentence with the values
         * @param retryAfter when to try again
         */
        record Refused(Reason reason, String detail, Duration retryAfter) implements Admission {}
    }

    /** Why a submission was refused. */
    enum Reason {
        /** Every home's queue is full. */
        QUEUE_FULL,
        /** The cluster is not ready, or is shutting down. */
        UNAVAILABLE,
        /** The prompt and {@code maxTokens} cannot fit the context or the KV cache. */
        TOO_LONG
    }
}
