package io.drover.streams;

import org.agrona.DirectBuffer;
import org.agrona.collections.Int2ObjectHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.aeron.logbuffer.FragmentHandler;
import io.aeron.logbuffer.Header;

/** Judges each received frame: hands it on, or drops and counts it. No content makes it throw. */
final class Inbound implements FragmentHandler {
    private static final Logger LOG = LoggerFactory.getLogger(Inbound.class);
    private static final FrameHandler IGNORE = (from, type, buffer, offset, length) -> {};

    private final Int2ObjectHashMap<Peer> peers;
    private final int largestFrameLength;
    private final long incarnation;
    private final @Nullable FrameAuthenticator authenticator;
    private FrameHandler handler = IGNORE;
    private boolean background;

    private long malformed;
    private long wrongVersion;
    private long unknown;
    private long stale;
    private long unauthenticated;
    private long failed;

    Inbound(final Int2ObjectHashMap<Peer> peers, final int largestFrameLength, final long incarnation,
            final @Nullable FrameAuthenticator authenticator) {
        this.peers = peers;
        this.largestFrameLength = largestFrameLength;
        this.incarnation = incarnation;
        this.authenticator = authenticator;
    }

    /** Who is given the next frames, and whether they come from the streams of the background. */
    void handler(final FrameHandler next, final boolean fromBackground) {
        handler = next;
        background = fromBackground;
    }

    @Override
    public void onFragment(final DirectBuffer buffer, final int offset, final int length, final Header aeronHeader) {
        if (length > largestFrameLength || !FrameValidator.hasHeader(buffer, offset, length)) {
            malformed++;
            return;
        }
        if (!FrameValidator.hasVersion(buffer, offset)) {
            wrongVersion++;
            return;
        }
        final int from = buffer.getInt(offset + FrameHeader.SENDER_NODE_OFFSET, FrameHeader.ORDER);
        final Peer peer = peers.get(from);
        final long sender = buffer.getLong(offset + FrameHeader.SENDER_INCARNATION_OFFSET, FrameHeader.ORDER);
        if (peer == null || sender > peer.endpoint().incarnation()) {
            unknown++;
            return;
        }
        final long receiver = buffer.getLong(offset + FrameHeader.RECEIVER_INCARNATION_OFFSET, FrameHeader.ORDER);
        if (sender < peer.endpoint().incarnation() || receiver != incarnation) {
            stale++;
            return;
        }
        if (!isAuthentic(buffer, offset, length)) {
            unauthenticated++;
            return;
        }
        if (!FrameValidator.hasBody(buffer, offset, length) || !belongsHere(buffer.getByte(offset + FrameHeader.TYPE_OFFSET))) {
            malformed++;
            return;
        }
        if (!peer.heard(buffer.getLong(offset + FrameHeader.SEQUENCE_OFFSET, FrameHeader.ORDER), length, background)) {
            stale++;
            return;
        }
        handOn(from, buffer, offset, length);
    }

    /** A frame that was recorded on one stream proves nothing on another. */
    private boolean belongsHere(final int type) {
        return background == (type == FrameType.KV_PAGE || type == FrameType.KV_RELEASE);
    }

    DropCounters counters() {
        return new DropCounters(malformed, wrongVersion, unknown, stale, unauthenticated, failed);
    }

    private boolean isAuthentic(final DirectBuffer buffer, final int offset, final int length) {
        final FrameAuthenticator verifier = authenticator;
        if (verifier == null) {
            return true;
        }
        final int flags = buffer.getShort(offset + FrameHeader.FLAGS_OFFSET, FrameHeader.ORDER);
        return (flags & FrameHeader.AUTHENTICATED_FLAG) != 0 && verifier.verify(buffer, offset, length);
    }

    private void handOn(final int from, final DirectBuffer buffer, final int offset, final int length) {
        final int type = buffer.getByte(offset + FrameHeader.TYPE_OFFSET) & 0xff;
        if (type == FrameType.HEARTBEAT) {
            return;
        }
        try {
            handler.onFrame(from, type, buffer, offset, length);
        } catch (final RuntimeException e) {
            failed++;
            LOG.error("a {} frame of {} bytes from node {} could not be handled", FrameType.nameOf(type), length, from, e);
        }
    }
}
