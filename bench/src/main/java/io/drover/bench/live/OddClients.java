package io.drover.bench.live;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Clients of a gateway that read a byte a second, or go away in the middle of their stream. */
final class OddClients implements AutoCloseable {
    private static final int TOKENS = 900;
    private static final int SMALL_WINDOW = 2048;
    private static final int HEAD = 200;
    private static final int HEAD_TIMEOUT_MS = 60_000;

    private final List<Socket> sockets = new ArrayList<>();

    /** Opens streams of many tokens, and reads until each has begun. */
    OddClients(final String url, final String model, final int count) throws IOException {
        final URI uri = URI.create(url);
        final String body = "{\"model\": \"" + model + "\", \"prompt\": \"a\", \"max_tokens\": " + TOKENS
                + ", \"ignore_eos\": true, \"stream\": true}";
        final byte[] request = ("POST /v1/completions HTTP/1.1\r\nHost: " + uri.getAuthority()
                + "\r\nContent-Type: application/json\r\nContent-Length: " + body.length() + "\r\n\r\n" + body)
                .getBytes(StandardCharsets.US_ASCII);
        try {
            for (int i = 0; i < count; i++) {
                final Socket socket = new Socket();
                sockets.add(socket);
                socket.setReceiveBufferSize(SMALL_WINDOW);
                socket.setSoTimeout(HEAD_TIMEOUT_MS);
                socket.connect(new InetSocketAddress(uri.getHost(), uri.getPort()), HEAD_TIMEOUT_MS);
                socket.getOutputStream().write(request);
                socket.getInputStream().readNBytes(HEAD);
            }
        } catch (final IOException e) {
            close();
            throw e;
        }
    }

    /**
     * Every client reads a byte each second.
     *
     * @return how many were cut off by then
     */
    int readSlowly(final int seconds) throws InterruptedException {
        int cut = 0;
        for (int second = 0; second < seconds; second++) {
            cut = 0;
            for (final Socket socket : sockets) {
                cut += isCut(socket) ? 1 : 0;
            }
            Thread.sleep(1000);
        }
        return cut;
    }

    private static boolean isCut(final Socket socket) {
        try {
            final InputStream in = socket.getInputStream();
            socket.setSoTimeout(1);
            return in.read() < 0;
        } catch (final SocketTimeoutException nothingYet) {
            return false;
        } catch (final IOException reset) {
            return true;
        }
    }

    @Override
    public void close() {
        for (final Socket socket : sockets) {
            try {
                socket.close();
            } catch (final IOException ignored) {
                // It is gone, which was the aim.
            }
        }
    }
}
