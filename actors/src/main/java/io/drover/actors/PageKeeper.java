package io.drover.actors;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;

import org.agrona.collections.LongArrayList;
import org.jspecify.annotations.Nullable;

import io.drover.model.forward.KvPool;

/**
 * The buddy's side of {@link PageCopier}: keeps copies of other homes' pages in this node's own cache, so that a sequence that
 * comes here takes them over without a copy. A pure step machine. Pages of this node's sequences always come first: kept ones are
 * given up for them.
 *
 * <p>What is kept of a sequence goes, with all its pages, when
 * <ul>
 * <li>the sequence comes here and starts: it takes the pages whose ids are its own;
 * <li>its home has released it, some time ago: if that is because another home goes on, that may be this one, and its offer may
 * still be on the way;
 * <li>its home was lost, and nobody has offered the sequence here for long; or its gateway was lost; or no page came for long;
 * <li>the memory is needed: for a sequence of this node, or for one that has more pages and so more to lose.
 * </ul>
 */
final class PageKeeper {
    /** The cache. */
    interface Memory {
        /** A page for the caller, or {@link #NONE}. */
        long take();

        void giveBack(long page);
    }

    /** What the machine asks of its shell. */
    interface Actions {
        /** The home is to go on after so many pages. */
        void resume(int home, Sequence.Key key, long ownerTerm, int pages);

        /** Nothing is kept of the sequence, and nothing more will be. */
        void dropped(int home, Sequence.Key key, long ownerTerm);
    }

    /**
     * @param pagePositions positions of a page
     * @param pageBytes     bytes of a page
     * @param maxPages      kept at once; 0 to keep nothing
     * @param keepNs        since the last page came
     * @param graceNs       since the home released it
     * @param orphanNs      since the home was lost
     * @param idHash        the name of no positions, see {@link IdHash}
     */
    record Limits(int pagePositions, int pageBytes, int maxPages, long keepNs, long graceNs, long orphanNs, long idHash) {}

    /** No page. */
    static final long NONE = KvPool.NONE;

    private static final long ASK_AGAIN_NS = 100_000_000;

    private enum Worth {
        /** Its sequence has ended, or moves. */
        RELEASED,
        /** Its home lives. */
        SPARE,
        /** Its home was lost. */
        WANTED
    }

    private static final class Kept {
        final Sequence.Key key;
        final int home;
        final long ownerTerm;
        final LongArrayList pages = new LongArrayList();
        /** Of the ids up to the end of each page. */
        final LongArrayList hashes = new LongArrayList();
        /** The page that comes now, and how much of it has come. */
        long next = NONE;
        int filled;
        Worth worth = Worth.SPARE;
        long untilNs;
        long askedNs = Long.MIN_VALUE / 2;

        Kept(final Sequence.Key key, final int home, final long ownerTerm) {
            this.key = key;
            this.home = home;
            this.ownerTerm = ownerTerm;
        }

        int held() {
            return pages.size() + (next == NONE ? 0 : 1);
        }
    }

    private final Limits limits;
    private final Memory memory;
    private final Actions actions;
    private final Map<Sequence.Key, Kept> kept = new HashMap<>();
    private Sequence.@Nullable Key stranger;
    private long strangerNs;
    private int pages;
    private long positionsAdopted;
    private long evicted;
    private long mismatched;

    PageKeeper(final Limits limits, final Memory memory, final Actions actions) {
        this.limits = limits;
        this.memory = memory;
        this.actions = actions;
    }

    /**
     * Part of a page has come.
     *
     * @param idHash of all ids up to the page's end
     * @return the page that the caller writes the part to, at once; {@link #NONE} if it is not wanted
     */
    long onPart(final int from, final Sequence.Key key, final long ownerTerm, final int page, final long idHash,
            final int before, final int length, final long nowNs) {
        Kept known = kept.get(key);
        if (known != null && known.ownerTerm < ownerTerm) {
            drop(known);
            known = null;
        }
        if (known == null) {
            if (page > 0 || before > 0) {
                askForAll(from, key, ownerTerm, nowNs);
                return NONE;
            }
            known = new Kept(key, from, ownerTerm);
            kept.put(key, known);
        } else if (known.ownerTerm > ownerTerm || known.home != from) {
            return NONE;
        }
        return onPart(known, page, idHash, before, length, nowNs);
    }

    /** What comes of a sequence that is not known begins in its midst; the home is told once for all of that. */
    private void askForAll(final int from, final Sequence.Key key, final long ownerTerm, final long nowNs) {
        if (!key.equals(stranger) || nowNs - strangerNs >= ASK_AGAIN_NS) {
            stranger = key;
            strangerNs = nowNs;
            actions.resume(from, key, ownerTerm, 0);
        }
    }

    private long onPart(final Kept known, final int page, final long idHash, final int before, final int length,
            final long nowNs) {
        final int whole = known.pages.size();
        if (page > whole || page == whole && before > known.filled) {
            if (nowNs - known.askedNs >= ASK_AGAIN_NS) {
                known.askedNs = nowNs;
                actions.resume(known.home, known.key, known.ownerTerm, whole);
            }
            return NONE;
        }
        if (page < whole || before < known.filled && before > 0 || known.next == NONE && !makeRoom(known)) {
            return NONE;
        }
        if (known.worth == Worth.SPARE) {
            known.untilNs = nowNs + limits.keepNs();
        }
        known.askedNs = Long.MIN_VALUE / 2;
        known.filled = before + length;
        final long target = known.next;
        if (known.filled == limits.pageBytes()) {
            known.pages.addLong(target);
            known.hashes.addLong(idHash);
            known.next = NONE;
            known.filled = 0;
        }
        return target;
    }

