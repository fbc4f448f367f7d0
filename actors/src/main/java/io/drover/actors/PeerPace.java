package io.drover.actors;

import java.util.Arrays;

import org.jspecify.annotations.Nullable;

/**
 * How fast each peer answers expert calls: learned from its recent answers, and compared with the other peers. A pure step machine.
 * All times are per unit of work: a frame is as many units as rows wait at the peer with it, plus {@link #FRAME_UNITS} for its way.
 *
 * <p>Two things follow. After {@link #deadlineNs} a frame is worth a second call elsewhere (a hedge: Dean and Barroso 2013, The Tail
 * at Scale): a quantile of what this peer usually takes, or a multiple of what peers usually take, whichever is less; so a peer that
 * becomes slow cannot teach that slow is usual. And a peer that stays slow is used only where no other has a replica:
 *
 * <pre>
 * state     leaves when                                                            next
 * TRUSTED   slowFactor times slower than the middle of its peers, and not in time  SLOW for the recovery time
 * SLOW      its answers (to calls that nobody else can take) are no longer slow    TRUSTED
 *           its time is up                                                         TRIED
 * TRIED     {@link #ENOUGH} answers, none of them making it slow                   TRUSTED
 *           slow again                                                             SLOW, twice as long as the last time
 * </pre>
 */
final class PeerPace {
    /**
     * @param quantile   of a peer's recent answers, after which a call is late; between 0 and 1
     * @param floorNs    no call is late before
     * @param ceilingNs  each call is late after
     * @param slowFactor times slower than the peers' middle
     * @param recoveryNs how long a slow peer is left alone for the first time
     */
    record Limits(double quantile, long floorNs, long ceilingNs, double slowFactor, long recoveryNs) {}

    /** The way there and back, in rows of work. */
    static final int FRAME_UNITS = 8;
    /** Answers before a peer is judged, and that a peer on trial must give. */
    static final int ENOUGH = 16;

    private static final int WINDOW = 128;
    private static final int SORT_EVERY = 16;
    private static final double MIDDLES = 3;
    private static final int MAX_DOUBLINGS = 5;

    private enum State {
        TRUSTED, SLOW, TRIED
    }

    private static final class Peer {
        final float[] recent = new float[WINDOW];
        int answers;
        int sinceChange;
        double quantile;
        double mean;
        State state = State.TRUSTED;
        int strikes;
        long slowUntilNs;
    }

    private final Limits limits;
    private final float[] sorted = new float[WINDOW];
    private @Nullable Peer[] peers = new Peer[0];
    private double[] means = new double[0];

    PeerPace(final Limits limits) {
        this.limits = limits;
    }

    /** A frame with the last of so many rows that wait at the peer has been answered. */
    void answered(final int node, final int units, final long elapsedNs, final long nowNs) {
        final Peer peer = peer(node);
        final double sample = (double) elapsedNs / units;
        peer.recent[peer.answers++ % WINDOW] = (float) sample;
        peer.mean = peer.answers == 1 ? sample : peer.mean + (sample - peer.mean) / 8;
        peer.sinceChange++;
        if (peer.answers == ENOUGH || peer.answers % SORT_EVERY == 0) {
            final int count = Math.min(peer.answers, WINDOW);
            System.arraycopy(peer.recent, 0, sorted, 0, count);
            Arrays.sort(sorted, 0, count);
            peer.quantile = sorted[Math.min(count - 1, (int) (count * limits.quantile()))];
        }
        judge(peer, units, nowNs);
    }

    /** A frame is late and has not been answered: the peer needs longer than this, nobody knows how much. */
    void late(final int node, final int units, final long elapsedNs, final long nowNs) {
        final Peer peer = peer(node);
        peer.mean += Math.max(0, 2.0 * elapsedNs / units - peer.mean) / 4;
        peer.sinceChange++;
        judge(peer, units, nowNs);
    }

    private void judge(final Peer peer, final int units, final long nowNs) {
        final double middle = middle();
        final boolean slow = peer.answers >= ENOUGH && middle > 0 && peer.mean > limits.slowFactor() * middle
                && peer.mean * units > limits.floorNs();
        if (slow && peer.state != State.SLOW) {
            peer.strikes = peer.state == State.TRIED ? Math.min(peer.strikes + 1, MAX_DOUBLINGS) : 0;
            peer.slowUntilNs = nowNs + (limits.recoveryNs() << peer.strikes);
            change(peer, State.SLOW);
        } else if (!slow && peer.state != State.TRUSTED && peer.sinceChange >= ENOUGH) {
            change(peer, State.TRUSTED);
        }
    }

    private static void change(final Peer peer, final State state) {
        peer.state = state;
        peer.sinceChange = 0;
    }

    /** Tries peers again whose time is up. */
    void poll(final long nowNs) {
        for (final Peer peer : peers) {
            if (peer != null && peer.state == State.SLOW && nowNs - peer.slowUntilNs >= 0) {
                change(peer, State.TRIED);
                peer.mean = middle();
            }
        }
    }

    /** The mean of the peer in the middle; of two the faster, so that a single slow one is never the measure. */
    private double middle() {
        if (means.length < peers.length) {
            means = new double[peers.length];
        }
        int count = 0;
        for (final Peer peer : peers) {
            if (peer != null && peer.answers >= ENOUGH) {
                means[count++] = peer.mean;
            }
        }
        Arrays.sort(means, 0, count);
        return count < 2 ? 0 : means[(count - 1) / 2];
    }

    /** How long after its sending a frame is worth a second call. */
    long deadlineNs(final int node, final int units) {
        final Peer peer = node < peers.length ? peers[node] : null;
        final double middle = middle();
        double perUnit = peer == null || peer.answers < ENOUGH ? Double.POSITIVE_INFINITY : peer.quantile;
        if (middle > 0) {
            perUnit = Math.min(perUnit, MIDDLES * middle);
        }
        return (long) Math.clamp(perUnit * units, (double) limits.floorNs(), (double) limits.ceilingNs());
    }

    /** Whether the peer is to be left alone where another can do the work. */
    boolean slow(final int node) {
        return node < peers.length && peers[node] != null && peers[node].state == State.SLOW;
    }

    /** Whether the peer is neither slow nor on trial. */
    boolean trusted(final int node) {
        return node >= peers.length || peers[node] == null || peers[node].state == State.TRUSTED;
    }

    /** What the peer needs for a small frame; 0 where nothing is known. */
    long typicalNs(final int node) {
        return node < peers.length && peers[node] != null ? (long) (peers[node].mean * (FRAME_UNITS + 1)) : 0;
    }

    /** The peer's process is gone. */
    void forget(final int node) {
        if (node < peers.length) {
            peers[node] = null;
        }
    }

    private Peer peer(final int node) {
        if (node >= peers.length) {
            peers = Arrays.copyOf(peers, node + 1);
        }
        Peer peer = peers[node];
        if (peer == null) {
            peer = new Peer();
            peers[node] = peer;
        }
        return peer;
    }
}
