package io.drover.streams;

/**
 * What the link to one peer has done so far.
 *
 * @param framesIn  accepted frames, heartbeats included
 * @param bytesIn   of those
 * @param framesOut handed to Aeron, heartbeats included
 * @param bytesOut  of those
 * @param parked    frames that had to wait in the peer's queue
 * @param refused   frames that {@link Links#offer} refused because the queue was full
 * @param expired   frames dropped after {@code park-deadline} in the queue
 * @param missing   sequences that never came: lost between the nodes
 */
public record PeerCounters(long framesIn, long bytesIn, long framesOut, long bytesOut, long parked, long refused, long expired,
        long missing) {}
