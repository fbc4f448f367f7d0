package io.drover.cluster;

import java.time.Duration;

import com.typesafe.config.Config;

/**
 * How a node reports what its gates chose: {@code drover.cluster.statistics-*}, where each key is explained.
 *
 * @param interval between two reports
 * @param halfLife after which a count weighs half
 * @param maxBytes of a report
 * @param recordBytes of a recording that may wait for its reader
 */
public record StatisticsSettings(Duration interval, Duration halfLife, int maxBytes, long recordBytes) {
    private static final Duration LEAST_SILENCE = Duration.ofSeconds(15);
    private static final int LEAST_BYTES = 64 << 10;
    /** A report is one control message, and those have at most 4 MiB. */
    private static final int MOST_BYTES = 3 << 20;

    /** @throws SettingsException naming key, value and expectation */
    static StatisticsSettings from(final Config own) {
        final long bytes = own.getBytes("statistics-size");
        require(bytes >= LEAST_BYTES && bytes <= MOST_BYTES, "statistics-size", own, "64 KiB to 3 MiB");
        final Duration interval = own.getDuration("statistics-interval");
        require(interval.toMillis() >= 100, "statistics-interval", own, "at least 100 ms");
        final Duration halfLife = own.getDuration("statistics-half-life");
        require(halfLife.toMillis() >= 100, "statistics-half-life", own, "at least 100 ms");
        final long recordBytes = own.getBytes("record-buffer");
        require(recordBytes >= LEAST_BYTES, "record-buffer", own, "at least 64 KiB");
        return new StatisticsSettings(interval, halfLife, (int) bytes, recordBytes);
    }

    /** How long a coordinator believes a node that sends nothing. */
    long silenceNs() {
        return Math.max(3 * interval.toNanos(), LEAST_SILENCE.toNanos());
    }

    private static void require(final boolean holds, final String key, final Config own, final String expected) {
        if (!holds) {
            throw new SettingsException(
                    "drover.cluster." + key + " = " + own.getValue(key).unwrapped() + "; expected " + expected);
        }
    }
}
