package io.drover.cluster;

import io.drover.placement.RoutingStatistics;

/** A node's routing in which a count weighs half after each half-life. Not thread-safe. */
final class DecayedWindow {
    private final RoutingStatistics counts;
    private final double halfLifeS;
    private double seconds;

    /** @param empty becomes this window's own */
    DecayedWindow(final RoutingStatistics empty, final double halfLifeS) {
        counts = empty;
        this.halfLifeS = halfLifeS;
    }

    /** Adds what was counted in the last {@code elapsedS} seconds, and leaves {@code window} empty. */
    void add(final RoutingStatistics window, final double elapsedS) {
        final double factor = Math.pow(0.5, elapsedS / halfLifeS);
        counts.decay(factor);
        counts.merge(window);
        seconds = seconds * factor + elapsedS;
        window.decay(0);
    }

    RoutingStatistics counts() {
        return counts;
    }

    /** Positions per second, averaged over the window with the same weights. */
    double positionsPerSecond() {
        return seconds == 0 ? 0 : counts.positions() / seconds;
    }
}
