package io.drover.streams;

/**
 * Frames between this node and others that were lost, those of peers that are gone included.
 *
 * @param refused that {@link Links#offer} refused because a queue was full
 * @param expired dropped after {@code park-deadline} in a queue
 * @param missing sequences that never came
 */
public record LossCounters(long refused, long expired, long missing) {
    static final LossCounters NONE = new LossCounters(0, 0, 0);

    LossCounters plus(final PeerCounters peer) {
        return new LossCounters(refused + peer.refused(), expired + peer.expired(), missing + peer.missing());
    }
}
