package io.drover.actors;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

import org.jspecify.annotations.Nullable;

import io.drover.streams.RateLimit;

/**
 * Has another node, the buddy of each sequence, keep a copy of the full pages of this home's running sequences. A pure step
 * machine: pages are read where they lie, so there is no queue but the cache itself; what the rate or the link does not let
 * through now goes later, or never.
 *
 * <pre>
 * state of a sequence   event                          next       effect
 * -                     its first page is full         COPYING    chooses the node that keeps the fewest of this home's sequences
 * COPYING               a page is full, budget left    COPYING    sends the page in parts, and tells the gateway after the last
 *                       the buddy lacks a part         COPYING    begins that page again
 *                       the buddy is lost              COPYING    chooses another and begins again with the first page
 *                       the buddy has dropped it       GIVEN UP   until the sequence ends here
 * any                   the sequence ends              -          tells the buddy, unless another home is to go on with it
 * </pre>
 */
final class PageCopier {
    /** What the machine asks of its shell. */
    interface Actions {
        /** Other nodes that can keep pages now, the best first. */
        int[] candidates();

        /** Whether the node is heard. */
        boolean usable(int node);

        /**
         * Sends {@code [before, before + length)} of a page's bytes.
         *
         * @param idHash of all ids up to the page's end
         * @return false if the link does not take it now
         */
        boolean sendPart(int buddy, Sequence sequence, int page, long idHash, int before, int length);

        /** @return false if the link does not take it now */
        boolean sendRelease(int buddy, Sequence.Key key, long ownerTerm);

        /** The gateway is to know who has pages of the sequence. */
        void keptBy(Sequence sequence, int buddy);
    }

    /**
     * @param pagePositions  positions of a page
     * @param pageBytes      bytes of a page
     * @param partBytes      bytes of a page in one frame, at most
     * @param bytesPerSecond of all pages that are sent; 0 to copy nothing
     * @param idHash         the name of no positions, see {@link IdHash}
     */
    record Limits(int pagePositions, int pageBytes, int partBytes, long bytesPerSecond, long idHash) {}

    /** The copy of one sequence, at its home. */
    static final class Copy {
        private final Sequence sequence;
        private int buddy = NOBODY;
        private boolean givenUp;
        /** Pages that were sent whole, and bytes of the next. */
        private int pages;
        private int before;
        /** Of the ids of the pages that were sent, and of the next one's too. */
        private long hash;
        private long nextHash;

        private Copy(final Sequence sequence, final long hash) {
            this.sequence = sequence;
            this.hash = hash;
        }
    }

    private record Release(int buddy, Sequence.Key key, long ownerTerm) {}

    private static final int NOBODY = -1;
    private static final int MAX_RELEASES = 1024;
    private static final long CHOOSE_AGAIN_NS = 100_000_000;

    private final Limits limits;
    private final Actions actions;
    private final RateLimit rate;
    private final List<Copy> copies = new ArrayList<>();
    private final ArrayDeque<Release> releases = new ArrayDeque<>();
    private final Predicate<Release> sendRelease = this::sendRelease;
    private long chooseAgainNs = Long.MIN_VALUE;
    private int turn;
    private long pagesCopied;
    private long bytesCopied;
    private long givenUp;

    PageCopier(final Limits limits, final Actions actions) {
        this.limits = limits;
        this.actions = actions;
        rate = new RateLimit(limits.bytesPerSecond(), limits.partBytes(), 0);
    }

    /** @param running the sequences that have pages */
    void poll(final List<Sequence> running, final long nowNs) {
        if (limits.bytesPerSecond() == 0) {
            return;
        }
        releases.removeIf(sendRelease);
        for (int i = 0; i < running.size(); i++) {
            final Sequence sequence = running.get(i);
            if (sequence.copy == null && sequence.computed >= limits.pagePositions()) {
                sequence.copy = new Copy(sequence, limits.idHash());
                copies.add(sequence.copy);
            }
        }
        forgetEnded();
        for (int idle = 0; idle < copies.size() && rate.has(limits.partBytes(), nowNs);) {
            turn = (turn + 1) % copies.size();
            idle = sendPart(copies.get(turn), nowNs) ? 0 : idle + 1;
        }
    }

    private void forgetEnded() {
        for (int i = copies.size() - 1; i >= 0; i--) {
            final Copy copy = copies.get(i);
            if (copy.sequence.ended()) {
                copies.remove(i);
                if (copy.pages + copy.before > 0 && copy.buddy != NOBODY && !goesOnElsewhere(copy.sequence)) {
                    releaseLater(copy);
                }
            }
        }
    }

