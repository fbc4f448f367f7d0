package io.drover.server;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.actor.Cancellable;
import org.apache.pekko.http.javadsl.model.ContentType;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpCharsets;
import org.apache.pekko.http.javadsl.model.HttpEntities;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.MediaTypes;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;
import org.apache.pekko.japi.Pair;
import org.apache.pekko.japi.pf.PFBuilder;
import org.apache.pekko.stream.BackpressureTimeoutException;
import org.apache.pekko.stream.KillSwitches;
import org.apache.pekko.stream.OverflowStrategy;
import org.apache.pekko.stream.SharedKillSwitch;
import org.apache.pekko.stream.javadsl.Merge;
import org.apache.pekko.stream.javadsl.Sink;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;

import io.drover.actors.Gateway.Admission;
import io.drover.actors.TokenEvent;
import io.drover.server.GenerationRun.ChoiceEvent;
import io.drover.server.GenerationRun.Frame;

/**
 * Runs one completion request: submits its sequences, turns their tokens into the answer, and cancels whatever is left when the
 * client goes, the deadline passes or a stop string is found.
 *
 * <pre>
 * gateway ─ tokens ─ kill switch ─┐
 * gateway ─ tokens ─ kill switch ─┴ merge ─ {@link GenerationRun} ─ buffer ─ first frame? ─ 200 and the rest
 *                                                                          └ failure ──── an HTTP error
 * </pre>
 *
 * The status waits for the first token, so that whatever fails before it is an HTTP error. The buffer holds all frames there can
 * be, so that a slow reader holds up neither the gateway, nor the stop strings, nor the clock.
 */
final class Generation {
    private static final ContentType EVENT_STREAM = MediaTypes.customWithOpenCharset("text", "event-stream", Map.of(), false)
            .toContentType(HttpCharsets.UTF_8);
    private static final int FRAMES_PER_CHOICE = 1;
    private static final int FRAMES_BESIDE_CHOICES = 2;

    private final CompletionPlan plan;
    private final ServedModel model;
    private final GenerationClock clock;
    private final Lifeline life;
    private final ServerSettings settings;
    private final ActorSystem system;
    private final List<SharedKillSwitch> switches;
    private final GenerationRun run;

    Generation(final CompletionPlan plan, final CompletionFrames frames, final ServedModel model, final GenerationClock clock,
            final Lifeline life, final ServerSettings settings, final ActorSystem system) {
        this.plan = plan;
        this.model = model;
        this.clock = clock;
        this.life = life;
        this.settings = settings;
        this.system = system;
        this.switches = plan.choices().stream().map(choice -> KillSwitches.shared(choice.request().requestId())).toList();
        this.run = new GenerationRun(plan, frames, model, clock, index -> switches.get(index).shutdown());
    }

    /** Completes exceptionally with an {@link ApiException} or {@link Lifeline.ClientGone} where there is no answer to give. */
    CompletionStage<HttpResponse> answer() {
        final CompletableFuture<HttpResponse> answer = new CompletableFuture<>();
        final Cancellable deadline = system.scheduler()
                .scheduleOnce(settings.generationDeadline(),
                        () -> life.cut(ApiException
                                .deadline("The request was not done within " + settings.generationDeadline().toSeconds()
                                        + " s, the server's deadline.")),
                        system.dispatcher());
        life.onEnd(deadline::cancel);
        life.onCut(reason -> {
            switches.forEach(choice -> choice.abort(reason));
            answer.completeExceptionally(reason);
        });
        clock.submitted(plan);
        admissions().thenCompose(this::answer).whenComplete((response, failure) -> {
            if (failure == null) {
                answer.complete(response);
            } else {
                life.end();
                answer.completeExceptionally(failure);
            }
        });
        return answer;
    }

    private CompletionStage<List<Admission>> admissions() {
        final List<CompletableFuture<Admission>> asked = new ArrayList<>(plan.choices().size());
        for (final CompletionPlan.Choice choice : plan.choices()) {
            asked.add(model.gateway().submit(choice.request()).toCompletableFuture());
        }
        return CompletableFuture.allOf(asked.toArray(CompletableFuture[]::new)).handle((done, failure) -> {
            if (failure != null) {
                asked.stream().filter(one -> !one.isCompletedExceptionally()).forEach(one -> abandon(one.join()));
                clock.refused();
                throw ApiException.server(500, "submission_failed",
                        "The request could not be submitted: " + failure.getMessage());
            }
            return asked.stream().map(CompletableFuture::join).toList();
        });
    }

