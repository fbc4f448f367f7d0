package io.drover.cluster;

import java.time.Duration;
import java.util.function.Function;

import org.apache.pekko.stream.Attributes;
import org.apache.pekko.stream.Outlet;
import org.apache.pekko.stream.SourceShape;
import org.apache.pekko.stream.stage.AbstractOutHandler;
import org.apache.pekko.stream.stage.GraphStage;
import org.apache.pekko.stream.stage.GraphStageLogic;
import org.apache.pekko.stream.stage.TimerGraphStageLogic;
import org.apache.pekko.util.ByteString;

import io.drover.actors.RoutingRecord;
import io.drover.actors.RoutingTape;

/**
 * The lines of a {@link RoutingTape} at the pace of who reads them, and about once a second one that says how far it is. Completes after
 * the tape's last record.
 */
final class TapeSource extends GraphStage<SourceShape<ByteString>> {
    /** How far a recording is. */
    @FunctionalInterface
    interface Progress {
        ByteString line(long positions, long dropped);
    }

    private static final Duration PERIOD = Duration.ofMillis(50);
    private static final int NOTE_EVERY = 20;

    private final Outlet<ByteString> outlet = Outlet.create("TapeSource.out");
    private final SourceShape<ByteString> shape = SourceShape.of(outlet);
    private final RoutingTape tape;
    private final Function<RoutingRecord, ByteString> line;
    private final Progress progress;
    private final Runnable stop;

    /** @param stop called when the reader has gone or all is read */
    TapeSource(final RoutingTape tape, final Function<RoutingRecord, ByteString> line, final Progress progress,
            final Runnable stop) {
        this.tape = tape;
        this.line = line;
        this.progress = progress;
        this.stop = stop;
    }

    @Override
    public SourceShape<ByteString> shape() {
        return shape;
    }

    @Override
    public GraphStageLogic createLogic(final Attributes inheritedAttributes) {
        return new Logic();
    }

    private final class Logic extends TimerGraphStageLogic {
        private long positions;
        private int ticks;
        private boolean noteDue = true;
        private boolean lastNote;

        Logic() {
            super(shape);
            setHandler(outlet, new AbstractOutHandler() {
                @Override
                public void onPull() {
                    deliver();
                }
            });
        }

        @Override
        public void preStart() {
            scheduleWithFixedDelay("poll", PERIOD, PERIOD);
        }

        @Override
        public void onTimer(final Object key) {
            noteDue |= ++ticks % NOTE_EVERY == 0;
            if (isAvailable(outlet)) {
                deliver();
            }
        }

        @Override
        public void postStop() {
            stop.run();
        }

        private void deliver() {
            // Read before the queue: what was put in before the end is then seen.
            final boolean ended = tape.ended();
            final RoutingRecord record = noteDue ? null : tape.poll();
            if (record != null) {
                positions += record.positions();
                push(outlet, line.apply(record));
            } else if (noteDue) {
                noteDue = false;
                push(outlet, progress.line(positions, tape.droppedPositions()));
            } else if (ended && !lastNote) {
                lastNote = true;
                push(outlet, progress.line(positions, tape.droppedPositions()));
            } else if (ended) {
                complete(outlet);
            }
        }
    }
}
