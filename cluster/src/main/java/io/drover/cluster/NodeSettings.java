package io.drover.cluster;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

import com.sun.management.OperatingSystemMXBean;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;

import io.drover.actors.EngineSettings;
import io.drover.streams.BulkSettings;
import io.drover.streams.DataPlaneSettings;

/**
 * How a node is run: {@code drover.cluster} of its configuration, where each key is explained, with the settings of its engine and data
 * plane.
 *
 * @param statistics {@code drover.cluster.statistics-*}
 * @param weights where expert weights may come from, and the bulk plane
 * @param engine {@code drover.engine}
 * @param plane  {@code drover.streams}
 * @param config resolved, with all references of {@code drover}; {@code pekko} in it holds only what the user overrides
 */
public record NodeSettings(String nodeName, Path modelDirectory, String modelName, String host, int port, List<String> seeds,
        int expectedNodes, Duration joinTimeout, String dataHost, int dataPort, long memoryBudgetBytes, int parallelLoads,
        Duration replicaTimeout, Duration replicaRetry, Duration learnTimeout, Duration lostAfter, Duration minorityAfter,
        Duration leaveTimeout, Duration coordinatorTimeout,
        StatisticsSettings statistics, WeightSettings weights,
        EngineSettings engine, DataPlaneSettings plane,
        Config config) {

    private static final String SECTION = "drover.cluster";
    private static final Set<String> KERNELS = Set.of("auto", "vector", "vector-256", "vector-512", "plain");
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,62}");

    public NodeSettings {
        seeds = List.copyOf(seeds);
    }

    /**
     * Reads and checks a configuration.
     *
     * @param overlay what the user wrote, without references; may hold {@code drover} and {@code pekko}
     * @throws SettingsException naming key, value and expectation
     */
    public static NodeSettings of(final Config overlay) {
        UnknownKeys.refuse(overlay);
        try {
            return read(withReferences(overlay));
        } catch (final ConfigException e) {
            throw new SettingsException(oneLine(e), e);
        } catch (final IllegalArgumentException e) {
            throw new SettingsException(String.valueOf(e.getMessage()), e);
        }
    }

    /** The user's configuration over the references of all modules, with {@code pekko} holding only what the user wrote. */
    private static Config withReferences(final Config overlay) {
        final Config drover = ConfigFactory.defaultReference().withOnlyPath("drover");
        return overlay.withFallback(drover).resolve();
    }

    private static NodeSettings read(final Config config) {
        final Config own = config.getConfig(SECTION);
        final String name = own.getString("node-name");
        require(NAME.matcher(name).matches(), "node-name", name, "1 to 63 letters, digits, '-', '_' or '.'");
        final String directory = own.getString("model-directory");
        require(!directory.isEmpty(), "model-directory", "''", "the directory of a model");
        final Path model = Path.of(directory).toAbsolutePath().normalize();
        final String modelName = own.getString("model-name");
        final String host = text(own, "host");
        final List<String> seeds = own.getStringList("seeds");
        seeds.forEach(seed -> requireAddress("seeds", seed));
        require(new HashSet<>(seeds).size() == seeds.size(), "seeds", seeds.toString(), "each address once");
        final String dataHost = own.getString("data-host");
        final long budget = own.getMemorySize("memory-budget").toBytes();
        requireKernels(config.getString("drover.engine.kernels"));
        PlacementModel.rebalance(config);
        return new NodeSettings(name, model, modelName.isEmpty() ? String.valueOf(model.getFileName()) : modelName, host,
                port(own, "port"), seeds, atLeastOne(own, "expected-nodes"), positive(own, "join-timeout"),
                dataHost.isEmpty() ? host : dataHost, port(own, "data-port"), budget == 0 ? machineMemoryBytes() / 2 : budget,
                atLeastOne(own, "parallel-loads"), positive(own, "replica-timeout"), positive(own, "replica-retry"),
                positive(own, "learn-timeout"), positive(own, "lost-after"), positive(own, "minority-after"),
                positive(own, "leave-timeout"), positive(own, "coordinator-timeout"),
                StatisticsSettings.from(own), weights(own, config), EngineSettings.from(config), DataPlaneSettings.from(config),
                config);
    }

    private static WeightSettings weights(final Config own, final Config config) {
        final String value = own.getString("weights");
        require(value.equals("files") || value.equals("peers"), "weights", value, "files or peers");
        return new WeightSettings(value.equals("peers"), port(own, "bulk-port"), BulkSettings.from(config));
    }

    private static void requireKernels(final String value) {
        if (!KERNELS.contains(value)) {
            throw new SettingsException(
                    "drover.engine.kernels = " + value + (value.equals("cuda") ? ": this build has no CUDA kernels" : "")
                            + "; expected " + String.join(", ", new TreeSet<>(KERNELS)));
        }
    }

    private static String text(final Config own, final String key) {
        final String value = own.getString(key);
        require(!value.isBlank(), key, "''", "a value");
        return value;
    }

    private static int port(final Config own, final String key) {
        final int value = own.getInt(key);
        require(value >= 0 && value <= 0xffff, key, Integer.toString(value), "0 to 65535");
        return value;
    }

    private static int atLeastOne(final Config own, final String key) {
        final int value = own.getInt(key);
        require(value >= 1, key, Integer.toString(value), "at least 1");
        return value;
    }

    private static Duration positive(final Config own, final String key) {
        final Duration value = own.getDuration(key);
        require(!value.isNegative() && !value.isZero(), key, own.getString(key), "a time above 0");
        return value;
    }

    private static void requireAddress(final String key, final String address) {
        final int colon = address.lastIndexOf(':');
        try {
            final int port = Integer.parseInt(address.substring(colon + 1));
            require(colon > 0 && port > 0 && port <= 0xffff, key, address, "host:port");
        } catch (final NumberFormatException e) {
            throw refused(key, address, "host:port");
        }
    }

    private static void require(final boolean holds, final String key, final String value, final String expected) {
        if (!holds) {
            throw refused(key, value, expected);
        }
    }

    private static SettingsException refused(final String key, final String value, final String expected) {
        return new SettingsException(SECTION + "." + key + " = " + value + "; expected " + expected);
    }

    private static String oneLine(final ConfigException e) {
        return String.valueOf(e.getMessage()).replaceAll("\\s*\\R\\s*", " ");
    }

    private static long machineMemoryBytes() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getTotalMemorySize();
    }
}