    private CompletionStage<HttpResponse> answer(final List<Admission> admissions) {
        for (final Admission admission : admissions) {
            if (admission instanceof Admission.Refused refused) {
                admissions.forEach(this::abandon);
                clock.refused();
                throw refusal(refused);
            }
        }
        clock.admitted(plan);
        final Source<Frame, NotUsed> frames = frames(admissions);
        return plan.delivery().stream() ? streamed(frames) : whole(frames);
    }

    private void abandon(final Admission admission) {
        if (admission instanceof Admission.Accepted accepted) {
            accepted.tokens().runWith(Sink.cancelled(), system);
        }
    }

    private static ApiException refusal(final Admission.Refused refused) {
        return switch (refused.reason()) {
            case QUEUE_FULL -> ApiException.queueFull(refused.detail(), refused.retryAfter());
            case UNAVAILABLE -> ApiException.unavailable("unavailable", refused.detail(), refused.retryAfter());
            case TOO_LONG -> ApiException.tooLong("max_tokens", refused.detail());
        };
    }

    private Source<Frame, NotUsed> frames(final List<Admission> admissions) {
        final List<Source<ChoiceEvent, NotUsed>> sources = new ArrayList<>(admissions.size());
        for (int i = 0; i < admissions.size(); i++) {
            sources.add(events(i, ((Admission.Accepted) admissions.get(i)).tokens()));
        }
        final Source<ChoiceEvent, NotUsed> merged = sources.size() == 1
                ? sources.getFirst()
                : Source.<ChoiceEvent, ChoiceEvent, NotUsed>combine(sources, Merge::create)
                        .mapMaterializedValue(all -> NotUsed.getInstance());
        final int capacity = plan.maxTokens() + FRAMES_PER_CHOICE * plan.choices().size() + FRAMES_BESIDE_CHOICES;
        return merged.mapConcat(run::on)
                .takeWhile(frame -> !frame.last(), true)
                .watchTermination((before, done) -> {
                    done.whenComplete((ok, failure) -> clock.closed());
                    return before;
                })
                .buffer(capacity, OverflowStrategy.fail());
    }

    private Source<ChoiceEvent, NotUsed> events(final int index, final Source<TokenEvent, NotUsed> tokens) {
        return tokens.via(switches.get(index).flow())
                .recover(new PFBuilder<Throwable, TokenEvent>().matchAny(Generation::failed).build())
                .map(event -> new ChoiceEvent(index, event))
                .concat(Source.single(new ChoiceEvent(index, null)));
    }

    private static TokenEvent failed(final Throwable failure) {
        final String code = switch (failure) {
            case ApiException api -> api.code();
            case Lifeline.ClientGone gone -> Lifeline.ClientGone.CODE;
            default -> "internal_error";
        };
        return new TokenEvent.Failed(code, String.valueOf(failure.getMessage()));
    }

    private CompletionStage<HttpResponse> whole(final Source<Frame, NotUsed> frames) {
        return frames.runWith(Sink.last(), system).thenApply(frame -> {
            if (frame.failure() != null) {
                throw frame.failure();
            }
            life.end();
            return HttpResponse.create().withEntity(HttpEntities.create(ContentTypes.APPLICATION_JSON, frame.bytes()));
        });
    }

    private CompletionStage<HttpResponse> streamed(final Source<Frame, NotUsed> frames) {
        return frames.prefixAndTail(1).runWith(Sink.head(), system).thenApply(this::stream);
    }

    private HttpResponse stream(final Pair<List<Frame>, Source<Frame, NotUsed>> parts) {
        final Frame first = parts.first().getFirst();
        if (first.failure() != null) {
            parts.second().runWith(Sink.ignore(), system);
            throw first.failure();
        }
        final Source<ByteString, NotUsed> body = Source.single(first)
                .concat(parts.second())
                .map(Frame::bytes)
                .backpressureTimeout(settings.idleDeadline())
                .mapError(BackpressureTimeoutException.class, late -> new Lifeline.ClientSlow(settings.idleDeadline()))
                .watchTermination((before, done) -> {
                    done.whenComplete((ok, failure) -> life.end());
                    return before;
                });
        return HttpResponse.create()
                .withEntity(HttpEntities.createChunked(EVENT_STREAM, body))
                .addHeader(RawHeader.create("Cache-Control", "no-cache"))
                .addHeader(RawHeader.create("X-Accel-Buffering", "no"));
    }
}
