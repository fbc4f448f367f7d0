package io.drover.bench.transport;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

import com.typesafe.config.ConfigFactory;

import io.drover.streams.DataPlaneSettings;
import io.drover.streams.DriverSettings;
import io.drover.streams.MediaDriverHost;
import io.drover.streams.WireType;

/**
 * One-way and round-trip latency of a token frame between two nodes, against a bare Aeron ping-pong of the same sizes.
 *
 * <p>
 * Each case is measured in rounds that alternate between the two; its figures are medians over all pings of all rounds. The
 * round trip is a {@code CallFrame} with one row and the {@code ReturnFrame} for it, encoding and decoding included; one way ends
 * when the frame is handed on. Both sides use one driver and yield between polls.
 *
 * <pre>{@code FrameLatency [--rounds 40] [--pings 500] [--hidden 192,2048,4096] [--channels ipc,udp]}</pre>
 */
public final class FrameLatency {
    private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(20);
    private static final int WARM_UP_ROUNDS = 10;
    private static final int LOOPBACK_MTU = 16 << 10;
    private static final int IPC_MTU = 65_504;

    private int rounds = 40;
    private int pings = 500;
    /** The first case compiles for all. */
    private int warmUpRounds = 10 * WARM_UP_ROUNDS;
    private List<Integer> hiddenSizes = List.of(192, 2048, 4096);
    private List<String> channels = List.of("ipc", "udp");

    private volatile @Nullable PingPong active;
    private volatile boolean stopped;
    private volatile Histogram echoed = histogram();

    private FrameLatency() {}

    /** Prints a Markdown table. */
    public static void main(final String[] arguments) throws InterruptedException {
        final FrameLatency bench = new FrameLatency();
        for (int i = 0; i < arguments.length; i += 2) {
            final String value = i + 1 < arguments.length ? arguments[i + 1] : "";
            switch (arguments[i]) {
                case "--rounds" -> bench.rounds = Integer.parseInt(value);
                case "--pings" -> bench.pings = Integer.parseInt(value);
                case "--hidden" -> bench.hiddenSizes = Arrays.stream(value.split(",")).map(Integer::valueOf).toList();
                case "--channels" -> bench.channels = List.of(value.split(","));
                default -> throw new IllegalArgumentException("unknown option '" + arguments[i]
                        + "'; expected --rounds, --pings, --hidden or --channels");
            }
        }
        bench.run();
    }

    private void run() throws InterruptedException {
        final DriverSettings driverSettings = DriverSettings.from(ConfigFactory.load());
        try (MediaDriverHost driver = MediaDriverHost.launch(driverSettings)) {
            final DataPlaneSettings settings = DataPlaneSettings.from(ConfigFactory.load())
                    .withAeronDirectory(driver.directory());
            System.out.println("microseconds, p50 (p99); " + rounds + " rounds of " + pings + " pings each, alternating\n");
            System.out.println("| channel | hidden | wire | bytes out, back | one way: Aeron | Drover | ratio of p50"
                    + " | round trip: Aeron | Drover | ratio of p50 |");
            System.out.println("|---|---|---|---|---|---|---|---|---|---|");
            for (final String channel : channels) {
                for (final int hidden : hiddenSizes) {
                    for (final WireType wireType : WireType.values()) {
                        measure(settings, channel, hidden, wireType);
                    }
                }
            }
        }
    }

