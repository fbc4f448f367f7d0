package io.drover.streams;

import java.nio.ByteBuffer;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.ControlledMessageHandler;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.ringbuffer.OneToOneRingBuffer;
import org.agrona.concurrent.ringbuffer.RingBufferDescriptor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.aeron.Aeron;
import io.aeron.ExclusivePublication;
import io.aeron.Publication;
import io.aeron.exceptions.RegistrationException;

/**
 * One peer's side of {@link Links}: the publication to it, the frames that wait for it, and when it was last heard. Nothing
 * here waits, so no peer delays another.
 *
 * <pre>
 *  publication   asked for at connect; the driver answers in a later turn. A refusal is asked again after {@link #RETRY_NS}.
 *  frame         handed to Aeron, or parked behind those that are parked already; refused when the queue is full
 *  parked frame  handed to Aeron in order, or dropped at its deadline
 * </pre>
 */
final class Peer {
    private static final Logger LOG = LoggerFactory.getLogger(Peer.class);
    private static final long RETRY_NS = 1_000_000_000L;
    private static final long SILENCE_WARNING_NS = 5_000_000_000L;
    private static final int FLUSH_LIMIT = 64;
    private static final int PARKED_MESSAGE = 1;
    /** A parked frame follows the time at which it was parked. */
    private static final int PARKED_TIME_LENGTH = Long.BYTES;
    private static final UnsafeBuffer HEARTBEAT = new UnsafeBuffer(new byte[HeartbeatFrame.FRAME_LENGTH]);

    static {
        new HeartbeatFrame().wrap(HEARTBEAT, 0).begin();
    }

    private final Endpoint endpoint;
    private final String channel;
    private final DataPlaneSettings settings;
    private final @Nullable FrameAuthenticator authenticator;
    private final UnsafeBuffer header = new UnsafeBuffer(ByteBuffer.allocateDirect(FrameHeader.HEADER_LENGTH));
    private final ControlledMessageHandler flushOne = this::flushOne;

    private @Nullable OneToOneRingBuffer parkedFrames;
    private @Nullable ExclusivePublication publication;
    private long registrationId = Aeron.NULL_VALUE;
    private long askAgainNs;
    private long silentSinceNs;
    private boolean wasConnected;
    private boolean warned;
    private String problem = "";

    private long nowNs;
    private long lastSentNs;
    private long lastHeardNs;
    private long sequence;
    private long heardSequence;

    private long framesIn;
    private long bytesIn;
    private long framesOut;
    private long bytesOut;
    private long parked;
    private long refused;
    private long expired;
    private long missing;

    Peer(final Endpoint self, final Endpoint endpoint, final String channel, final DataPlaneSettings settings,
            final @Nullable FrameAuthenticator authenticator, final long firstSequence, final long nowNs) {
        this.endpoint = endpoint;
        this.channel = channel;
        this.settings = settings;
        this.authenticator = authenticator;
        this.sequence = firstSequence;
        this.nowNs = nowNs;
        lastHeardNs = nowNs;
        lastSentNs = nowNs - settings.heartbeatIntervalNs();
        askAgainNs = nowNs;
        silentSinceNs = nowNs;
        header.putInt(FrameHeader.SENDER_NODE_OFFSET, self.nodeId(), FrameHeader.ORDER);
        header.putLong(FrameHeader.SENDER_INCARNATION_OFFSET, self.incarnation(), FrameHeader.ORDER);
        header.putLong(FrameHeader.RECEIVER_INCARNATION_OFFSET, endpoint.incarnation(), FrameHeader.ORDER);
    }

    /** False when the queue is full. */
    boolean offer(final DirectBuffer frame, final int offset, final int length) {
        final int bodyOffset = offset + FrameHeader.HEADER_LENGTH;
        final int bodyLength = length - FrameHeader.HEADER_LENGTH;
        final OneToOneRingBuffer waiting = parkedFrames;
        if (waiting == null || waiting.size() == 0) {
            fillHeader(frame.getLong(offset), frame, bodyOffset, bodyLength);
            if (send(frame, bodyOffset, bodyLength)) {
                sequence++;
                return true;
            }
        }
        return park(frame, offset, bodyOffset, bodyLength);
    }

