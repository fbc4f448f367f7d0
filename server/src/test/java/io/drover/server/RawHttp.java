package io.drover.server;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** HTTP by hand, for what no client library would do. */
final class RawHttp {
    private static final int DEADLINE_MS = 60_000;

    private RawHttp() {}

    static Socket open(final Door door, final String request) throws IOException {
        final Socket socket = new Socket();
        // Small buffers, so that a client that does not read is noticed soon.
        socket.setReceiveBufferSize(4096);
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), door.server.address().getPort()));
        socket.setSoTimeout(DEADLINE_MS);
        socket.getOutputStream().write(request.getBytes(StandardCharsets.UTF_8));
        return socket;
    }

    static String post(final String path, final String body, final String... headers) {
        return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
                + body.getBytes(StandardCharsets.UTF_8).length + "\r\n" + String.join("", headers) + "\r\n" + body;
    }

    /** Sends the request and reads the head of the answer. */
    static String exchange(final Door door, final String request) throws IOException {
        try (Socket socket = open(door, request)) {
            return read(socket, 64);
        }
    }

    static String read(final Socket socket, final int chars) throws IOException {
        final InputStream in = socket.getInputStream();
        return new String(in.readNBytes(chars), StandardCharsets.UTF_8);
    }
}
