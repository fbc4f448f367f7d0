package io.drover.cluster;

import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.stream.StreamRefResolver;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.stream.javadsl.StreamRefs;
import org.jspecify.annotations.Nullable;

import io.drover.actors.NodeEngine;
import io.drover.actors.RoutingTape;

/**
 * A node's side of a recording: opens the tape of its engine for whichever node asks, and streams its lines there. One recording at a
 * time; it ends by {@link Close}, or when its reader is gone.
 */
final class Recorder {
    static final String NAME = "recorder";

    /** What the recorder receives. */
    sealed interface Message {}

    /** Begin to record. */
    record Open(ActorRef<Opened> replyTo) implements Message, ControlMessage {}

    /** End the recording: its stream completes after the last record. */
    record Close() implements Message, ControlMessage {}

    /**
     * @param source  where the lines can be read, as Pekko writes a SourceRef; empty if refused
     * @param refusal why there is no recording; empty if there is
     */
    record Opened(String source, String refusal) implements ControlMessage {}

    private record Started(@Nullable RoutingTape tape, @Nullable Throwable failure,
            ActorRef<Opened> replyTo) implements Message {}

    private final ActorContext<Message> context;
    private final String nodeName;
    private final NodeEngine engine;
    private final long maxBytes;
    private @Nullable RoutingTape open;

    private Recorder(final ActorContext<Message> context, final String nodeName, final NodeEngine engine, final long maxBytes) {
        this.context = context;
        this.nodeName = nodeName;
        this.engine = engine;
        this.maxBytes = maxBytes;
    }

    /** @param maxBytes records that may wait for their reader; further ones are dropped and counted */
    static Behavior<Message> create(final String nodeName, final NodeEngine engine, final long maxBytes) {
        return Behaviors.setup(context -> {
            final Recorder recorder = new Recorder(context, nodeName, engine, maxBytes);
            return Behaviors.receive(Message.class).onAnyMessage(message -> {
                recorder.on(message);
                return Behaviors.same();
            }).build();
        });
    }

    private void on(final Message message) {
        switch (message) {
            case Open ask -> context.pipeToSelf(engine.startRecording(maxBytes),
                    (tape, failure) -> new Started(tape, failure, ask.replyTo()));
            case Started started -> answer(started);
            case Close close -> {
                if (open != null) {
                    engine.stopRecording(open);
                }
            }
        }
    }

    private void answer(final Started started) {
        final RoutingTape tape = started.tape();
        if (tape == null) {
            final Throwable failure = started.failure();
            started.replyTo().tell(new Opened("", failure == null ? "no tape" : String.valueOf(failure.getMessage())));
            return;
        }
        open = tape;
        final TapeSource lines = new TapeSource(tape, TraceLines::line,
                (positions, dropped) -> TraceLines.progress(nodeName, positions, dropped), () -> engine.stopRecording(tape));
        final var source = Source.fromGraph(lines).runWith(StreamRefs.sourceRef(), context.getSystem());
        started.replyTo().tell(new Opened(StreamRefResolver.get(context.getSystem()).toSerializationFormat(source), ""));
    }
}
