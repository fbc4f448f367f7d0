package io.drover.cluster;

/**
 * One life of an actor system.
 *
 * @param address {@code host:port}
 * @param uid     differs between lives
 */
record MemberId(String address, long uid) implements Comparable<MemberId> {
    @Override
    public int compareTo(final MemberId other) {
        final int byAddress = address.compareTo(other.address);
        return byAddress != 0 ? byAddress : Long.compare(uid, other.uid);
    }
}
