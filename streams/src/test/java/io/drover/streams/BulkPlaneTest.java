package io.drover.streams;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

import org.agrona.CloseHelper;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.stream.javadsl.Sink;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;

/** Transfers between bulk planes over real drivers, read as Pekko streams. */
class BulkPlaneTest {
    private static final ActorSystem SYSTEM = ActorSystem.create("bulk");
    private static final String QUICK = "rate = 1 GiB, frame = 8 KiB, window = 64 KiB, ask-again = 200 ms, give-up = 60 s";

    @TempDir
    private Path directory;
    private final List<AutoCloseable> closeables = new ArrayList<>();
    private final AtomicInteger closedContents = new AtomicInteger();

    @AfterEach
    void close() {
        CloseHelper.closeAll(closeables);
    }

    @AfterAll
    static void terminate() {
        SYSTEM.terminate();
    }

    private record Bytes(byte[] all, AtomicLong read, Runnable closed) implements BulkContent {
        @Override
        public long length() {
            return all.length;
        }

        @Override
        public void read(final long position, final byte[] into, final int length) {
            System.arraycopy(all, (int) position, into, 0, length);
            read.accumulateAndGet(position + length, Math::max);
        }

        @Override
        public void close() {
            closed.run();
        }
    }

    private static Config config(final String bulk) {
        return LinkRig.config("drover.streams.bulk { " + bulk + " }");
    }

    private MediaDriverHost driver(final String name) {
        final MediaDriverHost driver = MediaDriverHost
                .launch(DriverSettings.from(config("")).withAeronDirectory(directory.resolve(name).toString()));
        closeables.addFirst(driver);
        return driver;
    }

    private BulkPlane plane(final MediaDriverHost driver, final int nodeId, final String bulk, final BulkProvider provider) {
        final BulkPlane plane = BulkPlane.open(DataPlaneSettings.from(config("")).withAeronDirectory(driver.directory()),
                BulkSettings.from(config(bulk)), Endpoint.unresolved(nodeId, 7, "node-" + nodeId, "127.0.0.1:0"), provider);
        closeables.addFirst(plane);
        return plane;
    }

    private static CompletionStage<BulkContent> nothing(final int peer, final String name) {
        return CompletableFuture.failedFuture(new IllegalStateException("no '" + name + "' for node " + peer));
    }