    /** Sends what waits, or a heartbeat where one is due. */
    int doWork(final long now) {
        nowNs = now;
        final OneToOneRingBuffer waiting = parkedFrames;
        if (waiting != null && waiting.size() > 0) {
            return waiting.controlledRead(flushOne, FLUSH_LIMIT);
        }
        return now - lastSentNs >= settings.heartbeatIntervalNs() && isConnected() ? heartbeat() : 0;
    }

    /** Brings the channel up, and says when it came or went. */
    int watch(final Aeron aeron, final long now) {
        nowNs = now;
        final int work = publication == null ? seekPublication(aeron) : 0;
        final boolean connected = isConnected();
        if (connected != wasConnected) {
            wasConnected = connected;
            silentSinceNs = nowNs;
            warned = false;
            if (connected) {
                problem = "";
            }
            LOG.info("{} {}", connected ? "connected to" : "lost the connection to", endpoint);
        } else if (!connected && !warned && nowNs - silentSinceNs > SILENCE_WARNING_NS) {
            warned = true;
            LOG.warn("{} has not answered on {} for {} s: is it up, and does the network let UDP through?", endpoint, channel,
                    SILENCE_WARNING_NS / 1_000_000_000L);
        }
        return work;
    }

    boolean isConnected() {
        final ExclusivePublication current = publication;
        return current != null && current.isConnected();
    }

    /**
     * Takes note of an accepted frame.
     *
     * @return false for a sequence that has been seen, where frames are authenticated: a replay. Without a tag the sequence proves
     *         nothing, and a single damaged one would make all later frames look old
     */
    boolean heard(final long frameSequence, final int length) {
        if (authenticator != null && frameSequence <= heardSequence) {
            return false;
        }
        if (heardSequence != 0 && frameSequence > heardSequence) {
            missing += frameSequence - heardSequence - 1;
        }
        heardSequence = frameSequence;
        lastHeardNs = nowNs;
        framesIn++;
        bytesIn += length;
        return true;
    }

    /** The receiving node itself stood still: that says nothing about its peers. */
    void forgive(final long pauseNs) {
        lastHeardNs += pauseNs;
    }

    boolean suspected(final long now) {
        return now - lastHeardNs > settings.suspectAfterNs();
    }

    long lastHeardNs() {
        return lastHeardNs;
    }

    /** Of the frame that was last accepted by {@link #offer}, or of a heartbeat since. */
    long lastSequence() {
        return sequence - 1;
    }

    int queuedBytes() {
        final OneToOneRingBuffer waiting = parkedFrames;
        return waiting == null ? 0 : waiting.size();
    }

    Endpoint endpoint() {
        return endpoint;
    }

    PeerCounters counters() {
        return new PeerCounters(framesIn, bytesIn, framesOut, bytesOut, parked, refused, expired, missing);
    }

    String describe() {
        return endpoint + " over " + channel + (isConnected() ? ": connected" : ": not connected")
                + (problem.isEmpty() ? "" : " (" + problem + ")");
    }

    /** The client that the publication belonged to is closed. */
    void forgetChannel() {
        publication = null;
        registrationId = Aeron.NULL_VALUE;
        askAgainNs = nowNs;
    }

    void close(final Aeron aeron) {
        final ExclusivePublication current = publication;
        if (current != null) {
            current.close();
        } else if (registrationId != Aeron.NULL_VALUE && !aeron.isClosed()) {
            aeron.asyncRemovePublication(registrationId);
        }
        forgetChannel();
        parkedFrames = null;
    }

