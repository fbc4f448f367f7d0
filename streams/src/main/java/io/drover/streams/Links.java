package io.drover.streams;

import java.util.concurrent.locks.LockSupport;

import org.agrona.CloseHelper;
import org.agrona.DirectBuffer;
import org.agrona.collections.Int2ObjectHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.aeron.ChannelUriStringBuilder;
import io.aeron.CommonContext;
import io.aeron.FragmentAssembler;

/**
 * A node's data plane: frames to and from each peer, over shared memory within a host and UDP between hosts.
 *
 * <p>
 * Delivery is at most once and in order for each peer: a frame that was accepted is lost when its peer goes, when it has
 * waited for {@code park-deadline}, or when the channel is torn down. Who needs an answer keeps a deadline; call frames are
 * acknowledged by the receiver's engine.
 *
 * <p>
 * Used by one thread, the node's engine, which calls {@link #doWork} and {@link #poll} in each of its turns. Nothing here
 * waits after {@link #open}, and no frame costs an allocation.
 */
public final class Links implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Links.class);

    /** A datagram's payload that every Ethernet carries whole, and one for loopback. */
    private static final int NETWORK_MTU = 1408;
    private static final int LOOPBACK_MTU = 16 << 10;
    private static final int MTU_ALIGNMENT = 32;
    /** News of the driver is rare, and looking for it costs as much as a frame. */
    private static final long CONDUCT_INTERVAL_NS = 50_000;
    /** A driver that lives says so every second. It was silent for long already: a node that waits for it serves nothing meanwhile. */
    private static final long DRIVER_RETURN_NS = 3_000_000_000L;
    private static final long DRIVER_POLL_NS = 10_000_000;

    private final DataPlaneSettings settings;
    private final @Nullable FrameAuthenticator authenticator;
    private final Int2ObjectHashMap<Peer> peers;
    private final Inbound inbound;
    private final FragmentAssembler ipcFrames;
    private final FragmentAssembler udpFrames;
    private Channels channels;
    private Peer[] peerList = {};
    private LossCounters lostWithPeers = LossCounters.NONE;
    private long nowNs;
    private long conductedNs;
    private long firstSequence = 1;
    private long endedBytes;
    private boolean udpFirst;
    private boolean closed;

    private Links(final DataPlaneSettings settings, final @Nullable FrameAuthenticator authenticator, final Channels channels,
            final Int2ObjectHashMap<Peer> peers, final Inbound inbound, final FragmentAssembler ipcFrames,
            final FragmentAssembler udpFrames, final long nowNs) {
        this.settings = settings;
        this.authenticator = authenticator;
        this.channels = channels;
        this.peers = peers;
        this.inbound = inbound;
        this.nowNs = nowNs;
        conductedNs = nowNs - CONDUCT_INTERVAL_NS;
        this.ipcFrames = ipcFrames;
        this.udpFrames = udpFrames;
    }

    /**
     * Connects to the media driver and listens. The only call that waits: for the driver, at most {@code driver-timeout}.
     *
     * @param self  usually {@link Endpoint#unresolved}; {@link #self()} then tells the host id, the stream and the port
     * @param nowNs the time on the clock that {@link #doWork} will be given
     * @throws IllegalStateException    where no driver answers, or the UDP address cannot be listened on
     * @throws IllegalArgumentException where the shared secret is configured but not in the environment
     */
    public static Links open(final DataPlaneSettings settings, final Endpoint self, final long nowNs) {
        return open(settings, self, nowNs, FrameAuthenticator.from(settings.sharedSecretEnv(), System.getenv()));
    }

    static Links open(final DataPlaneSettings settings, final Endpoint self, final long nowNs,
            final @Nullable FrameAuthenticator authenticator) {
        final Int2ObjectHashMap<Peer> peers = new Int2ObjectHashMap<>();
        final Inbound inbound = new Inbound(peers, settings.largestFrameLength(), self.incarnation(), authenticator);
        final FragmentAssembler ipcFrames = new FragmentAssembler(inbound);
        final FragmentAssembler udpFrames = new FragmentAssembler(inbound);
        return new Links(settings, authenticator, Channels.open(settings, self, ipcFrames, udpFrames), peers, inbound, ipcFrames,
                udpFrames, nowNs);
    }

    /** This node as its peers are to know it. */
    public Endpoint self() {
        return channels.self();
    }

    /**
     * Begins to talk to a peer. The channel comes up in later turns; until then its frames wait. An earlier incarnation of
     * the same node is replaced and its waiting frames are dropped; a call with the current one or an earlier one changes nothing.
     */
    public void connect(final Endpoint peer) {
        if (closed) {
            return;
        }
        if (peer.nodeId() == self().nodeId()) {
            throw new IllegalArgumentException(peer + " is this node");
        }
        final Peer known = peers.get(peer.nodeId());
        if (known != null) {
            if (known.endpoint().incarnation() >= peer.incarnation()) {
                return;
            }
            remove(known);
        }
        peers.put(peer.nodeId(), new Peer(self(), peer, channelTo(peer, settings.termLength()),
                channelTo(peer, DataPlaneSettings.BACKGROUND_TERM_LENGTH), settings, authenticator, firstSequence, nowNs));
        listPeers();
    }

    /** Stops talking to a peer; its waiting frames are dropped. */
    public void disconnect(final int nodeId) {
        final Peer peer = peers.get(nodeId);
        if (peer != null) {
            remove(peer);
            listPeers();
        }
    }

    /**
     * Sends a frame, or lets it wait in that peer's queue while Aeron refuses it. The bytes are copied: the buffer is free
     * again. The header's sender, receiver, sequence and tag are filled in on the way.
     *
     * @param buffer with a frame at {@code offset}; it is not written to
     * @param length of the frame, header included: {@link FrameHeader#encodedLength()}
     * @return false where there is no such peer or its queue is full; the frame is then gone and no sequence was used
     * @throws IllegalArgumentException where the length is not that of a frame
     */
    public boolean offer(final int nodeId, final DirectBuffer buffer, final int offset, final int length) {
        requireLength(length, settings.largestFrameLength());
        final Peer peer = peers.get(nodeId);
        return peer != null && peer.offer(buffer, offset, length);
    }

    /**
     * Sends a frame of a type that may wait, on a log of its own: no frame of {@link #offer} waits behind it, and it is never queued
     * here. The log to a peer is opened with the first such frame.
     *
     * @param length at most {@link #largestBackgroundFrame()}
     * @return false where there is no such peer or Aeron does not take it now; the frame is then gone
     * @throws IllegalArgumentException where the length is not that of such a frame
     */
    public boolean offerInBackground(final int nodeId, final DirectBuffer buffer, final int offset, final int length) {
        requireLength(length, settings.largestBackgroundFrame());
        final Peer peer = peers.get(nodeId);
        return peer != null && peer.offerInBackground(buffer, offset, length);
    }

    /** Bytes of the largest frame that {@link #offerInBackground} takes. */
    public int largestBackgroundFrame() {
        return settings.largestBackgroundFrame();
    }

    private static void requireLength(final int length, final int largest) {
        if (length < FrameHeader.HEADER_LENGTH || length > largest) {
            throw new IllegalArgumentException("a frame of " + length + " bytes; expected " + FrameHeader.HEADER_LENGTH + " to "
                    + largest + " (drover.streams.largest-frame)");
        }
    }

    /** The sequence that the last frame to this peer has: ask right after {@link #offer}. 0 where there is no such peer. */
    public long lastSequence(final int nodeId) {
        final Peer peer = peers.get(nodeId);
        return peer == null ? 0 : peer.lastSequence();
    }

    /**
     * Hands received frames to the handler.
     *
     * @param fragmentLimit Aeron fragments to take from each of shared memory and UDP; a frame above the MTU is several
     * @return fragments taken
     */
    public int poll(final FrameHandler handler, final int fragmentLimit) {
        inbound.handler(handler, false);
        udpFirst = !udpFirst;
        if (udpFirst) {
            return channels.udp().poll(udpFrames, fragmentLimit) + channels.ipc().poll(ipcFrames, fragmentLimit);
        }
        return channels.ipc().poll(ipcFrames, fragmentLimit) + channels.udp().poll(udpFrames, fragmentLimit);
    }

    /** Hands received frames of {@link #offerInBackground} to the handler; otherwise as {@link #poll}. */
    public int pollBackground(final FrameHandler handler, final int fragmentLimit) {
        inbound.handler(handler, true);
        return channels.ipcBackground().poll(ipcFrames, fragmentLimit)
                + channels.udpBackground().poll(udpFrames, fragmentLimit);
    }

    /**
     * One turn: brings channels up, sends what waits, and heartbeats that are due. A node that stood still for longer than
     * {@code driver.client-liveness} has been forgotten by the driver and registers again, which takes some milliseconds; what was on
     * its way to it is lost.
     *
     * @throws IllegalStateException where the media driver is gone or another: the node must be started anew
     */
    public int doWork(final long now) {
        if (closed) {
            return 0;
        }
        final long pauseNs = now - nowNs;
        if (pauseNs > settings.suspectAfterNs() / 2) {
            for (final Peer peer : peerList) {
                peer.forgive(pauseNs);
            }
        }
        nowNs = now;
        int work = 0;
        if (now - conductedNs >= CONDUCT_INTERVAL_NS) {
            conductedNs = now;
            work = conduct();
        }
        for (final Peer peer : peerList) {
            work += peer.doWork(now);
        }
        return work;
    }

    /** When a frame of this peer was last accepted; when it was connected where none was. 0 where there is no such peer. */
    public long lastHeardNs(final int nodeId) {
        final Peer peer = peers.get(nodeId);
        return peer == null ? 0 : peer.lastHeardNs();
    }

    /** Whether the peer was silent for {@code suspect-after}, or is no peer. */
    public boolean suspected(final int nodeId, final long now) {
        final Peer peer = peers.get(nodeId);
        return peer == null || peer.suspected(now);
    }

    /** Bytes that wait for this peer. */
    public int queuedBytes(final int nodeId) {
        final Peer peer = peers.get(nodeId);
        return peer == null ? 0 : peer.queuedBytes();
    }

    /** Whether the peer listens on our channel to it. */
    public boolean isConnected(final int nodeId) {
        final Peer peer = peers.get(nodeId);
        return peer != null && peer.isConnected();
    }

    /** One line for people: who the peer is, the channel to it, and what is wrong with that. */
    public String describe(final int nodeId) {
        final Peer peer = peers.get(nodeId);
        return peer == null ? "node " + nodeId + " is no peer" : peer.describe();
    }

    /** Null where there is no such peer. A peer's counts begin anew with each incarnation. */
    public @Nullable PeerCounters counters(final int nodeId) {
        final Peer peer = peers.get(nodeId);
        return peer == null ? null : peer.counters();
    }

    /** Bytes of frames handed to Aeron since {@link #open}, those to peers that are gone included. */
    public long sentBytes() {
        long sent = endedBytes;
        for (final Peer peer : peerList) {
            sent += peer.counters().bytesOut();
        }
        return sent;
    }

    /** What was received and not handed on. */
    public DropCounters drops() {
        return inbound.counters();
    }

    /** Frames that were lost since {@link #open}. */
    public LossCounters losses() {
        LossCounters losses = lostWithPeers;
        for (final Peer peer : peerList) {
            losses = losses.plus(peer.counters());
        }
        return losses;
    }

    /** Leaves the driver. Frames that wait are dropped; later calls do nothing. */
    @Override
    public void close() {
        closed = true;
        for (final Peer peer : peerList) {
            endedBytes += peer.counters().bytesOut();
            peer.close(channels.aeron());
        }
        peers.clear();
        listPeers();
        CloseHelper.close(channels);
        ipcFrames.clear();
        udpFrames.clear();
    }

    private int conduct() {
        int work = channels.aeron().conductorAgentInvoker().invoke();
        if (channels.aeron().isClosed()) {
            reopen();
        }
        for (final Peer peer : peerList) {
            work += peer.watch(channels.aeron(), nowNs);
        }
        return work;
    }

    private void reopen() {
        final Channels former = channels;
        LOG.warn("the media driver in {} has forgotten {}; registering again", settings.aeronDirectory(), self());
        for (final Peer peer : peerList) {
            peer.forgetChannel();
        }
        CloseHelper.quietClose(former);
        ipcFrames.clear();
        udpFrames.clear();
        awaitDriver();
        try {
            channels = Channels.open(settings, former.self(), ipcFrames, udpFrames);
        } catch (final IllegalStateException e) {
            throw new IllegalStateException("the media driver in " + settings.aeronDirectory() + " is gone: " + e.getMessage(),
                    e);
        }
        if (!channels.driver().equals(former.driver())) {
            close();
            throw new IllegalStateException("the media driver in " + settings.aeronDirectory()
                    + " is gone and another took its place; start this node anew");
        }
    }

    private void awaitDriver() {
        final long startNs = System.nanoTime();
        while (!MediaDriverHost.isAlive(settings)) {
            if (System.nanoTime() - startNs > Math.min(settings.driverTimeoutNs(), DRIVER_RETURN_NS)) {
                throw new IllegalStateException(
                        "the media driver in " + settings.aeronDirectory() + " is gone: it was not heard for "
                                + settings.driverTimeoutNs() / 1_000_000 + " ms");
            }
            LockSupport.parkNanos(DRIVER_POLL_NS);
        }
    }

    private void remove(final Peer peer) {
        lostWithPeers = lostWithPeers.plus(peer.counters());
        peers.remove(peer.endpoint().nodeId());
        firstSequence = Math.max(firstSequence, peer.highestSequence() + 1);
        endedBytes += peer.counters().bytesOut();
        peer.close(channels.aeron());
    }

    private void listPeers() {
        peerList = peers.values().toArray(new Peer[0]);
    }

    private String channelTo(final Endpoint peer, final int termLength) {
        final ChannelUriStringBuilder channel = new ChannelUriStringBuilder().termLength(termLength);
        final int longestFragment = termLength / DataPlaneSettings.MESSAGES_PER_TERM / MTU_ALIGNMENT * MTU_ALIGNMENT;
        if (peer.hostId().equals(self().hostId())) {
            return channel.media(CommonContext.IPC_MEDIA).mtu(Math.min(DataPlaneSettings.MTU_MAX, longestFragment)).build();
        }
        final int mtu = settings.mtuLength() != 0 ? settings.mtuLength() : peer.isLoopback() ? LOOPBACK_MTU : NETWORK_MTU;
        return channel.media(CommonContext.UDP_MEDIA).endpoint(peer.udpAddress()).mtu(Math.min(mtu, longestFragment)).build();
    }
}
