package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

import org.apache.pekko.stream.javadsl.Source;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import io.drover.actors.Gateway.Admission;

/** A client that goes away or does not read costs nobody anything. */
final class ClientLossTest {
    private static final Duration GAP = Duration.ofMillis(20);

    /** The first request of a JVM spends its time on loading classes. */
    @BeforeAll
    static void warmUp() throws Exception {
        try (Door door = new Door()) {
            door.gateway.on(request -> door.gateway.text("a", true));
            door.post("/v1/completions", "{\"prompt\":\"a\",\"stream\":true}");
        }
    }

    @ParameterizedTest
    @CsvSource({"true,''", "false,''", "false,'Connection: close\r\n'", "true,'Connection: close\r\n'"})
    void aClosedConnectionCancelsTheSequenceWithinASecond(final boolean stream, final String header) throws Exception {
        try (Door door = new Door()) {
            door.gateway.on(request -> door.gateway.endless('a', GAP));
            Waiting.withinASecond(() -> {
                final Socket socket = RawHttp.open(door,
                        RawHttp.post("/v1/completions", "{\"prompt\":\"a\",\"stream\":" + stream + "}", header));
                Waiting.until(() -> door.gateway.running.get() == 1);
                // Long enough that an answer cut short by the header itself would show.
                Thread.sleep(300);
                assertThat(door.gateway.running).hasValue(1);
                return socket;
            }, () -> door.gateway.running.get() == 0);
            Waiting.until(() -> door.get("/metrics")
                    .body()
                    .contains("drover_stream_cancelled_total{engine=\"0\",model_name=\"bytes\"} "
                            + door.gateway.requests.size() + ".0"));
            assertThat(Door.json(door.get("/load")).get("server_load").asInt()).isZero();
        }
    }

    @Test
    void aClientThatGoesBeforeTheFirstTokenIsNoticed() throws Exception {
        try (Door door = new Door()) {
            final CompletableFuture<Admission> admission = new CompletableFuture<>();
            door.gateway.on(request -> admission);
            Waiting.withinASecond(() -> {
                door.gateway.requests.clear();
                final Socket socket = RawHttp.open(door,
                        RawHttp.post("/v1/completions", "{\"prompt\":\"a\",\"stream\":true}"));
                Waiting.until(() -> !door.gateway.requests.isEmpty());
                return socket;
            }, () -> door.server.inFlight() == 0);
            door.gateway.endless('a', GAP).thenAccept(admission::complete);
            Thread.sleep(100);
            Waiting.until(() -> door.gateway.running.get() == 0);
        }
    }

    @Test
    void aSlowReaderHoldsNobodyUpAndIsDroppedAtTheIdleDeadline() throws Exception {
        try (Door door = new Door("drover.http.idle-deadline = 1s", Map.of(), false)) {
            // More than the socket buffers take, so that the stream cannot be sent without a reader.
            final int tokens = 60_000;
            door.serve(2 * tokens);
            door.gateway.on(request -> request.promptIds().size() > 1
                    ? door.gateway.text("fast", true)
                    : door.gateway.events(
                            Source.from(ScriptedGateway.tokens(ByteTokenizer.ids("a".repeat(tokens)))).concat(Source.maybe())));
            final String body = "{\"prompt\":\"a\",\"stream\":true,\"max_tokens\":" + (tokens + 1) + "}";
            try (Socket socket = RawHttp.open(door, RawHttp.post("/v1/completions", body))) {
                Waiting.until(() -> door.gateway.running.get() == 1);
                assertThat(Door.json(door.post("/v1/completions", "{\"prompt\":\"ab\"}")).at("/choices/0/text").asText())
                        .isEqualTo("fast");
                Waiting.until(() -> door.gateway.running.get() == 0);
                assertThatThrownBy(() -> RawHttp.read(socket, Integer.MAX_VALUE)).isInstanceOf(SocketException.class);
            }
        }
    }
}
