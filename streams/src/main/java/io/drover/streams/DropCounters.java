package io.drover.streams;

/**
 * Received frames that a node did not hand on, by reason.
 *
 * @param malformed       truncated, longer than {@code largest-frame}, or counts and lengths that disagree
 * @param wrongVersion    of another frame version
 * @param unknown         from a node, or a later incarnation of one, that this node was not told of
 * @param stale           from or for an earlier incarnation, or, with a shared secret, replayed
 * @param unauthenticated without the shared secret's tag
 * @param failed          accepted, but the handler threw
 */
public record DropCounters(long malformed, long wrongVersion, long unknown, long stale, long unauthenticated, long failed) {
    public long total() {
        return malformed + wrongVersion + unknown + stale + unauthenticated + failed;
    }
}