    private static boolean goesOnElsewhere(final Sequence sequence) {
        final Sequence.Ending ending = sequence.ending;
        return ending != null
                && (ending.code().equals(GatewayDesk.HANDED_OVER) || ending.code().equals(GatewayDesk.GATEWAY_LOST));
    }

    private void releaseLater(final Copy copy) {
        // One that is lost here is made good by the buddy's own deadline.
        if (releases.size() == MAX_RELEASES) {
            releases.removeFirst();
        }
        releases.add(new Release(copy.buddy, copy.sequence.key, copy.sequence.ownerTerm));
    }

    private boolean sendRelease(final Release release) {
        return actions.usable(release.buddy()) && actions.sendRelease(release.buddy(), release.key(), release.ownerTerm());
    }

    /** Sends the next part of a sequence; false if there is none, or it cannot go now. */
    private boolean sendPart(final Copy copy, final long nowNs) {
        final Sequence sequence = copy.sequence;
        final int end = (copy.pages + 1) * limits.pagePositions();
        if (sequence.computed < end || copy.givenUp || !hasBuddy(copy, nowNs)) {
            return false;
        }
        if (copy.before == 0) {
            copy.nextHash = IdHash.extend(copy.hash, sequence, end - limits.pagePositions(), end);
        }
        final int length = Math.min(limits.partBytes(), limits.pageBytes() - copy.before);
        if (!actions.sendPart(copy.buddy, sequence, copy.pages, copy.nextHash, copy.before, length)) {
            return false;
        }
        rate.take(length);
        bytesCopied += length;
        copy.before += length;
        if (copy.before == limits.pageBytes()) {
            copy.before = 0;
            copy.pages++;
            copy.hash = copy.nextHash;
            pagesCopied++;
            actions.keptBy(sequence, copy.buddy);
        }
        return true;
    }

    private boolean hasBuddy(final Copy copy, final long nowNs) {
        if (copy.buddy == NOBODY && nowNs >= chooseAgainNs) {
            copy.buddy = choose();
            if (copy.buddy == NOBODY) {
                chooseAgainNs = nowNs + CHOOSE_AGAIN_NS;
            }
        }
        return copy.buddy != NOBODY && actions.usable(copy.buddy);
    }

    private int choose() {
        int best = NOBODY;
        int fewest = Integer.MAX_VALUE;
        for (final int node : actions.candidates()) {
            int kept = 0;
            for (final Copy copy : copies) {
                kept += copy.buddy == node ? 1 : 0;
            }
            if (kept < fewest) {
                fewest = kept;
                best = node;
            }
        }
        return best;
    }

    /** A buddy has this many pages and not the next one, though a part that follows has come. */
    void onResume(final int from, final Sequence.Key key, final long ownerTerm, final int pages) {
        final Copy copy = find(from, key, ownerTerm);
        if (copy != null && pages <= copy.pages) {
            copy.pages = pages;
            copy.before = 0;
            copy.hash = IdHash.extend(limits.idHash(), copy.sequence, 0, pages * limits.pagePositions());
        }
    }

    /** A buddy has no room for the sequence. */
    void onDropped(final int from, final Sequence.Key key, final long ownerTerm) {
        final Copy copy = find(from, key, ownerTerm);
        if (copy != null) {
            copy.givenUp = true;
            copy.buddy = NOBODY;
            givenUp++;
        }
    }

    private @Nullable Copy find(final int buddy, final Sequence.Key key, final long ownerTerm) {
        for (final Copy copy : copies) {
            if (copy.buddy == buddy && copy.sequence.ownerTerm == ownerTerm && copy.sequence.key.equals(key)) {
                return copy;
            }
        }
        return null;
    }

    /** The node's process is gone, and what it kept. */
    void peerLost(final int node) {
        for (final Copy copy : copies) {
            if (copy.buddy == node) {
                copy.buddy = NOBODY;
                copy.pages = 0;
                copy.before = 0;
                copy.hash = limits.idHash();
            }
        }
        releases.removeIf(release -> release.buddy() == node);
    }

    /** Sequences that are copied now. */
    int copies() {
        return copies.size();
    }

    /** Pages that were sent whole; one that was sent again counts again. */
    long pagesCopied() {
        return pagesCopied;
    }

    long bytesCopied() {
        return bytesCopied;
    }

    /** Sequences that a buddy had no room for. */
    long givenUp() {
        return givenUp;
    }
}
