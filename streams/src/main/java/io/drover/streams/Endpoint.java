package io.drover.streams;

import java.util.Objects;

/**
 * Where a node's data plane is reached. Plain values: it also travels in control messages.
 *
 * @param nodeId      of the node, at least 0
 * @param incarnation rises with every start of the node
 * @param name        for people
 * @param hostId      equal for two nodes exactly if they use the same live media driver: they talk over shared memory
 * @param udpAddress  {@code host:port}
 * @param ipcStreamId the Aeron stream that the node listens on, over shared memory and UDP alike
 */
public record Endpoint(int nodeId, long incarnation, String name, String hostId, String udpAddress, int ipcStreamId) {

    public Endpoint {
        Objects.requireNonNull(name);
        Objects.requireNonNull(hostId);
        Objects.requireNonNull(udpAddress);
        if (nodeId < 0) {
            throw new IllegalArgumentException("a node id is at least 0, not " + nodeId);
        }
        portOf(udpAddress);
    }

    /**
     * This node before it has a driver: {@link Links#open} chooses host id and stream, and a port where it is 0.
     * {@link Links#self()} is what to tell the peers.
     */
    public static Endpoint unresolved(final int nodeId, final long incarnation, final String name, final String udpAddress) {
        return new Endpoint(nodeId, incarnation, name, "", udpAddress, 0);
    }

    /** The port of {@link #udpAddress}. */
    public int port() {
        return portOf(udpAddress);
    }

    /** The stream of what may wait: no frame of the other stream waits behind it. */
    int backgroundStreamId() {
        return ipcStreamId ^ Integer.MIN_VALUE;
    }

    /** Whether the address is this host's own, for every host. */
    boolean isLoopback() {
        return udpAddress.startsWith("127.") || udpAddress.startsWith("localhost:") || udpAddress.startsWith("[::1]:");
    }

    @Override
    public String toString() {
        return "node " + nodeId + " (" + name + ") at " + udpAddress + ", incarnation " + incarnation;
    }

    private static int portOf(final String udpAddress) {
        final int colon = udpAddress.lastIndexOf(':');
        try {
            final int port = Integer.parseInt(udpAddress.substring(colon + 1));
            if (colon > 0 && port >= 0 && port <= 0xffff) {
                return port;
            }
        } catch (final NumberFormatException ignored) {
            // Falls through to the one message.
        }
        throw new IllegalArgumentException("a UDP address is host:port with a port of 0 to 65535, not '" + udpAddress + "'");
    }
}
