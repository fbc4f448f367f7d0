package io.drover.actors;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;

/** How long a peer took is known only where this node did not stand still meanwhile. */
class CallLedgerTest {
    private static final class Elapsed implements CallLedger.Actions {
        final List<Long> overdue = new ArrayList<>();

        @Override
        public void unreceived(final int shipment, final int peer, final int attempts) {
            // Sent again elsewhere.
        }

        @Override
        public void late(final int shipment, final int peer, final int times) {
            // Sent again elsewhere.
        }

        @Override
        public void overdue(final int shipment, final int peer, final long elapsedNs, final long nowNs) {
            overdue.add(elapsedNs);
        }

        @Override
        public void suspected(final int shipment, final int peer) {
            // Sent again elsewhere.
        }

        @Override
        public void expired(final int shipment, final int peer) {
            // Failed.
        }
    }

    private final CallLedger ledger = new CallLedger(new CallLedger.Limits(10_000, 10_000, 4, 100_000, 20, 8));

    private int open(final long nowNs) {
        return ledger.open(1, nowNs, 1, 1, nowNs, 9, 50, nowNs);
    }

    @Test
    void anOwnPauseIsNotHeldAgainstThePeer() {
        final int before = open(1_000);
        final int late = open(1_010);
        ledger.paused(2_000);
        final int after = open(2_005);
        assertThat(ledger.returned(before, 2_001)).isEqualTo(-1);
        final Elapsed elapsed = new Elapsed();
        ledger.poll(2_100, elapsed);
        assertThat(elapsed.overdue).containsExactlyInAnyOrder(-1L, 95L);
        assertThat(ledger.returned(late, 2_101)).isEqualTo(-1);
        assertThat(ledger.returned(after, 2_101)).isEqualTo(96);
    }
}
