package io.drover.actors;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;

import org.apache.pekko.stream.Attributes;
import org.apache.pekko.stream.Outlet;
import org.apache.pekko.stream.SourceShape;
import org.apache.pekko.stream.stage.AbstractOutHandler;
import org.apache.pekko.stream.stage.AsyncCallback;
import org.apache.pekko.stream.stage.GraphStage;
import org.apache.pekko.stream.stage.GraphStageLogic;
import org.jspecify.annotations.Nullable;

/**
 * The stream of one request's tokens: the compute thread puts events in and never waits, the client's side takes them out at
 * its own pace. It holds at most {@code maxTokens} tokens and the end, because no more are generated.
 */
final class TokenBuffer extends GraphStage<SourceShape<TokenEvent>> {
    private final Outlet<TokenEvent> outlet = Outlet.create("TokenBuffer.out");
    private final SourceShape<TokenEvent> shape = SourceShape.of(outlet);
    private final Queue<TokenEvent> events = new ConcurrentLinkedQueue<>();
    private final Runnable cancel;
    private final AtomicBoolean materialized = new AtomicBoolean();
    private final AtomicBoolean woken = new AtomicBoolean();
    private volatile @Nullable AsyncCallback<Boolean> wake;

    /** @param cancel called, on any thread, if the consumer leaves before the end */
    TokenBuffer(final Runnable cancel) {
        this.cancel = cancel;
    }

    /** Compute thread. */
    void put(final TokenEvent event) {
        events.add(event);
        wakeConsumer();
    }

    private void wakeConsumer() {
        final AsyncCallback<Boolean> callback = wake;
        if (callback != null && woken.compareAndSet(false, true)) {
            callback.invoke(true);
        }
    }

    /** Whether the stream has ever been run. */
    boolean isMaterialized() {
        return materialized.get();
    }

    @Override
    public SourceShape<TokenEvent> shape() {
        return shape;
    }

    @Override
    public GraphStageLogic createLogic(final Attributes inheritedAttributes) {
        if (!materialized.compareAndSet(false, true)) {
            throw new IllegalStateException("the tokens of a request can be streamed once");
        }
        return new Logic();
    }

    private final class Logic extends GraphStageLogic {
        private boolean ended;

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
            wake = createAsyncCallback(ignored -> deliver());
        }

        @Override
        public void postStop() {
            if (!ended) {
                cancel.run();
            }
        }

        private void deliver() {
            woken.set(false);
            if (!isAvailable(outlet)) {
                return;
            }
            final TokenEvent event = events.poll();
            if (event != null) {
                push(outlet, event);
                if (!(event instanceof TokenEvent.Token)) {
                    ended = true;
                    complete(outlet);
                }
            }
        }
    }
}
