package io.drover.streams;

import com.typesafe.config.Config;

/**
 * How a media driver runs: {@code drover.streams} of the configuration, where each key is explained.
 *
 * @param aeronDirectory   empty for a new one of its own
 * @param idleYields       turns without work before the driver's thread sleeps
 * @param longestSleepNs   of the driver's thread
 * @param clientLivenessNs after which a silent node is forgotten
 * @param driverTimeoutNs  after which a silent driver counts as dead
 */
public record DriverSettings(String aeronDirectory, int idleYields, long longestSleepNs, long clientLivenessNs,
        long driverTimeoutNs) {

    /**
     * Reads {@code drover.streams}.
     *
     * @throws IllegalArgumentException naming key, value and expectation
     */
    public static DriverSettings from(final Config root) {
        final Settings plane = new Settings(root, "drover.streams");
        final Settings driver = new Settings(root, "drover.streams.driver");
        return new DriverSettings(plane.text("aeron-directory"), driver.count("idle-yields", 0, 10_000_000),
                driver.durationNs("longest-sleep", 0, 100), driver.durationNs("client-liveness", 2_000, 600_000),
                plane.durationNs("driver-timeout", 100, 120_000));
    }

    /** These settings with a directory. */
    public DriverSettings withAeronDirectory(final String directory) {
        return new DriverSettings(directory, idleYields, longestSleepNs, clientLivenessNs, driverTimeoutNs);
    }
}
