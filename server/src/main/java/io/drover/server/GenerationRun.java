package io.drover.server;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;

import org.apache.pekko.util.ByteString;
import org.jspecify.annotations.Nullable;

import io.drover.actors.TokenEvent;
import io.drover.server.CompletionText.Output;

/**
 * The answer to one request as it grows: events of its sequences in, frames out. Not thread-safe; one stream stage owns it.
 *
 * <p>The answer is over when every choice has ended, or at the first failure of any.
 */
final class GenerationRun {

    /** @param event null when that sequence's source has completed */
    record ChoiceEvent(int choice, @Nullable TokenEvent event) {}

    /**
     * What is to be sent.
     *
     * @param bytes   empty where the answer is not streamed
     * @param failure why the answer failed, or null
     * @param last    whether the answer is over
     */
    record Frame(ByteString bytes, @Nullable ApiException failure, boolean last) {}

    private final CompletionPlan plan;
    private final CompletionFrames frames;
    private final GenerationClock clock;
    private final IntConsumer cancel;
    private final List<ChoiceText> choices;
    private int completionTokens;
    private int ended;

    /** @param cancel called with a choice whose sequence need not go on */
    GenerationRun(final CompletionPlan plan, final CompletionFrames frames, final ServedModel model, final GenerationClock clock,
            final IntConsumer cancel) {
        this.plan = plan;
        this.clock = clock;
        this.frames = frames;
        this.cancel = cancel;
        this.choices = plan.choices().stream().map(choice -> new ChoiceText(choice, model)).toList();
    }

    /** The frames that an event gives rise to, in order. */
    List<Frame> on(final ChoiceEvent event) {
        final List<Frame> out = new ArrayList<>(2);
        final ChoiceText choice = choices.get(event.choice());
        for (final Output output : choice.text.on(event.event())) {
            switch (output) {
                case Output.Piece piece -> piece(event.choice(), choice, piece, out);
                case Output.End end -> end(event.choice(), choice, end, out);
                case Output.Failure failure -> fail(failure, out);
            }
        }
        return out;
    }

    private void piece(final int index, final ChoiceText choice, final Output.Piece piece, final List<Frame> out) {
        completionTokens++;
        clock.token(index);
        final boolean first = choice.ids.isEmpty();
        choice.ids.add(piece.id());
        final String text = first ? choice.echo + piece.text() : piece.text();
        if (plan.delivery().stream()) {
            out.add(next(frames.piece(index, first, text, piece.id(), usage())));
        } else {
            choice.whole.append(text);
        }
    }

    private void end(final int index, final ChoiceText choice, final Output.End end, final List<Frame> out) {
        ended++;
        clock.finished(index, end.reason());
        cancel.accept(index);
        choice.reason = end.reason();
        final boolean last = ended == choices.size();
        if (!plan.delivery().stream()) {
            choice.whole.append(end.text());
            if (last) {
                out.add(new Frame(CompletionFrames.json(frames.whole(choices.stream().map(ChoiceText::whole).toList(), usage())),
                        null,
                        true));
            }
            return;
        }
        out.add(next(frames.end(index, end.text(), end.reason(), usage())));
        if (last) {
            if (plan.delivery().usage()) {
                out.add(next(frames.usage(usage())));
            }
            out.add(new Frame(CompletionFrames.DONE, null, true));
        }
    }

    private void fail(final Output.Failure failure, final List<Frame> out) {
        clock.failed(failure.code());
        for (int i = 0; i < choices.size(); i++) {
            cancel.accept(i);
        }
        final ApiException error = error(failure);
        out.add(new Frame(plan.delivery().stream() ? CompletionFrames.failure(error) : ByteString.emptyByteString(), error,
                true));
    }

    private static ApiException error(final Output.Failure failure) {
        return failure.code().equals(DEADLINE)
                ? ApiException.deadline(failure.message())
                : ApiException.server(500, failure.code(), failure.message());
    }

    private static Frame next(final ByteString bytes) {
        return new Frame(bytes, null, false);
    }

    /** So far. */
    Usage usage() {
        return new Usage(plan.promptTokens(), completionTokens);
    }

    /** The code of a failure that a deadline of this server caused. */
    static final String DEADLINE = "deadline_exceeded";

    private static final class ChoiceText {
        private final CompletionText text;
        private final String echo;
        private final List<Integer> ids = new ArrayList<>();
        private final StringBuilder whole = new StringBuilder();
        private CompletionText.FinishReason reason = CompletionText.FinishReason.LENGTH;

        private ChoiceText(final CompletionPlan.Choice choice, final ServedModel model) {
            this.text = new CompletionText(model.text().grow(), choice.stops(), choice.silentIds(),
                    choice.request().minTokens());
            this.echo = choice.echo();
        }

        private CompletionFrames.Whole whole() {
            return new CompletionFrames.Whole(whole.toString(), ids, reason);
        }
    }
}
