package io.drover.server;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;

import org.jspecify.annotations.Nullable;

import com.typesafe.config.Config;

/**
 * The settings of a process and its door: {@code drover.process} and {@code drover.http} of {@code reference.conf}, where each key's
 * meaning and unit stands.
 *
 * @param address            the address to listen on
 * @param port               0 for a free one
 * @param apiKey             null if {@code /v1} is open
 * @param adminKey           null if {@code /admin} is open to loopback
 * @param guardMetrics       whether {@code /metrics} asks for the admin key
 * @param corsOrigins        origins that browsers may call from
 * @param maxBodyBytes       largest request body
 * @param bodyDeadline       for a request's body to arrive
 * @param maxSequences       prompts times n of one request
 * @param generationDeadline for a whole request
 * @param idleDeadline       for a client that does not read
 * @param maxConnections     open at once
 * @param shutdownGrace      for streams in flight at shutdown
 * @param pekko              configuration of the actor system behind the door
 * @param backgroundNiceness added to that of the process once it serves, for {@link BackgroundThreads}
 */
public record ServerSettings(InetAddress address, int port, @Nullable String apiKey, @Nullable String adminKey,
        boolean guardMetrics, List<String> corsOrigins, int maxBodyBytes, Duration bodyDeadline, int maxSequences,
        Duration generationDeadline, Duration idleDeadline, int maxConnections, Duration shutdownGrace, Config pekko,
        int backgroundNiceness) {

    private static final String PATH = "drover.http";
    private static final String NICENESS = "drover.process.background-niceness";

    public ServerSettings {
        corsOrigins = List.copyOf(corsOrigins);
        require(port >= 0 && port <= 65_535, "port", port, "0 to 65535");
        require(maxBodyBytes > 0, "max-body-size", maxBodyBytes, "more than 0 bytes");
        require(maxSequences > 0, "max-sequences", maxSequences, "at least 1");
        require(maxConnections > 0, "max-connections", maxConnections, "at least 1");
        requirePositive("body-deadline", bodyDeadline);
        requirePositive("generation-deadline", generationDeadline);
        requirePositive("idle-deadline", idleDeadline);
        require(!shutdownGrace.isNegative(), "shutdown-grace", shutdownGrace, "0 or more");
        if (backgroundNiceness < 0 || backgroundNiceness > BackgroundThreads.LEAST_URGENT) {
            throw new IllegalArgumentException(
                    NICENESS + " is " + backgroundNiceness + "; expected 0 to " + BackgroundThreads.LEAST_URGENT);
        }
    }

    /**
     * @param config      resolved
     * @param environment where the keys are looked up
     * @throws IllegalArgumentException                naming the key, its value and the expected ones
     * @throws com.typesafe.config.ConfigException if a key is missing or has the wrong type
     */
    public static ServerSettings from(final Config config, final Map<String, String> environment) {
        final Config http = config.getConfig(PATH);
        return new ServerSettings(address(http.getString("interface")), http.getInt("port"),
                secret(environment, http.getString("api-key-variable")),
                secret(environment, http.getString("admin-key-variable")),
                http.getBoolean("guard-metrics"), http.getStringList("cors-origins"),
                Math.toIntExact(http.getBytes("max-body-size")), http.getDuration("body-deadline"),
                http.getInt("max-sequences"), http.getDuration("generation-deadline"), http.getDuration("idle-deadline"),
                http.getInt("max-connections"), http.getDuration("shutdown-grace"), http.withOnlyPath("pekko"),
                config.getInt(NICENESS));
    }

    /** Whether only this machine can connect. */
    boolean loopback() {
        return address.isLoopbackAddress();
    }

    private static InetAddress address(final String value) {
        try {
            return InetAddress.getByName(value);
        } catch (final UnknownHostException e) {
            throw new IllegalArgumentException(PATH + ".interface '" + value + "' is not an address of this machine", e);
        }
    }

    private static @Nullable String secret(final Map<String, String> environment, final String variable) {
        final String value = Objects.requireNonNullElse(environment.get(variable), "").strip();
        return value.isEmpty() ? null : value;
    }

    private static void requirePositive(final String key, final Duration value) {
        require(value.isPositive(), key, value, "more than 0");
    }

    private static void require(final boolean holds, final String key, final Object value, final String expected) {
        if (!holds) {
            throw new IllegalArgumentException(PATH + "." + key + " is " + value + "; expected " + expected);
        }
    }
}