    /** Takes the next page of a sequence, from the free ones or from a sequence that has less to lose. */
    private boolean makeRoom(final Kept asking) {
        while (pages >= limits.maxPages() || (asking.next = memory.take()) == NONE) {
            final Kept least = leastWorth(asking.key);
            if (least == null || least.worth == asking.worth && least.held() >= asking.held()
                    || least.worth.compareTo(asking.worth) > 0) {
                evict(asking);
                return false;
            }
            evict(least);
        }
        pages++;
        return true;
    }

    private @Nullable Kept leastWorth(final Sequence.@Nullable Key except) {
        Kept least = null;
        for (final Kept candidate : kept.values()) {
            if (!candidate.key.equals(except) && (least == null || candidate.worth.compareTo(least.worth) < 0
                    || candidate.worth == least.worth && candidate.held() < least.held())) {
                least = candidate;
            }
        }
        return least;
    }

    private void evict(final Kept victim) {
        evicted++;
        drop(victim);
        if (victim.worth == Worth.SPARE) {
            actions.dropped(victim.home, victim.key, victim.ownerTerm);
        }
    }

    private void drop(final Kept gone) {
        free(gone, 0);
    }

    /** Forgets a sequence, and gives back its pages from {@code first} on. */
    private void free(final Kept gone, final int first) {
        kept.remove(gone.key);
        pages -= gone.held() - first;
        for (int i = first; i < gone.pages.size(); i++) {
            memory.giveBack(gone.pages.getLong(i));
        }
        if (gone.next != NONE) {
            memory.giveBack(gone.next);
        }
    }

    /**
     * Gives up pages, because a sequence of this node needs room: all of one sequence and then of the next, those with the least to
     * lose first.
     *
     * @param except the sequence that needs it: its own are not given up
     * @param wanted pages to be given up at least
     * @return false, and nothing is given up, if so many are not kept
     */
    boolean giveUp(final Sequence.Key except, final int wanted) {
        final Kept own = kept.get(except);
        if (wanted > pages - (own == null ? 0 : own.held())) {
            return false;
        }
        int given = 0;
        for (Kept least; given < wanted && (least = leastWorth(except)) != null; given += least.held()) {
            evict(least);
        }
        return true;
    }

    /**
     * How many pages the sequence, which has come here in a higher owner term, can take over: those that were computed from its
     * own ids, up to the one before its last position, which is always computed anew because the next token needs its logits.
     */
    int usable(final Sequence sequence) {
        final Kept known = kept.get(sequence.key);
        if (known == null || known.ownerTerm >= sequence.ownerTerm) {
            return 0;
        }
        final int most = Math.min(known.pages.size(), (sequence.length() - 1) / limits.pagePositions());
        long hash = limits.idHash();
        for (int page = 0; page < most; page++) {
            hash = IdHash.extend(hash, sequence, page * limits.pagePositions(), (page + 1) * limits.pagePositions());
            if (hash != known.hashes.getLong(page)) {
                return page;
            }
        }
        return most;
    }

    /**
     * The sequence starts here: the first {@code count} of its pages are its own from now on, and the others are free.
     *
     * @param count at most {@link #usable}
     */
    void adopt(final Sequence sequence, final int count, final LongConsumer taker) {
        final Kept known = kept.get(sequence.key);
        if (known == null || known.ownerTerm >= sequence.ownerTerm) {
            return;
        }
        mismatched += Math.min(known.pages.size(), (sequence.length() - 1) / limits.pagePositions()) - count;
        positionsAdopted += (long) count * limits.pagePositions();
        pages -= count;
        for (int page = 0; page < count; page++) {
            taker.accept(known.pages.getLong(page));
        }
        free(known, count);
    }

    /** The home needs the copy no longer. */
    void onRelease(final int from, final Sequence.Key key, final long ownerTerm, final long nowNs) {
        final Kept known = kept.get(key);
        if (known != null && known.home == from && known.ownerTerm == ownerTerm) {
            known.worth = Worth.RELEASED;
            known.untilNs = nowNs + limits.graceNs();
        }
    }

    /** The node's process is gone. */
    void peerLost(final int node, final long nowNs) {
        for (final Kept known : List.copyOf(kept.values())) {
            if (known.key.gatewayNode() == node) {
                drop(known);
            } else if (known.home == node) {
                known.worth = Worth.WANTED;
                known.untilNs = nowNs + limits.orphanNs();
            }
        }
    }

    /** Drops what nobody has asked for in time. */
    void poll(final long nowNs) {
        List<Kept> late = List.of();
        for (final Kept known : kept.values()) {
            if (nowNs - known.untilNs >= 0) {
                late = late.isEmpty() ? new ArrayList<>() : late;
                late.add(known);
            }
        }
        late.forEach(this::drop);
    }

    /** Sequences of which something is kept. */
    int sequences() {
        return kept.size();
    }

    /** Pages that are kept, those that are still coming included. */
    int pages() {
        return pages;
    }

    /** Positions that sequences of lost homes did not compute again. */
    long positionsAdopted() {
        return positionsAdopted;
    }

    /** Sequences that were dropped because the memory was needed. */
    long evicted() {
        return evicted;
    }

    /** Pages whose ids were not those of the sequence that came for them. */
    long mismatched() {
        return mismatched;
    }
}
