package io.drover.streams;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

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
    void heartbeatsKeepAQuietPeerFromBeingSuspected() {
        final MediaDriverHost driver = rig.driver(here);
        final Links one = rig.node(driver, 1, 1);
        final Links two = rig.node(driver, 2, 1);
        rig.join(one, two);
        rig.turnFor(Duration.ofMillis(800), frame -> {});
        assertThat(one.suspected(2, System.nanoTime())).isFalse();
        assertThat(two.counters(1).framesIn()).isGreaterThan(5);
    }

    private int token(final int offset, final int index) {
        return tokens.wrap(buffer, offset).begin(7, 1, index).addId(index * 3).encodedLength();
    }
}
