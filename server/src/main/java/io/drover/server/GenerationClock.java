package io.drover.server;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;

import io.drover.server.CompletionText.FinishReason;

/** The measures of one completion request. One stream stage feeds it; only {@link #closed} may come from another thread. */
final class GenerationClock {
    private static final double NS_PER_S = 1e9;

    private final DoorMetrics metrics;
    private final LongSupplier nanoClock;
    private final long startNs;
    private final long[] lastTokenNs;
    private final int[] tokens;
    private final AtomicInteger running = new AtomicInteger();
    private final AtomicInteger over = new AtomicInteger();
    private volatile boolean explained;

    /** @param startNs when the request's head had come */
    GenerationClock(final DoorMetrics metrics, final LongSupplier nanoClock, final long startNs, final int choices) {
        this.metrics = metrics;
        this.nanoClock = nanoClock;
        this.startNs = startNs;
        this.lastTokenNs = new long[choices];
        this.tokens = new int[choices];
    }

    /** The request has been read and is submitted. */
    void submitted(final CompletionPlan plan) {
        metrics.choicesOfRequest.observe(tokens.length);
        metrics.promptTokensOfRequest.observe(plan.promptTokens());
        plan.choices().forEach(choice -> {
            metrics.maxTokensOfRequest.observe(choice.request().maxTokens());
            metrics.sequenceWaits();
        });
    }

    /** All of its sequences were admitted. */
    void admitted(final CompletionPlan plan) {
        metrics.promptTokens.inc(plan.promptTokens());
    }

    void token(final int choice) {
        final long nowNs = nanoClock.getAsLong();
        if (tokens[choice]++ == 0) {
            running.incrementAndGet();
            metrics.sequenceRuns();
            metrics.firstToken.observe((nowNs - startNs) / NS_PER_S);
        } else {
            metrics.interToken.observe((nowNs - lastTokenNs[choice]) / NS_PER_S);
        }
        lastTokenNs[choice] = nowNs;
        metrics.completionTokens.inc();
    }

    void finished(final int choice, final FinishReason reason) {
        sequenceOver(tokens[choice] > 0);
        metrics.finished.labelValues(reason.label()).inc();
        metrics.completionTokensOfRequest.observe(tokens[choice]);
        metrics.request.observe((nanoClock.getAsLong() - startNs) / NS_PER_S);
    }

    void failed(final String code) {
        if (!code.equals(Lifeline.ClientGone.CODE)) {
            explained = true;
            metrics.lost.labelValues(code).inc();
        }
    }

    /** The request was not admitted. */
    void refused() {
        explained = true;
        closed();
    }

    /** The sequences' streams are closed, or there were none; what has not finished will not. */
    void closed() {
        if (over.get() < tokens.length && !explained) {
            metrics.cancelled.inc();
        }
        while (over.get() < tokens.length) {
            sequenceOver(running.get() > 0);
        }
    }

    private void sequenceOver(final boolean ran) {
        over.incrementAndGet();
        if (ran) {
            running.decrementAndGet();
        }
        metrics.sequenceOver(ran);
    }
}
