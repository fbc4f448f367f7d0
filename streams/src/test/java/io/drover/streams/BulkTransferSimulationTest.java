package io.drover.streams;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Both ends of a transfer over a wire that loses, repeats and reorders, with a sender that may forget everything or die and a reader that
 * may stand still. After each event: what was handed on is the beginning of the content, and never more than the window is ahead of the
 * reader. A wire that heals ends each transfer, and a dead sender fails it in time.
 */
class BulkTransferSimulationTest {
    private static final int RUNS = 400;
    private static final long MS = 1_000_000;
    private static final long ASK_AGAIN_NS = 50 * MS;
    private static final long GIVE_UP_NS = 2_000 * MS;
    private static final long HEALED_NS = 20_000 * MS;
    private static final int CHUNK = 10;

    private record Message(long atNs, boolean ask, long position, long limitOrTotal, int roundOrLength) {}

    @Test
    void whatArrivesIsTheContent() {
        int completed = 0;
        for (int seed = 0; seed < RUNS; seed++) {
            completed += new Run(seed, Long.MAX_VALUE).play() ? 1 : 0;
        }
        assertThat(completed).isEqualTo(RUNS);
    }

    @Test
    void aDeadSenderFailsTheTransferInTime() {
        int failed = 0;
        for (int seed = 0; seed < RUNS; seed++) {
            failed += new Run(seed, (seed % 40 + 1) * MS).play() ? 0 : 1;
        }
        assertThat(failed).as("runs that the death interrupted").isGreaterThan(RUNS / 2);
    }

    private static final class Run {
        private final int seed;
        private final Random random;
        private final long deathNs;
        private final int total;
        private final int window;
        private final double loss;
        private final List<Message> wire = new ArrayList<>();
        private final IncomingTransfer receiver;
        private @Nullable OutgoingTransfer sender;
        private long nowNs;
        private long handedOn;
        private long consumed;
        private boolean complete;
        private boolean failed;

        Run(final int seed, final long deathNs) {
            this.seed = seed;
            this.deathNs = deathNs;
            random = new Random(seed);
            total = 1 + random.nextInt(600);
            window = 2 * CHUNK + random.nextInt(100);
            loss = random.nextInt(4) * 0.1;
            receiver = new IncomingTransfer(window, ASK_AGAIN_NS, GIVE_UP_NS, 0);
        }

        boolean play() {
            act(IncomingTransfer.ASK, 0);
            final long endNs = HEALED_NS + 10 * GIVE_UP_NS;
            while (!complete && !failed && nowNs < endNs) {
                nowNs += MS;
                if (sender != null && (random.nextInt(500) == 0 || nowNs > deathNs)) {
                    sender = null;
                }
                deliver();
                if (random.nextInt(20) > 0) {
                    consumed += random.nextLong(handedOn - consumed + 1);
                }
                act(receiver.onConsumed(consumed, nowNs) | receiver.onTick(nowNs), 0);
                send();
                check();
            }
            assertThat(complete || failed).as("seed %d ended", seed).isTrue();
            if (complete) {
                assertThat(handedOn).as("seed %d", seed).isEqualTo(total);
            } else {
                assertThat(receiver.problem()).as("seed %d", seed).contains("no progress");
                assertThat(deathNs).as("seed %d failed although its sender lived", seed).isNotEqualTo(Long.MAX_VALUE);
            }
            return complete;
        }

        private void check() {
            assertThat(handedOn).as("seed %d", seed).isEqualTo(receiver.position());
            assertThat(handedOn - consumed).as("seed %d: ahead of the reader", seed).isLessThanOrEqualTo(window);
        }

        private void act(final int actions, final int length) {
            if ((actions & IncomingTransfer.ASK) != 0) {
                put(new Message(0, true, receiver.position(), receiver.limit(), receiver.round()));
            }
            if ((actions & IncomingTransfer.HAND_ON) != 0) {
                handedOn += length;
            }
            complete |= (actions & IncomingTransfer.COMPLETE) != 0;
            failed |= (actions & IncomingTransfer.FAIL) != 0;
        }

        private void send() {
            final OutgoingTransfer one = sender;
            if (one != null) {
                final int length = one.next(CHUNK);
                if (length > 0) {
                    put(new Message(0, false, one.position(), one.total(), length));
                    one.sent(length);
                }
            }
        }

