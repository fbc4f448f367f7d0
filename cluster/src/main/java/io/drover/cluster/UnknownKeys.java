package io.drover.cluster;

import java.util.Comparator;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigValue;

/**
 * Finds misspelt keys: whatever stands under {@code drover} in a configuration must be in some module's {@code reference.conf}. A key
 * that is ignored in silence is worse than a node that does not start.
 */
final class UnknownKeys {
    private static final String ROOT = "drover";

    private UnknownKeys() {}

    /**
     * @param overlay what the user wrote, without the references
     * @throws SettingsException naming the first unknown key, where it stands, and the nearest known one
     */
    static void refuse(final Config overlay) {
        if (!overlay.hasPath(ROOT)) {
            return;
        }
        final Set<String> known = keys(ConfigFactory.defaultReference().withOnlyPath(ROOT)).keySet();
        keys(overlay.withOnlyPath(ROOT)).forEach((key, value) -> {
            if (!known.contains(key)) {
                final String nearest = known.stream()
                        .min(Comparator.<String>comparingInt(other -> distance(key, other))
                                .thenComparing(Comparator.naturalOrder()))
                        .orElseThrow();
                throw new SettingsException("config key " + key + " (" + value.origin().description()
                        + ") is unknown; the nearest known one is " + nearest);
            }
        });
    }

    private static Map<String, ConfigValue> keys(final Config config) {
        return config.root().isEmpty()
                ? Map.of()
                : config.entrySet()
                        .stream()
                        .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue, (a, b) -> a, TreeMap::new));
    }

    /** Levenshtein's. */
    static int distance(final String a, final String b) {
        int[] previous = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            previous[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            final int[] current = new int[b.length() + 1];
            current[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                final int replaced = previous[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                current[j] = Math.min(replaced, Math.min(previous[j], current[j - 1]) + 1);
            }
            previous = current;
        }
        return previous[b.length()];
    }
}
