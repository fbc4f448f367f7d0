package io.drover.streams;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;

import org.agrona.collections.Int2ObjectHashMap;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Damaged frames, each in a buffer that ends where it does, so that a read beyond it throws. Whatever the validator accepts can be
 * read to the end; nothing makes validator or receiver throw.
 */
class FrameFuzzTest {
    private static final int ROUNDS = 30_000;
    private static final int[] EXTREMES = {0, 1, -1, 7, 8, 255, 65_535, Integer.MAX_VALUE, Integer.MIN_VALUE, 1 << 20, 1 << 30};

    private final UnsafeBuffer scratch = new UnsafeBuffer(new byte[16 << 10]);
    private final float[] vector = new float[CallFrame.MAX_HIDDEN];

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void damageIsRejectedOrReadable(final long seed) {
        final Random random = new Random(seed);
        int accepted = 0;
        for (int round = 0; round < ROUNDS; round++) {
            final UnsafeBuffer frame = RandomFrames.next(random, scratch);
            assertThat(FrameValidator.isWellFormed(frame, 0, frame.capacity())).as("seed %d, round %d", seed, round).isTrue();
            final UnsafeBuffer damaged = damage(random, frame);
            try {
                if (FrameValidator.isWellFormed(damaged, 0, damaged.capacity())) {
                    accepted++;
                    readAll(damaged);
                }
            } catch (final RuntimeException e) {
                throw new AssertionError("seed " + seed + ", round " + round + ", type " + frame.getByte(1), e);
            }
        }
        assertThat(accepted).as("some damage is to contents only").isBetween(ROUNDS / 20, ROUNDS * 9 / 10);
    }

    @ParameterizedTest
    @ValueSource(longs = {4, 5})
    void theReceiverCountsEachDamagedFrameOnce(final long seed) {
        final Random random = new Random(seed);
        final Endpoint self = new Endpoint(1, 10, "self", "h", "127.0.0.1:1", 1);
        final Endpoint other = new Endpoint(2, 20, "other", "h", "127.0.0.1:2", 2);
        final Int2ObjectHashMap<Peer> peers = new Int2ObjectHashMap<>();
        peers.put(2, new Peer(self, other, "aeron:ipc", "aeron:ipc", LinkRig.settings(""), null, 1, 0));
        final Inbound inbound = new Inbound(peers, LinkRig.LARGEST_FRAME, 10, null);
        final long[] handed = {0};
        final FrameHandler handler = (from, type, buffer, offset, length) -> {
            handed[0]++;
            assertThat(from).isEqualTo(2);
            readAll(new UnsafeBuffer(buffer, offset, length));
        };
        long heartbeats = 0;
        for (int round = 0; round < ROUNDS; round++) {
            final UnsafeBuffer frame = RandomFrames.next(random, scratch);
            frame.putInt(FrameHeader.SENDER_NODE_OFFSET, 2);
            frame.putLong(FrameHeader.SENDER_INCARNATION_OFFSET, 20);
            frame.putLong(FrameHeader.RECEIVER_INCARNATION_OFFSET, 10);
            frame.putLong(FrameHeader.SEQUENCE_OFFSET, round + 1L);
            final UnsafeBuffer damaged = random.nextInt(4) == 0 ? frame : damage(random, frame);
            final long before = peers.get(2).counters().framesIn() + inbound.counters().total() - inbound.counters().failed();
            inbound.handler(handler, random.nextInt(5) == 0);
            inbound.onFragment(damaged, 0, damaged.capacity(), null);
            assertThat(peers.get(2).counters().framesIn() + inbound.counters().total() - inbound.counters().failed())
                    .as("seed %d, round %d", seed, round)
                    .isEqualTo(before + 1);
            if (peers.get(2).counters().framesIn() > handed[0] + heartbeats) {
                heartbeats++;
            }
        }
        assertThat(inbound.counters().failed()).as("no accepted frame was unreadable; seed %d", seed).isZero();
        assertThat(handed[0]).isGreaterThan(ROUNDS / 10);
        assertThat(inbound.counters().malformed()).isGreaterThan(ROUNDS / 10);
    }

    private static UnsafeBuffer damage(final Random random, final UnsafeBuffer frame) {
        final int length = random.nextInt(5) == 0 ? random.nextInt(frame.capacity() + 40) : frame.capacity();
        final UnsafeBuffer damaged = new UnsafeBuffer(new byte[length]);
        damaged.putBytes(0, frame, 0, Math.min(length, frame.capacity()));
        if (length >= 8 && random.nextBoolean()) {
            damaged.putInt(FrameHeader.LENGTH_OFFSET, length);
        }
        for (int hits = random.nextInt(4); hits > 0 && length >= 4; hits--) {
            // Counts and lengths are where damage hurts, and they stand early in a body.
            final int reach = random.nextBoolean() ? length : Math.min(length, FrameHeader.HEADER_LENGTH + 40);
            if (random.nextBoolean()) {
                damaged.putByte(random.nextInt(reach), (byte) random.nextInt());
            } else {
                damaged.putInt(random.nextInt(reach / 4) * 4, EXTREMES[random.nextInt(EXTREMES.length)]);
            }
        }
        return damaged;
    }

    private void readAll(final UnsafeBuffer frame) {
        assertThat(RandomFrames.read(frame, vector)).isNotNegative();
    }
}