    private void fillHeader(final long typeAndLength, final DirectBuffer body, final int bodyOffset, final int bodyLength) {
        header.putLong(0, typeAndLength);
        header.putLong(FrameHeader.SEQUENCE_OFFSET, sequence, FrameHeader.ORDER);
        final FrameAuthenticator signer = authenticator;
        if (signer != null) {
            header.putShort(FrameHeader.FLAGS_OFFSET,
                    (short) (header.getShort(FrameHeader.FLAGS_OFFSET, FrameHeader.ORDER) | FrameHeader.AUTHENTICATED_FLAG),
                    FrameHeader.ORDER);
            signer.sign(header, body, bodyOffset, bodyLength);
        }
    }

    private boolean send(final DirectBuffer body, final int bodyOffset, final int bodyLength) {
        final ExclusivePublication current = publication;
        if (current == null) {
            return false;
        }
        long position = current.offer(header, 0, FrameHeader.HEADER_LENGTH, body, bodyOffset, bodyLength, null);
        if (position == Publication.ADMIN_ACTION) {
            // The log has turned to its next term, which happens once a term: no reason to make a queue.
            position = current.offer(header, 0, FrameHeader.HEADER_LENGTH, body, bodyOffset, bodyLength, null);
        }
        return sent(position, FrameHeader.HEADER_LENGTH + bodyLength);
    }

    private boolean sent(final long position, final int length) {
        if (position > 0) {
            lastSentNs = nowNs;
            framesOut++;
            bytesOut += length;
            return true;
        }
        if (position == Publication.CLOSED || position == Publication.MAX_POSITION_EXCEEDED) {
            problem = "the publication was " + Publication.errorString(position);
            forgetChannel();
        }
        return false;
    }

    private boolean park(final DirectBuffer frame, final int offset, final int bodyOffset, final int bodyLength) {
        OneToOneRingBuffer waiting = parkedFrames;
        if (waiting == null) {
            waiting = new OneToOneRingBuffer(new UnsafeBuffer(ByteBuffer.allocateDirect(
                    settings.peerQueueLength() + RingBufferDescriptor.TRAILER_LENGTH)));
            parkedFrames = waiting;
        }
        final int index = waiting.tryClaim(PARKED_MESSAGE, PARKED_TIME_LENGTH + FrameHeader.HEADER_LENGTH + bodyLength);
        if (index < 0) {
            refused++;
            return false;
        }
        fillHeader(frame.getLong(offset), frame, bodyOffset, bodyLength);
        final UnsafeBuffer target = (UnsafeBuffer) waiting.buffer();
        target.putLong(index, nowNs);
        target.putBytes(index + PARKED_TIME_LENGTH, header, 0, FrameHeader.HEADER_LENGTH);
        target.putBytes(index + PARKED_TIME_LENGTH + FrameHeader.HEADER_LENGTH, frame, bodyOffset, bodyLength);
        waiting.commit(index);
        parked++;
        sequence++;
        return true;
    }

    private ControlledMessageHandler.Action flushOne(final int type, final MutableDirectBuffer buffer, final int index,
            final int length) {
        if (nowNs - buffer.getLong(index) > settings.parkDeadlineNs()) {
            expired++;
            return ControlledMessageHandler.Action.CONTINUE;
        }
        final ExclusivePublication current = publication;
        final int frameLength = length - PARKED_TIME_LENGTH;
        return current != null && sent(current.offer(buffer, index + PARKED_TIME_LENGTH, frameLength), frameLength)
                ? ControlledMessageHandler.Action.CONTINUE
                : ControlledMessageHandler.Action.ABORT;
    }

    private int heartbeat() {
        fillHeader(HEARTBEAT.getLong(0), HEARTBEAT, HeartbeatFrame.FRAME_LENGTH, 0);
        if (!send(HEARTBEAT, HeartbeatFrame.FRAME_LENGTH, 0)) {
            return 0;
        }
        sequence++;
        return 1;
    }

    private int seekPublication(final Aeron aeron) {
        try {
            if (registrationId != Aeron.NULL_VALUE) {
                final ExclusivePublication answered = aeron.getExclusivePublication(registrationId);
                publication = answered;
                return answered == null ? 0 : 1;
            }
            if (nowNs - askAgainNs >= 0) {
                registrationId = aeron.asyncAddExclusivePublication(channel, endpoint.ipcStreamId());
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
}