    private static byte[] random(final int length) {
        final byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    private static byte[] read(final Source<ByteString, ?> source) {
        return get(source.runFold(ByteString.emptyByteString(), ByteString::concat, SYSTEM)).toArray();
    }

    private static <T> T get(final CompletionStage<T> stage) {
        try {
            return stage.toCompletableFuture().get(60, TimeUnit.SECONDS);
        } catch (final Exception e) {
            if (e.getCause() instanceof final RuntimeException cause) {
                throw cause;
            }
            throw new AssertionError(e);
        }
    }

    private static void await(final BooleanSupplier condition) {
        final long startNs = System.nanoTime();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime() - startNs).isLessThan(TimeUnit.SECONDS.toNanos(60));
            LockSupport.parkNanos(1_000_000);
        }
    }

    /** Node 1 has content under the name "x"; node 0 is returned. */
    private BulkPlane twoNodes(final boolean oneDriver, final String bulk, final @Nullable BulkContent content) {
        final MediaDriverHost first = driver("first");
        final BulkPlane zero = plane(first, 0, bulk, BulkPlaneTest::nothing);
        final BulkPlane one = plane(oneDriver ? first : driver("second"), 1, bulk,
                (peer, name) -> name.equals("x") && content != null
                        ? CompletableFuture.completedFuture(content)
                        : nothing(peer, name));
        zero.peers(List.of(zero.endpoint(), one.endpoint()));
        one.peers(List.of(zero.endpoint()));
        return zero;
    }

    private Bytes content(final byte[] all) {
        return new Bytes(all, new AtomicLong(), closedContents::incrementAndGet);
    }

    @ParameterizedTest
    @CsvSource({"true", "false"})
    void theBytesArriveAndTheContentIsClosed(final boolean oneDriver) {
        final byte[] all = random(3_000_001);
        final BulkPlane zero = twoNodes(oneDriver, QUICK, content(all));
        assertThat(read(zero.fetch(1, "x"))).isEqualTo(all);
        await(() -> closedContents.get() == 1 && zero.counters().bytesIn() == all.length && zero.counters().incoming() == 0);
        assertThat(zero.counters().failures()).isZero();
    }

    @Test
    void severalAtOnceAreTakenInTurns() {
        final byte[] all = random(300_000);
        final Source<ByteString, ?> source = twoNodes(true, QUICK, content(all)).fetch(1, "x");
        final List<CompletionStage<ByteString>> runs = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            runs.add(source.runFold(ByteString.emptyByteString(), ByteString::concat, SYSTEM));
        }
        runs.forEach(run -> assertThat(get(run).toArray()).isEqualTo(all));
        await(() -> closedContents.get() == 5);
    }

    @Test
    void aReaderThatWaitsHoldsTheSenderBack() {
        final byte[] all = random(1_000_000);
        final Bytes content = content(all);
        final BulkPlane zero = twoNodes(true, QUICK, content);
        final CompletableFuture<ByteString> gate = new CompletableFuture<>();
        final CompletionStage<ByteString> run = zero.fetch(1, "x")
                .mapAsync(1, chunk -> gate.thenApply(open -> chunk))
                .runFold(ByteString.emptyByteString(), ByteString::concat, SYSTEM);
        final int window = 64 << 10;
        await(() -> content.read.get() >= window);
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(500));
        assertThat(content.read.get()).as("the window and what the stream took").isLessThan(2 * window);
        gate.complete(ByteString.emptyByteString());
        assertThat(get(run).toArray()).isEqualTo(all);
    }

    @Test
    void noMoreThanTheRateIsSent() {
        final byte[] all = random(200_000);
        final BulkPlane zero = twoNodes(true, "rate = 100 KiB, frame = 8 KiB, window = 64 KiB", content(all));
        final long startNs = System.nanoTime();
        assertThat(read(zero.fetch(1, "x"))).isEqualTo(all);
        assertThat(System.nanoTime() - startNs).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(1_800));
        await(() -> zero.counters().rateIn() > 0);
    }

    @Test
    void aRefusalIsToldAndAMissingPeerIsGivenUp() {
        final BulkPlane zero = twoNodes(true, QUICK.replace("60 s", "2 s"), null);
        assertThatThrownBy(() -> read(zero.fetch(1, "x"))).isInstanceOf(BulkException.class)
                .hasMessage("node 1, 'x': no 'x' for node 0");
        assertThatThrownBy(() -> read(zero.fetch(9, "x"))).isInstanceOf(BulkException.class).hasMessageContaining("no progress");
        await(() -> zero.counters().failures() == 2);
    }

    @Test
    void contentThatGoesAwayEndsTheTransfer() {
        final BulkPlane zero = twoNodes(true, QUICK, new BulkContent() {
            @Override
            public long length() {
                return 1 << 20;
            }

            @Override
            public void read(final long position, final byte[] into, final int length) {
                if (position > 200_000) {
                    throw new IllegalStateException("the weights were freed");
                }
            }
        });
        assertThatThrownBy(() -> read(zero.fetch(1, "x"))).isInstanceOf(BulkException.class)
                .hasMessage("node 1, 'x': the weights were freed");
    }

    @Test
    void whatIsNotWantedAnyMoreIsNotSent() {
        final Bytes content = content(random(50_000_000));
        final BulkPlane zero = twoNodes(true, QUICK, content);
        assertThat(get(zero.fetch(1, "x").take(3).runWith(Sink.seq(), SYSTEM))).hasSize(3);
        await(() -> closedContents.get() == 1);
        assertThat(content.read.get()).isLessThan(50_000_000);
        assertThat(get(zero.fetch(1, "x").take(3).runWith(Sink.seq(), SYSTEM))).as("the plane lives on").hasSize(3);
        await(() -> zero.counters().incoming() == 0);
    }

    @Test
    void aClosedPlaneFailsWhatItWasAskedFor() {
        final BulkPlane zero = twoNodes(true, QUICK.replace("1 GiB", "4 KiB"), content(random(1_000_000)));
        final CompletionStage<ByteString> run = zero.fetch(1, "x")
                .runFold(ByteString.emptyByteString(), ByteString::concat, SYSTEM);
        await(() -> zero.counters().incoming() == 1);
        zero.close();
        assertThatThrownBy(() -> get(run)).isInstanceOf(BulkException.class).hasMessageContaining("closed");
        assertThatThrownBy(() -> read(zero.fetch(1, "x"))).isInstanceOf(BulkException.class);
    }

    @ParameterizedTest
    @CsvSource({"rate,100,rate is 100", "frame,1 KiB,frame is 1024", "window,40 KiB,window is 40960",
        "max-transfers,0,max-transfers",
        "give-up,1500 ms,give-up is 1500"})
    void aValueOutOfRangeIsNamedWithItsKey(final String key, final String value, final String shown) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> BulkSettings.from(ConfigFactory.parseMap(Map.of("drover.streams.bulk." + key, value))
                        .withFallback(ConfigFactory.load())))
                .withMessageContaining(shown)
                .withMessageContaining("expected");
    }

    @Test
    void threeNodesFitTheSharedMemoryOfAContainer() {
        final TermPlan plan = TermPlan.of(DataPlaneSettings.from(ConfigFactory.load()), 3, 0)
                .withBulk(BulkSettings.from(ConfigFactory.load()));
        assertThat(plan.requiredBytes()).isBetween(58L << 20, 60L << 20);
        assertThat(plan.logs()).isEqualTo(12);
    }
}
