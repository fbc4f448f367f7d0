package io.drover.streams;

/**
 * What the bulk plane of a node did since it was opened.
 *
 * @param bytesIn   that arrived in order and were handed on
 * @param bytesOut  sent, repetitions included
 * @param failures  transfers to this node that ended before their end
 * @param refusals  transfers from this node that were refused
 * @param incoming  transfers to this node that are open
 * @param outgoing  transfers from this node that are open
 * @param rateIn    bytes per second that arrived during about the last second
 */
public record BulkCounters(long bytesIn, long bytesOut, long failures, long refusals, int incoming, int outgoing, long rateIn) {
    /** Of a plane that did nothing. */
    public static final BulkCounters NONE = new BulkCounters(0, 0, 0, 0, 0, 0, 0);
}
