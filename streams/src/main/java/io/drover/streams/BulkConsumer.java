package io.drover.streams;

import java.util.concurrent.atomic.AtomicLong;

import org.apache.pekko.stream.BoundedSourceQueue;
import org.apache.pekko.stream.QueueOfferResult;
import org.apache.pekko.util.ByteString;
import org.jspecify.annotations.Nullable;

/** Who reads a transfer: what the plane's thread and the stream's threads know of each other. */
final class BulkConsumer {
    private final long transfer;
    private final int peer;
    private final String name;
    private final Runnable wake;
    private final AtomicLong consumedBytes = new AtomicLong();
    private volatile boolean cancelled;
    private @Nullable BoundedSourceQueue<ByteString> queue;

    BulkConsumer(final long transfer, final int peer, final String name, final Runnable wake) {
        this.transfer = transfer;
        this.peer = peer;
        this.name = name;
        this.wake = wake;
    }

    /** Before anything else. */
    void queue(final BoundedSourceQueue<ByteString> chunks) {
        queue = chunks;
    }

    /** @return false where there is no room, or nobody reads any more */
    boolean offer(final ByteString chunk) {
        return queue().offer(chunk) == QueueOfferResult.enqueued();
    }

    void complete() {
        end(queue()::complete);
    }

    void fail(final String why) {
        end(() -> queue().fail(new BulkException(why)));
    }

    private static void end(final Runnable ending) {
        try {
            ending.run();
        } catch (final IllegalStateException e) {
            // The reader has cancelled at the same moment, and the stream has ended already.
        }
    }

    private BoundedSourceQueue<ByteString> queue() {
        final BoundedSourceQueue<ByteString> chunks = queue;
        if (chunks == null) {
            throw new IllegalStateException("the stream has not begun");
        }
        return chunks;
    }

    ByteString consumed(final ByteString chunk) {
        consumedBytes.addAndGet(chunk.size());
        wake.run();
        return chunk;
    }

    void cancel() {
        cancelled = true;
        wake.run();
    }

    long transfer() {
        return transfer;
    }

    int peer() {
        return peer;
    }

    String name() {
        return name;
    }

    long consumedBytes() {
        return consumedBytes.get();
    }

    boolean isCancelled() {
        return cancelled;
    }
}
