package io.drover.streams;

import org.agrona.DirectBuffer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.aeron.Aeron;
import io.aeron.ExclusivePublication;
import io.aeron.Publication;
import io.aeron.exceptions.RegistrationException;

/** One publication to a peer: asked for, awaited in later turns, and asked for again after a refusal. Nothing here waits. */
final class Outlet {
    private static final Logger LOG = LoggerFactory.getLogger(Outlet.class);
    private static final long RETRY_NS = 1_000_000_000L;

    private final Endpoint endpoint;
    private final String channel;
    private final int streamId;
    private @Nullable ExclusivePublication publication;
    private long registrationId = Aeron.NULL_VALUE;
    private long askAgainNs;
    private String problem = "";

    Outlet(final Endpoint endpoint, final String channel, final int streamId, final long nowNs) {
        this.endpoint = endpoint;
        this.channel = channel;
        this.streamId = streamId;
        askAgainNs = nowNs;
    }

    /** Asks for the publication, or looks whether it has come; 0 if there was nothing to do. */
    int seek(final Aeron aeron, final long nowNs) {
        if (publication != null) {
            return 0;
        }
        try {
            if (registrationId != Aeron.NULL_VALUE) {
                final ExclusivePublication answered = aeron.getExclusivePublication(registrationId);
                publication = answered;
                return answered == null ? 0 : 1;
            }
            if (nowNs - askAgainNs >= 0) {
                registrationId = aeron.asyncAddExclusivePublication(channel, streamId);
                return 1;
            }
        } catch (final RegistrationException e) {
            registrationId = Aeron.NULL_VALUE;
            askAgainNs = nowNs + RETRY_NS;
            if (!problem.equals(e.getMessage())) {
                problem = e.getMessage();
                LOG.warn("no channel to {}: {}", endpoint, problem);
            }
        }
        return 0;
    }

    /** A frame in two parts; false if Aeron does not take it now. */
    boolean offer(final DirectBuffer header, final DirectBuffer body, final int bodyOffset, final int bodyLength,
            final long nowNs) {
        final ExclusivePublication current = publication;
        if (current == null) {
            return false;
        }
        long position = current.offer(header, 0, FrameHeader.HEADER_LENGTH, body, bodyOffset, bodyLength, null);
        if (position == Publication.ADMIN_ACTION) {
            // The log has turned to its next term, which happens once a term: no reason to make a queue.
            position = current.offer(header, 0, FrameHeader.HEADER_LENGTH, body, bodyOffset, bodyLength, null);
        }
        return taken(position, nowNs);
    }

    /** A whole frame; false if Aeron does not take it now. */
    boolean offer(final DirectBuffer frame, final int offset, final int length, final long nowNs) {
        final ExclusivePublication current = publication;
        return current != null && taken(current.offer(frame, offset, length), nowNs);
    }

    private boolean taken(final long position, final long nowNs) {
        if (position > 0) {
            return true;
        }
        if (position == Publication.CLOSED || position == Publication.MAX_POSITION_EXCEEDED) {
            problem = "the publication was " + Publication.errorString(position);
            forget(nowNs);
        }
        return false;
    }

    boolean isConnected() {
        final ExclusivePublication current = publication;
        return current != null && current.isConnected();
    }

    void nowConnected() {
        problem = "";
    }

    /** What is wrong with it, empty if nothing is. */
    String problem() {
        return problem;
    }

    String channel() {
        return channel;
    }

    /** The client that the publication belonged to is closed. */
    void forget(final long nowNs) {
        publication = null;
        registrationId = Aeron.NULL_VALUE;
        askAgainNs = nowNs;
    }

    void close(final Aeron aeron, final long nowNs) {
        final ExclusivePublication current = publication;
        if (current != null) {
            current.close();
        } else if (registrationId != Aeron.NULL_VALUE && !aeron.isClosed()) {
            aeron.asyncRemovePublication(registrationId);
        }
        forget(nowNs);
    }
}
