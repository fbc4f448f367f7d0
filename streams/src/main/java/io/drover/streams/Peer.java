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

/**
 * One peer's side of {@link Links}: the publication to it, the frames that wait for it, and when it was last heard. Nothing
 * here waits, so no peer delays another.
 *
 * <pre>
 *  outlet        the publication of tokens and calls is asked for at connect, that of the background with its first frame
 *  frame         handed to Aeron, or parked behind those that are parked already; refused when the queue is full
 *  parked frame  handed to Aeron in order, or dropped at its deadline
 *  background    a log of its own, so that no other frame waits behind it; refused while Aeron does not take it
 * </pre>
 */
final class Peer {
    private static final Logger LOG = LoggerFactory.getLogger(Peer.class);
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
    private final String backgroundChannel;
    private final DataPlaneSettings settings;
    private final @Nullable FrameAuthenticator authenticator;
    private final UnsafeBuffer header = new UnsafeBuffer(ByteBuffer.allocateDirect(FrameHeader.HEADER_LENGTH));
    private final ControlledMessageHandler flushOne = this::flushOne;

    private @Nullable OneToOneRingBuffer parkedFrames;
    private final Outlet outlet;
    private @Nullable Outlet background;
    private long silentSinceNs;
    private boolean wasConnected;
    private boolean warned;

    private long nowNs;
    private long lastSentNs;
    private long lastHeardNs;
    private long sequence;
    private long heardSequence;
    private long backgroundSequence;
    private long heardBackgroundSequence;

    private long framesIn;
    private long bytesIn;
    private long framesOut;
    private long bytesOut;
    private long parked;
    private long refused;
    private long expired;
    private long missing;

    Peer(final Endpoint self, final Endpoint endpoint, final String channel, final String backgroundChannel,
            final DataPlaneSettings settings, final @Nullable FrameAuthenticator authenticator, final long firstSequence,
            final long nowNs) {
        this.endpoint = endpoint;
        this.backgroundChannel = backgroundChannel;
        this.settings = settings;
        this.authenticator = authenticator;
        outlet = new Outlet(endpoint, channel, endpoint.ipcStreamId(), nowNs);
        sequence = firstSequence;
        backgroundSequence = firstSequence;
        this.nowNs = nowNs;
        lastHeardNs = nowNs;
        lastSentNs = nowNs - settings.heartbeatIntervalNs();
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
            fillHeader(sequence, frame.getLong(offset), frame, bodyOffset, bodyLength);
            if (send(frame, bodyOffset, bodyLength)) {
                sequence++;
                return true;
            }
        }
        return park(frame, offset, bodyOffset, bodyLength);
    }

    /** False while Aeron does not take it: nothing of the background waits here. */
    boolean offerInBackground(final DirectBuffer frame, final int offset, final int length) {
        Outlet lane = background;
        if (lane == null) {
            lane = new Outlet(endpoint, backgroundChannel, endpoint.backgroundStreamId(), nowNs);
            background = lane;
        }
        if (!lane.isConnected()) {
            return false;
        }
        final int bodyOffset = offset + FrameHeader.HEADER_LENGTH;
        final int bodyLength = length - FrameHeader.HEADER_LENGTH;
        fillHeader(backgroundSequence, frame.getLong(offset), frame, bodyOffset, bodyLength);
        if (!lane.offer(header, frame, bodyOffset, bodyLength, nowNs)) {
            return false;
        }
        backgroundSequence++;
        framesOut++;
        bytesOut += length;
        return true;
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
        final Outlet lane = background;
        final int work = outlet.seek(aeron, nowNs) + (lane == null ? 0 : lane.seek(aeron, nowNs));
        final boolean connected = isConnected();
        if (connected != wasConnected) {
            wasConnected = connected;
            silentSinceNs = nowNs;
            warned = false;
            if (connected) {
                outlet.nowConnected();
            }
            LOG.info("{} {}", connected ? "connected to" : "lost the connection to", endpoint);
        } else if (!connected && !warned && nowNs - silentSinceNs > SILENCE_WARNING_NS) {
            warned = true;
            LOG.warn("{} has not answered on {} for {} s: is it up, and does the network let UDP through?", endpoint,
                    outlet.channel(),
                    SILENCE_WARNING_NS / 1_000_000_000L);
        }
        return work;
    }

    boolean isConnected() {
        return outlet.isConnected();
    }

    /**
     * Takes note of an accepted frame.
     *
     * @return false for a sequence that has been seen, where frames are authenticated: a replay. Without a tag the sequence proves
     *         nothing, and a single damaged one would make all later frames look old
     */
    boolean heard(final long frameSequence, final int length, final boolean inBackground) {
        final long before = inBackground ? heardBackgroundSequence : heardSequence;
        if (authenticator != null && frameSequence <= before) {
            return false;
        }
        if (before != 0 && frameSequence > before) {
            missing += frameSequence - before - 1;
        }
        if (inBackground) {
            heardBackgroundSequence = frameSequence;
        } else {
            heardSequence = frameSequence;
        }
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

    /** The highest that a frame to this peer had, in the background or not. */
    long highestSequence() {
        return Math.max(sequence, backgroundSequence) - 1;
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
        return endpoint + " over " + outlet.channel() + (isConnected() ? ": connected" : ": not connected")
                + (outlet.problem().isEmpty() ? "" : " (" + outlet.problem() + ")");
    }

    /** The client that the publications belonged to is closed. */
    void forgetChannel() {
        outlet.forget(nowNs);
        background = null;
    }

    void close(final Aeron aeron) {
        outlet.close(aeron, nowNs);
        final Outlet lane = background;
        if (lane != null) {
            lane.close(aeron, nowNs);
        }
        background = null;
        parkedFrames = null;
    }

    private void fillHeader(final long frameSequence, final long typeAndLength, final DirectBuffer body, final int bodyOffset,
            final int bodyLength) {
        header.putLong(0, typeAndLength);
        header.putLong(FrameHeader.SEQUENCE_OFFSET, frameSequence, FrameHeader.ORDER);
        final FrameAuthenticator signer = authenticator;
        if (signer != null) {
            header.putShort(FrameHeader.FLAGS_OFFSET,
                    (short) (header.getShort(FrameHeader.FLAGS_OFFSET, FrameHeader.ORDER) | FrameHeader.AUTHENTICATED_FLAG),
                    FrameHeader.ORDER);
            signer.sign(header, body, bodyOffset, bodyLength);
        }
    }

    private boolean send(final DirectBuffer body, final int bodyOffset, final int bodyLength) {
        return outlet.offer(header, body, bodyOffset, bodyLength, nowNs) && sent(FrameHeader.HEADER_LENGTH + bodyLength);
    }

    private boolean sent(final int length) {
        lastSentNs = nowNs;
        framesOut++;
        bytesOut += length;
        return true;
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
        fillHeader(sequence, frame.getLong(offset), frame, bodyOffset, bodyLength);
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
        final int frameLength = length - PARKED_TIME_LENGTH;
        return outlet.offer(buffer, index + PARKED_TIME_LENGTH, frameLength, nowNs) && sent(frameLength)
                ? ControlledMessageHandler.Action.CONTINUE
                : ControlledMessageHandler.Action.ABORT;
    }

    private int heartbeat() {
        fillHeader(sequence, HEARTBEAT.getLong(0), HEARTBEAT, HeartbeatFrame.FRAME_LENGTH, 0);
        if (!send(HEARTBEAT, HeartbeatFrame.FRAME_LENGTH, 0)) {
            return 0;
        }
        sequence++;
        return 1;
    }
}