        /** Until it heals, the wire loses and repeats; it always reorders. */
        private void put(final Message message) {
            for (int copies = 1 + random.nextInt(10) / 9; copies > 0; copies--) {
                if (nowNs > HEALED_NS / 4 || random.nextDouble() >= loss) {
                    final long delayNs = random.nextInt(nowNs > HEALED_NS / 4 ? 2 : 30) * MS;
                    wire.add(new Message(nowNs + delayNs, message.ask, message.position, message.limitOrTotal,
                            message.roundOrLength));
                }
            }
        }

        private void deliver() {
            wire.sort(Comparator.comparingLong(Message::atNs));
            while (!wire.isEmpty() && wire.getFirst().atNs <= nowNs) {
                final Message message = wire.removeFirst();
                if (!message.ask) {
                    final long before = receiver.position();
                    final int actions = receiver.onChunk(message.position, message.roundOrLength, message.limitOrTotal, nowNs);
                    if ((actions & IncomingTransfer.HAND_ON) != 0) {
                        assertThat(message.position).as("seed %d: bytes in order", seed).isEqualTo(before);
                    }
                    act(actions, message.roundOrLength);
                } else if (nowNs <= deathNs) {
                    ask(message);
                }
            }
        }

        private void ask(final Message message) {
            final OutgoingTransfer known = sender;
            if (known != null) {
                known.onAsk(message.position, message.limitOrTotal, message.roundOrLength, nowNs);
            } else {
                final OutgoingTransfer opened = new OutgoingTransfer(GIVE_UP_NS, message.position, message.limitOrTotal,
                        message.roundOrLength, nowNs);
                opened.opened(total);
                sender = opened;
            }
        }
    }

    @Test
    void aSenderThatBreaksTheRulesIsRefused() {
        final IncomingTransfer beyond = new IncomingTransfer(100, ASK_AGAIN_NS, GIVE_UP_NS, 0);
        assertThat(beyond.onChunk(0, 101, 1000, 1)).isEqualTo(IncomingTransfer.FAIL);
        assertThat(beyond.problem()).contains("byte 101", "100");
        final IncomingTransfer changed = new IncomingTransfer(100, ASK_AGAIN_NS, GIVE_UP_NS, 0);
        assertThat(changed.onChunk(0, 10, 1000, 1)).isEqualTo(IncomingTransfer.HAND_ON);
        assertThat(changed.onChunk(10, 10, 999, 2)).isEqualTo(IncomingTransfer.FAIL);
        assertThat(changed.onChunk(10, 10, 1000, 3)).as("after its end").isEqualTo(IncomingTransfer.NOTHING);
    }

    @Test
    void aReaderThatTakesNothingIsNoFailureOfTheSender() {
        final IncomingTransfer full = new IncomingTransfer(20, ASK_AGAIN_NS, GIVE_UP_NS, 0);
        assertThat(full.onChunk(0, 20, 1000, 1)).isEqualTo(IncomingTransfer.HAND_ON);
        for (long now = ASK_AGAIN_NS; now < 5 * GIVE_UP_NS; now += ASK_AGAIN_NS) {
            assertThat(full.onTick(now) & IncomingTransfer.FAIL).isZero();
        }
        assertThat(full.onConsumed(20, 5 * GIVE_UP_NS)).isEqualTo(IncomingTransfer.ASK);
        assertThat(full.onTick(5 * GIVE_UP_NS + 1) & IncomingTransfer.FAIL).as("the sender's time begins now").isZero();
        assertThat(full.onTick(6 * GIVE_UP_NS)).isEqualTo(IncomingTransfer.FAIL);
    }

    @Test
    void aSecondTakesNoMoreBytesThanTheRate() {
        final RateLimit limit = new RateLimit(1000, 100, 0);
        long taken = 0;
        for (long now = 0; now <= 10_000 * MS; now += MS) {
            taken += limit.tryTake(30, now) ? 30 : 0;
        }
        assertThat(taken).isBetween(9_900L, 10_000L + 100);
        assertThat(limit.tryTake(100, 3_600_000 * MS)).isTrue();
        assertThat(limit.tryTake(1, 3_600_000 * MS)).as("an hour's rest is not saved up").isFalse();
    }
}
