package io.drover.server;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

import org.apache.pekko.NotUsed;
import org.apache.pekko.stream.javadsl.Source;

import io.drover.actors.Gateway;
import io.drover.actors.GenerationRequest;
import io.drover.actors.TokenEvent;

/** A gateway whose sequences say what a test has written down, and that counts how many still run. */
final class ScriptedGateway implements Gateway {
    final Queue<GenerationRequest> requests = new ConcurrentLinkedQueue<>();
    final AtomicInteger running = new AtomicInteger();
    private volatile Function<GenerationRequest, CompletionStage<Admission>> script = request -> ids(List.of(), true);

    void on(final Function<GenerationRequest, CompletionStage<Admission>> next) {
        script = next;
    }

    @Override
    public CompletionStage<Admission> submit(final GenerationRequest request) {
        requests.add(request);
        return script.apply(request);
    }

    /** The bytes of a text, then the end. */
    CompletionStage<Admission> text(final String text, final boolean stopped) {
        return ids(ByteTokenizer.ids(text), stopped);
    }

    CompletionStage<Admission> ids(final List<Integer> ids, final boolean stopped) {
        final List<TokenEvent> events = tokens(ids);
        events.add(new TokenEvent.Finished(stopped, 1, ids.size()));
        return events(Source.from(events));
    }

    CompletionStage<Admission> failing(final List<Integer> ids, final String code, final String message) {
        final List<TokenEvent> events = tokens(ids);
        events.add(new TokenEvent.Failed(code, message));
        return events(Source.from(events));
    }

    /** One token per gap, until it is cancelled. */
    CompletionStage<Admission> endless(final int id, final Duration gap) {
        return events(Source.tick(Duration.ZERO, gap, id)
                .zipWithIndex()
                .<TokenEvent>map(pair -> new TokenEvent.Token(pair.second().intValue(), pair.first()))
                .mapMaterializedValue(tick -> NotUsed.getInstance()));
    }

    /** Tokens as the text's bytes, one per gap, then the end. */
    CompletionStage<Admission> slowly(final String text, final Duration gap) {
        final List<TokenEvent> events = tokens(ByteTokenizer.ids(text));
        events.add(new TokenEvent.Finished(true, 1, events.size()));
        return events(Source.tick(Duration.ZERO, gap, 0)
                .zip(Source.from(events))
                .map(pair -> pair.second())
                .mapMaterializedValue(tick -> NotUsed.getInstance()));
    }

    CompletionStage<Admission> events(final Source<TokenEvent, NotUsed> events) {
        final Source<TokenEvent, NotUsed> counted = Source.lazySource(() -> {
            running.incrementAndGet();
            return events.watchTermination((before, done) -> {
                done.whenComplete((ok, failure) -> running.decrementAndGet());
                return before;
            });
        }).mapMaterializedValue(stage -> NotUsed.getInstance());
        return CompletableFuture.completedFuture(new Admission.Accepted(counted));
    }

    static CompletionStage<Admission> refused(final Reason reason, final String detail, final Duration retryAfter) {
        return CompletableFuture.completedFuture(new Admission.Refused(reason, detail, retryAfter));
    }

    static List<TokenEvent> tokens(final List<Integer> ids) {
        final List<TokenEvent> events = new ArrayList<>();
        for (final int id : ids) {
            events.add(new TokenEvent.Token(events.size(), id));
        }
        return events;
    }
}
