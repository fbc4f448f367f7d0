package io.drover.streams;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** On real media drivers: one for shared memory, two for UDP. */
class LinksTest {
    private final LinkRig rig = new LinkRig();
    private final UnsafeBuffer buffer = new UnsafeBuffer(new byte[LinkRig.LARGEST_FRAME]);
    private final TokenFrame tokens = new TokenFrame();

    @TempDir
    Path here;
    @TempDir
    Path there;

    @AfterEach
    void tearDown() {
        rig.close();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void framesArriveInOrderWithTheirSenderAndSequence(final boolean sameHost) {
        final MediaDriverHost driver = rig.driver(here);
        final Links one = rig.node(driver, 1, 100);
        final Links two = rig.node(sameHost ? driver : rig.driver(there), 2, 200);
        assertThat(one.self().hostId().equals(two.self().hostId())).isEqualTo(sameHost);
        LinkRig.introduce(one, two);
        final List<LinkRig.Frame> received = new ArrayList<>();
        final int frames = 500;
        for (int i = 0; i < frames; i++) {
            assertThat(one.offer(2, buffer, 8, token(8, i))).isTrue();
            if (i % 10 == 0) {
                rig.turn(received::add);
            }
        }
        rig.until(() -> received.size() == frames, received::add);
        long sequence = 0;
        for (int i = 0; i < frames; i++) {
            final LinkRig.Frame frame = received.get(i);
            tokens.wrap(frame.bytes(), 0);
            assertThat(frame.type()).isEqualTo(FrameType.TOKEN);
            assertThat(frame.from()).isEqualTo(1);
            assertThat(tokens.firstIndex()).isEqualTo(i);
            assertThat(tokens.senderIncarnation()).isEqualTo(100);
            assertThat(tokens.receiverIncarnation()).isEqualTo(200);
            assertThat(tokens.sequence()).isGreaterThan(sequence);
            sequence = tokens.sequence();
        }
        assertThat(two.drops().total()).isZero();
        assertThat(two.counters(1).missing()).isZero();
        assertThat(one.queuedBytes(2)).isZero();
    }

    @Test
    void aFrameBeyondTheLargestIsRefusedWithBothLengths() {
        final Links one = rig.node(rig.driver(here), 1, 1);
        assertThatIllegalArgumentException().isThrownBy(() -> one.offer(2, buffer, 0, LinkRig.LARGEST_FRAME + 1))
                .withMessageContaining("16385")
                .withMessageContaining("16384");
        assertThat(one.offer(2, buffer, 0, 64)).as("no such peer").isFalse();
    }

    @Test
    void aFrameOfAPeerThatAllowsLongerOnesIsDropped() {
        final MediaDriverHost driver = rig.driver(here);
        final Links one = rig.node(driver, 1, 1, "drover.streams { largest-frame = 32 KiB, peer-queue = 256 KiB }", null);
        final Links two = rig.node(driver, 2, 1);
        rig.join(one, two);
        final UnsafeBuffer large = new UnsafeBuffer(new byte[32 << 10]);
        tokens.wrap(large, 0).begin(7, 1, 0);
        while (tokens.encodedLength() <= LinkRig.LARGEST_FRAME) {
            tokens.addId(1);
        }
        assertThat(one.offer(2, large, 0, tokens.encodedLength())).isTrue();
        rig.until(() -> two.drops().malformed() == 1, frame -> {
            throw new AssertionError("handed on");
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void thePlanCoversWhatADriverTakes(final boolean sameHost) throws Exception {
        final MediaDriverHost driver = rig.driver(here);
        final MediaDriverHost other = sameHost ? driver : rig.driver(there);
        final Links one = rig.node(driver, 1, 1);
        final Links two = rig.node(driver, 2, 1);
        final Links three = rig.node(other, 3, 1);
        rig.join(one, two);
        rig.join(one, three);
        rig.join(two, three);
        for (final Links links : List.of(one, two, three)) {
            for (int peer = 1; peer <= 3; peer++) {
                final int to = peer;
                if (to != links.self().nodeId()) {
                    rig.until(() -> links.offerInBackground(to, buffer, 0, page(0)), frame -> {});
                }
            }
        }
        final TermPlan plan = TermPlan.of(LinkRig.settings(""), sameHost ? 3 : 2, sameHost ? 0 : 1);
        long taken = 0;
        try (Stream<Path> files = Files.walk(Path.of(driver.directory()))) {
            for (final Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
                taken += Files.size(file);
            }
        }
        assertThat(taken).isBetween(plan.requiredBytes() - TermPlan.DRIVER_BYTES, plan.requiredBytes());
    }

    @Test
    void whatWasSentToAPeerThatIsGoneStaysCounted() {
        final MediaDriverHost driver = rig.driver(here);
        final Links one = rig.node(driver, 1, 1);
        final Links two = rig.node(driver, 2, 1);
        rig.join(one, two);
        assertThat(one.offer(2, buffer, 0, token(0, 1))).isTrue();
        rig.until(() -> one.counters(2).bytesOut() > 0, frame -> {});
        final long first = one.sentBytes();
        assertThat(first).isEqualTo(one.counters(2).bytesOut());
        one.disconnect(2);
        assertThat(one.sentBytes()).isEqualTo(first);
        one.connect(two.self());
        rig.until(() -> one.counters(2).bytesOut() > 0, frame -> {});
        assertThat(one.sentBytes()).isEqualTo(first + one.counters(2).bytesOut());
    }

    @Test
    void heartbeatsKeepAQuietPeerFromBeingSuspected() {
        final MediaDriverHost driver = rig.driver(here);
        final Links one = rig.node(driver, 1, 1);
        final Links two = rig.node(driver, 2, 1);
        rig.join(one, two);
        rig.turnFor(Duration.ofMillis(800), frame -> {});
        assertThat(one.suspected(2, rig.nowNs())).isFalse();
        assertThat(two.counters(1).framesIn()).isGreaterThan(5);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void framesAboveTheMtuAreAssembled(final boolean sameHost) {
        final MediaDriverHost driver = rig.driver(here);
        final Links one = rig.node(driver, 1, 1, "drover.streams.mtu = 1408", null);
        final Links two = rig.node(sameHost ? driver : rig.driver(there), 2, 1);
        rig.join(one, two);
        final Random random = new Random(1);
        final int hidden = 1000;
        final float[] vectors = new float[hidden * 4];
        for (int i = 0; i < vectors.length; i++) {
            vectors[i] = random.nextFloat();
        }
        final CallFrame call = new CallFrame().wrap(buffer, 0).begin(1, 2, 3, hidden, WireType.FLOAT32);
        for (int row = 0; row < 4; row++) {
            call.startRow(row).addExpert(row, 0).endRow(vectors, row * hidden);
        }
        assertThat(call.encodedLength()).isBetween(LinkRig.LARGEST_FRAME - 1000, LinkRig.LARGEST_FRAME);
        final List<LinkRig.Frame> received = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            rig.until(() -> one.offer(2, buffer, 0, call.encodedLength()), received::add);
        }
        rig.until(() -> received.size() == 20, received::add);
        final float[] into = new float[vectors.length];
        for (final LinkRig.Frame frame : received) {
            final CallFrame read = new CallFrame().wrap(frame.bytes(), 0);
            for (int row = 0; read.nextRow(); row++) {
                read.readVector(into, row * hidden);
            }
            assertThat(into).isEqualTo(vectors);
        }
        assertThat(two.drops().total()).isZero();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aStalledPeerFillsItsOwnQueueAndDelaysNobodyElse(final boolean sameHost) {
        final MediaDriverHost driver = rig.driver(here);
        final Links one = rig.node(driver, 1, 1, "drover.streams.park-deadline = 60s", null);
        final Links stalled = rig.node(sameHost ? driver : rig.driver(there), 2, 1);
        final Links lively = rig.node(driver, 3, 1);
        rig.join(one, stalled);
        rig.join(one, lively);
        rig.stall(stalled);
        final int accepted = fillQueue(one, 2);
        assertThat(one.queuedBytes(2)).isBetween(100 << 10, 128 << 10);
        assertThat(one.counters(2).refused()).isPositive();

        final List<LinkRig.Frame> received = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            final int sent = i;
            assertThat(one.offer(3, buffer, 0, token(0, i))).as("frame %d to the lively peer", i).isTrue();
            rig.until(() -> received.size() == sent + 1, received::add);
        }
        assertThat(one.counters(3).parked()).as("the lively peer's frames never waited").isZero();

        received.clear();
        rig.resume(stalled);
        rig.until(() -> received.size() == accepted, received::add);
        assertThat(one.queuedBytes(2)).isZero();
        assertThat(stalled.counters(1).missing()).isZero();
        for (int i = 0; i < accepted; i++) {
            assertThat(tokens.wrap(received.get(i).bytes(), 0).firstIndex()).as("order through log and queue").isEqualTo(i);
        }
    }

    private int page(final int number) {
        final UnsafeBuffer bytes = new UnsafeBuffer(new byte[8 << 10]);
        return new KvPageFrame().wrap(buffer, 0).begin(1, 2, 3, 4, number).part(bytes, 0, bytes.capacity()).encodedLength();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatMayWaitHoldsUpNoOtherFrame(final boolean sameHost) {
        final MediaDriverHost driver = rig.driver(here);
        final FrameAuthenticator key = new FrameAuthenticator("a secret of the tests");
        final Links one = rig.node(driver, 1, 1, "", key);
        final Links two = rig.node(sameHost ? driver : rig.driver(there), 2, 1, "",
                new FrameAuthenticator("a secret of the tests"));
        rig.join(one, two);
        final List<LinkRig.Frame> received = new ArrayList<>();
        rig.until(() -> one.offerInBackground(2, buffer, 0, page(0)), received::add);
        rig.until(() -> received.size() == 1, received::add);
        rig.readBackground(false);
        int pages = 1;
        while (one.offerInBackground(2, buffer, 0, page(pages))) {
            pages++;
            rig.turn(received::add);
            assertThat(pages).as("pages that a log of %d bytes takes", DataPlaneSettings.BACKGROUND_TERM_LENGTH).isLessThan(100);
        }
        received.clear();
        for (int i = 0; i < 50; i++) {
            final int sent = i;
            assertThat(one.offer(2, buffer, 0, token(0, i))).isTrue();
            rig.until(() -> received.size() == sent + 1, received::add);
        }
        assertThat(one.counters(2).parked()).isZero();

        received.clear();
        rig.readBackground(true);
        final int all = pages - 1;
        rig.until(() -> received.size() == all, received::add);
        for (int i = 0; i < all; i++) {
            assertThat(received.get(i).type()).isEqualTo(FrameType.KV_PAGE);
            assertThat(new KvPageFrame().wrap(received.get(i).bytes(), 0).page()).isEqualTo(i + 1);
        }
        assertThat(two.drops().total()).isZero();
        assertThat(two.counters(1).missing()).isZero();
        assertThat(one.offerInBackground(3, buffer, 0, page(0))).as("to a node that is no peer").isFalse();
    }

    @Test
    void aFrameIsReadOnlyWhereItBelongs() {
        final MediaDriverHost driver = rig.driver(here);
        final Links one = rig.node(driver, 1, 1);
        final Links two = rig.node(driver, 2, 1);
        rig.join(one, two);
        rig.until(() -> one.offerInBackground(2, buffer, 0, token(0, 1)), frame -> {});
        assertThat(one.offer(2, buffer, 0, page(0))).isTrue();
        rig.until(() -> two.drops().malformed() == 2, frame -> {
            throw new AssertionError("was read: " + frame);
        });
    }

    @Test
    void aFrameThatWaitedTooLongIsDroppedAndCounted() {
        final MediaDriverHost driver = rig.driver(here);
        final Links one = rig.node(driver, 1, 1, "drover.streams.park-deadline = 100ms", null);
        one.connect(new Endpoint(2, 1, "absent", one.self().hostId(), "127.0.0.1:9", 12_345));
        for (int i = 0; i < 10; i++) {
            assertThat(one.offer(2, buffer, 0, token(0, i))).isTrue();
        }
        rig.until(() -> one.counters(2).expired() == 10, frame -> {});
        assertThat(one.queuedBytes(2)).isZero();
        assertThat(one.counters(2).framesOut()).isZero();
        assertThat(one.describe(2)).contains("absent").contains("not connected");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aNewIncarnationTakesTheOldOnesPlace(final boolean sameHost) {
        final MediaDriverHost driver = rig.driver(here);
        final MediaDriverHost other = sameHost ? driver : rig.driver(there);
        final Links one = rig.node(driver, 1, 1);
        final Links former = rig.node(other, 2, 1);
        rig.join(one, former);
        // Killed: it never closes, so the driver still has its streams.
        rig.stall(former);
        fillQueue(one, 2);

        final Links next = rig.node(other, 2, 2);
        final List<LinkRig.Frame> received = new ArrayList<>();
        next.connect(one.self());
        assertThat(next.offer(1, buffer, 0, token(0, 1))).isTrue();
        rig.until(() -> one.drops().unknown() > 0, received::add);
        assertThat(received).as("a later incarnation is unknown until we are told of it").isEmpty();

        one.connect(next.self());
        assertThat(one.queuedBytes(2)).as("what waited for the former one").isZero();
        one.connect(former.self());
        assertThat(one.describe(2)).as("an earlier incarnation changes nothing").contains("incarnation 2");
        assertThat(one.offer(2, buffer, 0, token(0, 5))).isTrue();
        rig.until(() -> received.stream().anyMatch(frame -> frame.at() == 2), received::add);
        assertThat(tokens.wrap(received.getFirst().bytes(), 0).firstIndex()).isEqualTo(5);

        received.clear();
        rig.stall(next);
        assertThat(former.offer(1, buffer, 0, token(0, 9))).isTrue();
        former.doWork(rig.nowNs());
        rig.until(() -> one.drops().stale() > 0, received::add);
        assertThat(received).as("the former incarnation may still talk; nobody listens").isEmpty();
    }

    @Test
    void aPeerThatStopsIsSuspectedAndAPeerOfAPausedNodeIsNot() {
        final MediaDriverHost driver = rig.driver(here);
        final Links one = rig.node(driver, 1, 1);
        final Links two = rig.node(driver, 2, 1);
        final Links three = rig.node(driver, 3, 1);
        rig.join(one, two);
        rig.join(one, three);
        rig.stall(two);
        final long stoppedNs = rig.nowNs();
        rig.until(() -> one.suspected(2, rig.nowNs()), frame -> {});
        assertThat(Duration.ofNanos(rig.nowNs() - stoppedNs)).isBetween(Duration.ofMillis(300), Duration.ofMillis(1500));
        assertThat(one.suspected(3, rig.nowNs())).isFalse();

        final long pauseNs = Duration.ofSeconds(3).toNanos();
        final long laterNs = rig.nowNs() + pauseNs;
        one.doWork(laterNs);
        assertThat(one.suspected(3, laterNs)).as("the node itself stood still for 3 s").isFalse();
        one.disconnect(3);
        assertThat(one.suspected(3, laterNs)).as("no peer").isTrue();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aNodeThatTheDriverForgotComesBack(final boolean sameHost) throws InterruptedException {
        final MediaDriverHost driver = rig.driver(here, "drover.streams.driver.client-liveness = 2s");
        final Links one = rig.node(driver, 1, 1);
        final Links two = rig.node(sameHost ? driver : rig.driver(there), 2, 1);
        rig.join(one, two);
        rig.stall(one);
        rig.turnFor(Duration.ofMillis(4500), frame -> {});
        assertThat(two.suspected(1, rig.nowNs())).isTrue();
        final Endpoint before = one.self();

        rig.resume(one);
        final List<LinkRig.Frame> received = new ArrayList<>();
        rig.turn(received::add);
        assertThat(one.suspected(2, rig.nowNs())).as("it was this node that stood still").isFalse();
        assertThat(one.self()).isEqualTo(before);
        assertThat(one.offer(2, buffer, 0, token(0, 1))).isTrue();
        assertThat(two.offer(1, buffer, 0, token(0, 2))).isTrue();
        rig.until(() -> received.size() == 2, received::add);
        assertThat(received).extracting(LinkRig.Frame::at).containsExactlyInAnyOrder(1, 2);
        rig.until(() -> !two.suspected(1, rig.nowNs()), received::add);
    }

    @Test
    void aClosedPeerIsNoLongerConnected() {
        final MediaDriverHost driver = rig.driver(here);
        final Links one = rig.node(driver, 1, 1);
        final Links two = rig.node(driver, 2, 1);
        rig.join(one, two);
        rig.stall(two);
        two.close();
        rig.until(() -> !one.isConnected(2), frame -> {});
        assertThat(one.offer(2, buffer, 0, token(0, 1))).as("it waits, for the peer may come back").isTrue();
        assertThat(one.queuedBytes(2)).isPositive();
    }

    @Test
    void withASharedSecretOnlyItsHoldersAreHeard() {
        final MediaDriverHost driver = rig.driver(here);
        final Links one = rig.node(driver, 1, 1, "", new FrameAuthenticator("sixteen letters!"));
        final Links two = rig.node(driver, 2, 1, "", new FrameAuthenticator("sixteen letters!"));
        final Links wrong = rig.node(driver, 3, 1, "", new FrameAuthenticator("sixteen letters?"));
        final Links without = rig.node(driver, 4, 1);
        for (final Links other : List.of(two, wrong, without)) {
            rig.join(one, other);
        }
        for (final Links other : List.of(two, wrong, without)) {
            assertThat(other.offer(1, buffer, 0, token(0, other.self().nodeId()))).isTrue();
        }
        final List<LinkRig.Frame> received = new ArrayList<>();
        rig.until(() -> one.drops().unauthenticated() >= 4 && !received.isEmpty(), received::add);
        rig.turnFor(Duration.ofMillis(150), received::add);
        assertThat(received).extracting(LinkRig.Frame::from).containsOnly(2);
        assertThat(one.counters(3).framesIn()).isZero();
        assertThat(one.counters(4).framesIn()).isZero();
        assertThat(two.drops().total()).isZero();
    }

    @Test
    void aHandlerThatThrowsLosesItsFrameOnly() {
        final MediaDriverHost driver = rig.driver(here);
        final Links one = rig.node(driver, 1, 1);
        final Links two = rig.node(driver, 2, 1);
        rig.join(one, two);
        one.offer(2, buffer, 0, token(0, 1));
        one.offer(2, buffer, 0, token(0, 2));
        final List<Integer> seen = new ArrayList<>();
        rig.until(() -> seen.size() == 2, frame -> {
            seen.add(tokens.wrap(frame.bytes(), 0).firstIndex());
            if (seen.size() == 1) {
                throw new IllegalStateException("the first frame is too much");
            }
        });
        assertThat(seen).containsExactly(1, 2);
        assertThat(two.drops().failed()).isEqualTo(1);
    }

    @Test
    void noFrameCostsAnAllocation() {
        final MediaDriverHost driver = rig.driver(here);
        final Links one = rig.node(driver, 1, 1);
        final Links two = rig.node(driver, 2, 1);
        rig.join(one, two);
        final long[] handed = {0};
        final FrameHandler count = (from, type, frame, offset, length) -> handed[0] += tokens.wrap(frame, offset).count();
        final var threads = (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
        long allocated = Long.MAX_VALUE;
        final int frames = 10_000;
        for (int round = 0; round < 4 || round < 60 && allocated >= frames; round++) {
            final long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < frames; i++) {
                while (!one.offer(2, buffer, 0, token(0, i))) {
                    Thread.yield();
                    one.doWork(rig.nowNs());
                    two.poll(count, 10);
                }
                one.doWork(rig.nowNs());
                two.doWork(rig.nowNs());
                two.poll(count, 10);
            }
            allocated = Math.min(allocated, threads.getCurrentThreadAllocatedBytes() - before);
        }
        assertThat(handed[0]).isGreaterThan(3L * frames);
        assertThat(allocated / frames).as("bytes per frame").isZero();
    }

    /** Offers tokens 0, 1, 2 … until one is refused; returns how many were accepted. */
    private int fillQueue(final Links from, final int nodeId) {
        int accepted = 0;
        while (from.offer(nodeId, buffer, 0, longToken(accepted))) {
            accepted++;
            from.doWork(rig.nowNs());
            assertThat(accepted).as("frames in a bounded log and a bounded queue").isLessThan(10_000);
        }
        return accepted;
    }

    private int longToken(final int index) {
        tokens.wrap(buffer, 0).begin(7, 1, index);
        for (int i = 0; i < 200; i++) {
            tokens.addId(i);
        }
        return tokens.encodedLength();
    }

    private int token(final int offset, final int index) {
        return tokens.wrap(buffer, offset).begin(7, 1, index).addId(index * 3).encodedLength();
    }
}
