package io.drover.actors;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;

import org.jspecify.annotations.Nullable;

/**
 * A recording of a home's routing: the compute thread puts records in and never waits, one reader takes them out. What the reader does
 * not take in time is dropped and counted.
 */
public final class RoutingTape {
    private final long maxBytes;
    private final Queue<RoutingRecord> records = new ConcurrentLinkedQueue<>();
    private final AtomicLong bytes = new AtomicLong();
    private volatile long droppedPositions;
    private volatile boolean ended;

    RoutingTape(final long maxBytes) {
        this.maxBytes = maxBytes;
    }

    /** Compute thread. */
    void add(final RoutingRecord record) {
        if (bytes.get() + record.bytes() > maxBytes) {
            droppedPositions = droppedPositions + record.positions();
        } else {
            bytes.addAndGet(record.bytes());
            records.add(record);
        }
    }

    /** Compute thread. */
    void end() {
        ended = true;
    }

    /** The next record, or null if there is none now; reader. */
    public @Nullable RoutingRecord poll() {
        final RoutingRecord record = records.poll();
        if (record != null) {
            bytes.addAndGet(-record.bytes());
        }
        return record;
    }

    /** Whether nothing more is recorded; then {@link #poll} gives what is left. */
    public boolean ended() {
        return ended;
    }

    /** Positions that found no room. */
    public long droppedPositions() {
        return droppedPositions;
    }
}