    private void measure(final DataPlaneSettings settings, final String channel, final int hidden, final WireType wireType)
            throws InterruptedException {
        final int out = FramePingPong.callLength(hidden, wireType);
        final int back = FramePingPong.returnLength(hidden, wireType);
        final boolean sameHost = "ipc".equals(channel);
        final Latencies ofBare = new Latencies(histogram(), histogram());
        final Latencies ofFrames = new Latencies(histogram(), histogram());
        stopped = false;
        active = null;
        final Thread echo = Thread.ofPlatform().name("echo").daemon().start(this::echo);
        try (BarePingPong bare = bare(settings, sameHost, out, back);
                FramePingPong frames = new FramePingPong(settings, sameHost, hidden, wireType)) {
            await(bare::isConnected, bare);
            await(frames::isConnected, frames);
            for (int round = -warmUpRounds; round < rounds; round++) {
                play(bare, round < 0 ? new Latencies(histogram(), histogram()) : ofBare);
                play(frames, round < 0 ? new Latencies(histogram(), histogram()) : ofFrames);
            }
            warmUpRounds = WARM_UP_ROUNDS;
            stopped = true;
            echo.join();
        }
        print(channel, hidden, wireType, out, back, ofBare, ofFrames);
    }

    private static BarePingPong bare(final DataPlaneSettings settings, final boolean sameHost, final int out, final int back) {
        final String publishing = "term-length=" + settings.termLength() + "|mtu=" + (sameHost ? IPC_MTU : LOOPBACK_MTU);
        final String[] listening = sameHost
                ? new String[]{"aeron:ipc", "aeron:ipc"}
                : new String[]{"aeron:udp?endpoint=127.0.0.1:47101", "aeron:udp?endpoint=127.0.0.1:47102"};
        final String separator = sameHost ? "?" : "|";
        return new BarePingPong(settings.aeronDirectory(), listening[0] + separator + publishing,
                listening[1] + separator + publishing, listening, out, back);
    }

    private void echo() {
        while (!stopped) {
            final PingPong current = active;
            if (current == null || current.echo(echoed) == 0) {
                Thread.yield();
            }
        }
    }

    private void await(final BooleanSupplier ready, final PingPong side) {
        active = side;
        final long startNs = System.nanoTime();
        while (!ready.getAsBoolean()) {
            checkPatience(startNs);
            Thread.yield();
        }
    }

    private void play(final PingPong side, final Latencies into) {
        echoed = into.oneWayNs();
        active = side;
        for (int ping = 0; ping < pings; ping++) {
            final long startNs = System.nanoTime();
            while (!side.call(System.nanoTime())) {
                checkPatience(startNs);
                Thread.yield();
            }
            while (!side.awaitAnswer()) {
                checkPatience(startNs);
                Thread.yield();
            }
            into.roundTripNs().recordValue(System.nanoTime() - startNs);
        }
    }

    private static void checkPatience(final long startNs) {
        if (System.nanoTime() - startNs > PATIENCE_NS) {
            throw new IllegalStateException("no answer within " + TimeUnit.NANOSECONDS.toSeconds(PATIENCE_NS) + " s");
        }
    }

    private static void print(final String channel, final int hidden, final WireType wireType, final int out, final int back,
            final Latencies bare, final Latencies frames) {
        System.out.printf(Locale.ROOT, "| %s | %d | %s | %d, %d | %s | %s | %.2f | %s | %s | %.2f |%n", channel, hidden,
                wireType.name().toLowerCase(Locale.ROOT), out, back, show(bare.oneWayNs()), show(frames.oneWayNs()),
                ratio(frames.oneWayNs(), bare.oneWayNs()), show(bare.roundTripNs()), show(frames.roundTripNs()),
                ratio(frames.roundTripNs(), bare.roundTripNs()));
    }

    private static String show(final Histogram ns) {
        return String.format(Locale.ROOT, "%.1f (%.0f)", ns.getValueAtPercentile(50) / 1e3, ns.getValueAtPercentile(99) / 1e3);
    }

    private static double ratio(final Histogram ns, final Histogram baseNs) {
        return (double) ns.getValueAtPercentile(50) / baseNs.getValueAtPercentile(50);
    }

    private static Histogram histogram() {
        return new Histogram(TimeUnit.MINUTES.toNanos(1), 3);
    }

    private record Latencies(Histogram oneWayNs, Histogram roundTripNs) {}
}
