package io.drover.streams;

import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

import org.agrona.CloseHelper;
import org.agrona.concurrent.AgentTerminationException;
import org.agrona.concurrent.NoOpLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.aeron.Aeron;
import io.aeron.ChannelUriStringBuilder;
import io.aeron.CommonContext;
import io.aeron.FragmentAssembler;
import io.aeron.Subscription;
import io.aeron.exceptions.AeronException;
import io.aeron.status.ChannelEndpointStatus;

/**
 * A node's Aeron client, whose conductor the node's own thread drives, and what it listens on.
 *
 * @param aeron         the client
 * @param driver        that the client talks to
 * @param self          the node with its host id, stream and port
 * @param ipc           frames from nodes of this driver
 * @param udp           frames from elsewhere
 * @param ipcBackground what may wait, from nodes of this driver
 * @param udpBackground what may wait, from elsewhere
 */
record Channels(Aeron aeron, MediaDriverHost.DriverIdentity driver, Endpoint self, Subscription ipc, Subscription udp,
        Subscription ipcBackground, Subscription udpBackground)
        implements
            AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Channels.class);
    private static final int STREAM_BIT = 1 << 30;

    static Channels open(final DataPlaneSettings settings, final Endpoint wanted, final FragmentAssembler ipcFrames,
            final FragmentAssembler udpFrames) {
        final AtomicReference<String> lastError = new AtomicReference<>("");
        final Aeron aeron = connect(settings, wanted, lastError);
        try {
            final MediaDriverHost.DriverIdentity driver = MediaDriverHost.DriverIdentity.read(settings.aeronDirectory());
            // A stream of its own for each start: what a dead incarnation left in the driver then never holds up the next.
            final int stream = wanted.ipcStreamId() != 0
                    ? wanted.ipcStreamId()
                    : STREAM_BIT | (int) aeron.nextCorrelationId() & STREAM_BIT - 1;
            final Subscription ipc = aeron.addSubscription(CommonContext.IPC_CHANNEL, stream, null,
                    image -> ipcFrames.freeSessionBuffer(image.sessionId()));
            // A port that is still to be chosen can be shared by name only.
            final String portTag = Long.toString(aeron.nextCorrelationId());
            final String address = new ChannelUriStringBuilder().media(CommonContext.UDP_MEDIA)
                    .tags(portTag)
                    .endpoint(wanted.udpAddress())
                    .build();
            final Subscription udp = aeron.addSubscription(address, stream, null,
                    image -> udpFrames.freeSessionBuffer(image.sessionId()));
            final String resolved = awaitAddress(aeron, udp, wanted, settings, lastError);
            final Endpoint self = new Endpoint(wanted.nodeId(), wanted.incarnation(), wanted.name(),
                    wanted.hostId().isEmpty() ? hostId(settings, driver) : wanted.hostId(), resolved, stream);
            final Subscription ipcBackground = aeron.addSubscription(CommonContext.IPC_CHANNEL, self.backgroundStreamId(), null,
                    image -> ipcFrames.freeSessionBuffer(image.sessionId()));
            final String samePort = new ChannelUriStringBuilder().media(CommonContext.UDP_MEDIA).tags(portTag).build();
            final Subscription udpBackground = aeron.addSubscription(samePort, self.backgroundStreamId(), null,
                    image -> udpFrames.freeSessionBuffer(image.sessionId()));
            return new Channels(aeron, driver, self, ipc, udp, ipcBackground, udpBackground);
        } catch (final AeronException e) {
            CloseHelper.quietClose(aeron);
            throw new IllegalStateException(wanted + " cannot listen: " + e.getMessage(), e);
        } catch (final RuntimeException e) {
            CloseHelper.quietClose(aeron);
            throw e;
        }
    }

    @Override
    public void close() {
        CloseHelper.closeAll(ipc, udp, ipcBackground, udpBackground, aeron);
    }

    private static Aeron connect(final DataPlaneSettings settings, final Endpoint wanted,
            final AtomicReference<String> lastError) {
        if (settings.aeronDirectory().isEmpty()) {
            throw new IllegalStateException(
                    "drover.streams.aeron-directory is empty; expected the directory of a running media driver");
        }
        final long timeoutMs = TimeUnit.NANOSECONDS.toMillis(settings.driverTimeoutNs());
        try {
            return Aeron.connect(new Aeron.Context().aeronDirectoryName(settings.aeronDirectory())
                    .clientName("drover-" + wanted.nodeId())
                    .useConductorAgentInvoker(true)
                    .clientLock(NoOpLock.INSTANCE)
                    .driverTimeoutMs(timeoutMs)
                    .errorHandler(error -> report(wanted, error, lastError)));
        } catch (final AeronException e) {
            throw new IllegalStateException("no media driver answered in " + settings.aeronDirectory() + " within " + timeoutMs
                    + " ms; start one, or correct drover.streams.aeron-directory (" + e.getMessage() + ")", e);
        }
    }

    private static void report(final Endpoint node, final Throwable error, final AtomicReference<String> lastError) {
        if (error instanceof AgentTerminationException) {
            // Follows the error that ended the client.
            return;
        }
        final String message = error.getMessage() == null ? error.toString() : error.getMessage();
        lastError.set(message);
        LOG.warn("data plane of {}: {}", node, message);
    }

    private static String awaitAddress(final Aeron aeron, final Subscription udp, final Endpoint wanted,
            final DataPlaneSettings settings, final AtomicReference<String> lastError) {
        final long startNs = System.nanoTime();
        while (true) {
            aeron.conductorAgentInvoker().invoke();
            final String resolved = udp.resolvedEndpoint();
            if (resolved != null && udp.channelStatus() == ChannelEndpointStatus.ACTIVE) {
                return resolved;
            }
            if (udp.channelStatus() == ChannelEndpointStatus.ERRORED
                    || System.nanoTime() - startNs > settings.driverTimeoutNs()) {
                throw new IllegalStateException(wanted + " cannot listen on UDP " + wanted.udpAddress()
                        + ": is the port in use, or the address not of this host? " + lastError.get());
            }
            Thread.onSpinWait();
            Thread.yield();
        }
    }

    /** Names the running driver rather than its directory: a directory may be used again, or be another container's. */
    private static String hostId(final DataPlaneSettings settings, final MediaDriverHost.DriverIdentity driver) {
        try {
            return InetAddress.getLocalHost().getHostName() + ":" + new File(settings.aeronDirectory()).getCanonicalPath() + ":"
                    + driver.startMs() + ":" + driver.pid();
        } catch (final UnknownHostException e) {
            return "localhost:" + settings.aeronDirectory() + ":" + driver.startMs() + ":" + driver.pid();
        } catch (final IOException e) {
            throw new IllegalStateException("cannot resolve the directory " + settings.aeronDirectory(), e);
        }
    }
}
