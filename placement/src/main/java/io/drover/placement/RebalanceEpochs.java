package io.drover.placement;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;

import org.jspecify.annotations.Nullable;

/**
 * Which node routes by which epoch. An epoch is in use from its publication until every node routes by a later one, so a replica may be
 * dropped once every node has confirmed an epoch that does not name it.
 */
final class RebalanceEpochs {
    private static final class Reader {
        Epoch applied;
        int sends;
        long resendNs = Long.MAX_VALUE;

        Reader(final Epoch applied) {
            this.applied = applied;
        }
    }

    private final TreeMap<String, Reader> readers = new TreeMap<>();
    private Epoch newest;
    /** The oldest epoch that a member may still route by; null if it has to be found out. */
    private @Nullable Epoch oldest;
    /** No member is due before. */
    private long dueNs = Long.MAX_VALUE;
    private int mostSends;

    RebalanceEpochs(final long term) {
        newest = new Epoch(term, 0);
    }

    Epoch newest() {
        return newest;
    }

    void restart(final long term) {
        newest = new Epoch(term, 0);
    }

    void join(final String nodeId, final Epoch applied) {
        readers.put(nodeId, new Reader(applied));
        oldest = null;
    }

    void leave(final String nodeId) {
        readers.remove(nodeId);
        oldest = null;
    }

    boolean isMember(final String nodeId) {
        return readers.containsKey(nodeId);
    }

    int size() {
        return readers.size();
    }

    List<String> members() {
        return List.copyOf(readers.keySet());
    }

    /** @return whether this is news */
    boolean applied(final String nodeId, final Epoch epoch) {
        final Reader reader = readers.get(nodeId);
        if (reader == null || epoch.compareTo(reader.applied) <= 0 || epoch.compareTo(newest) > 0) {
            return false;
        }
        oldest = reader.applied.equals(oldest) ? null : oldest;
        reader.applied = epoch;
        if (epoch.equals(newest)) {
            reader.resendNs = Long.MAX_VALUE;
        }
        return true;
    }

    /** Whether no node can still route by an epoch before this one. */
    boolean allReached(final Epoch epoch) {
        if (readers.isEmpty()) {
            return true;
        }
        if (oldest == null) {
            oldest = readers.values().stream().map(reader -> reader.applied).min(Comparator.naturalOrder()).orElseThrow();
        }
        return oldest.compareTo(epoch) >= 0;
    }

    /** Begins a new epoch, which all members are to be sent. */
    Epoch advance(final long nowNs, final long acknowledgeNs) {
        newest = newest.next();
        for (final Reader reader : readers.values()) {
            reader.sends = 1;
            reader.resendNs = nowNs + acknowledgeNs;
        }
        dueNs = nowNs + acknowledgeNs;
        mostSends = 1;
        return newest;
    }

    /** Marks a member that has never been sent the newest epoch. */
    void owe(final String nodeId, final long nowNs) {
        final Reader reader = readers.get(nodeId);
        if (reader != null && newest.number() > 0 && reader.applied.compareTo(newest) < 0) {
            reader.sends = 0;
            reader.resendNs = nowNs;
            dueNs = Math.min(dueNs, nowNs);
        }
    }

    /** Members that are due to be sent the newest epoch again; each counts as sent. */
    List<String> due(final long nowNs, final long acknowledgeNs, final long longestNs) {
        if (nowNs < dueNs) {
            return List.of();
        }
        List<String> due = null;
        dueNs = Long.MAX_VALUE;
        for (final var entry : readers.entrySet()) {
            final Reader reader = entry.getValue();
            if (reader.resendNs <= nowNs) {
                due = due == null ? new ArrayList<>() : due;
                due.add(entry.getKey());
                reader.resendNs = nowNs + Math.min(longestNs, acknowledgeNs << Math.min(20, reader.sends));
                reader.sends++;
                mostSends = Math.max(mostSends, reader.sends);
            }
            dueNs = Math.min(dueNs, reader.resendNs);
        }
        return due == null ? List.of() : due;
    }

    /** A member that has been sent the newest epoch more than so many times, if there is one. */
    @Nullable
    String lagging(final int maxSends) {
        if (mostSends <= maxSends) {
            return null;
        }
        for (final var entry : readers.entrySet()) {
            if (entry.getValue().sends > maxSends && entry.getValue().resendNs != Long.MAX_VALUE) {
                return entry.getKey();
            }
        }
        return null;
    }

    boolean settled() {
        for (final Reader reader : readers.values()) {
            if (reader.resendNs != Long.MAX_VALUE) {
                return false;
            }
        }
        return true;
    }
}
