package io.drover.bench.transport;

import org.HdrHistogram.Histogram;

/**
 * A caller and an echo that exchange one message at a time. The caller's methods are called by one thread, {@link #echo} by
 * another.
 */
interface PingPong extends AutoCloseable {
    /** Sends the next message, stamped with the time; false where the transport refused it. */
    boolean call(long nowNs);

    /** Caller's turn; returns whether the answer has come. */
    boolean awaitAnswer();

    /** Echo's turn: answers what has come and records its age in nanoseconds. Returns the work done. */
    int echo(Histogram oneWayNs);

    @Override
    void close();
}
