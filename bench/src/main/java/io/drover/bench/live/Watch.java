package io.drover.bench.live;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;

import io.drover.placement.Epoch;

/** Looks at nodes again and again: whether they say that they are ready, and by which table they route. */
final class Watch implements AutoCloseable {
    private static final long INTERVAL_MS = 200;

    /**
     * @param ns        when it was asked for
     * @param readiness as told
     * @param epoch     that it routes by; {@link Epoch#NONE} if it did not answer
     * @param states    what it takes the nodes for, by name, as JSON; empty if it did not answer
     */
    record Sight(long ns, int node, LiveCluster.Readiness readiness, Epoch epoch, JsonNode states) {
        boolean sees(final int other, final String state) {
            for (final JsonNode each : states) {
                if (each.path("name").asText().equals("node-" + other)) {
                    return each.path("state").asText().equals(state);
                }
            }
            return false;
        }
    }

    private final List<Sight> sights = new ArrayList<>();
    private final List<Thread> watchers = new ArrayList<>();
    private volatile boolean over;

    Watch(final LiveCluster cluster, final List<Integer> nodes) {
        for (final int node : nodes) {
            watchers.add(Thread.ofPlatform().daemon().name("watch-" + node).start(() -> watch(cluster, node)));
        }
    }

    private void watch(final LiveCluster cluster, final int node) {
        while (!over) {
            final long ns = System.nanoTime();
            final LiveCluster.Readiness readiness = cluster.readiness(node);
            JsonNode status = MissingNode.getInstance();
            if (readiness.status() > 0) {
                try {
                    status = cluster.get(node, "/admin/status");
                } catch (final IOException gone) {
                    // It has just ended; the next look says so.
                }
            }
            final JsonNode epoch = status.path("epoch");
            if (over) {
                // What was interrupted says nothing.
                return;
            }
            synchronized (sights) {
                sights.add(new Sight(ns, node, readiness, new Epoch(epoch.path("term").asLong(), epoch.path("number").asLong()),
                        status.path("nodes")));
            }
            try {
                Thread.sleep(INTERVAL_MS);
            } catch (final InterruptedException e) {
                return;
            }
        }
    }

    List<Sight> of(final int node, final long fromNs) {
        synchronized (sights) {
            return sights.stream().filter(sight -> sight.node == node && sight.ns >= fromNs).toList();
        }
    }

    /** Seconds from a time to the first sight of a node that is so; infinite if there was none. */
    double afterS(final int node, final long fromNs, final Predicate<Sight> so) {
        return of(node, fromNs).stream()
                .filter(so)
                .mapToDouble(sight -> (sight.ns - fromNs) / 1e9)
                .findFirst()
                .orElse(Double.POSITIVE_INFINITY);
    }

    @Override
    public void close() {
        over = true;
        watchers.forEach(Thread::interrupt);
    }
}
