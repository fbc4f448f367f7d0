package io.drover.placement.lab;

import java.util.Map;
import java.util.TreeMap;

/**
 * What {@code --simulate} asks for, e.g. {@code layers=61,experts=384,top-k=8,devices=320}.
 *
 * @param layers       layers with routed experts
 * @param experts      routed experts of each
 * @param topK         experts per token and layer
 * @param devices      of the cluster
 * @param devicesPerNode of a node, which is also a host
 * @param hours        of load
 * @param windowSeconds of each window
 * @param tokens       recorded of each window, a sample of what passes
 * @param rate         tokens per second that pass
 * @param topics       kinds of text, whose shares shift over the hours
 */
record SimulationSpec(int layers, int experts, int topK, int devices, int devicesPerNode, int hours, int windowSeconds,
        int tokens,
        double rate, int topics) {
    private static final Map<String, Integer> DEFAULTS = Map.of("layers", 61, "experts", 384, "top-k", 8, "devices", 320,
            "devices-per-node", 8, "hours", 2, "window-s", 300, "tokens", 1000, "rate", 200_000, "topics", 8);

    /** @throws IllegalArgumentException if a key is unknown or a value out of range */
    static SimulationSpec parse(final String text) {
        final Map<String, Integer> values = new TreeMap<>(DEFAULTS);
        for (final String part : text.split(",")) {
            final String[] pair = part.strip().split("=");
            if (pair.length != 2 || !values.containsKey(pair[0].strip())) {
                throw new IllegalArgumentException("--simulate has '" + part.strip() + "'; expected KEY=NUMBER with a key of "
                        + values.keySet());
            }
            try {
                values.put(pair[0].strip(), Integer.parseInt(pair[1].strip()));
            } catch (final NumberFormatException e) {
                throw new IllegalArgumentException("--simulate has '" + part.strip() + "'; expected a whole number", e);
            }
        }
        values.forEach((key, value) -> {
            if (value < 1) {
                throw new IllegalArgumentException("--simulate has " + key + "=" + value + "; expected at least 1");
            }
        });
        if (values.get("top-k") > values.get("experts") || values.get("experts") > Short.MAX_VALUE || values.get("top-k") > 64) {
            throw new IllegalArgumentException(
                    "--simulate has top-k=" + values.get("top-k") + " of experts=" + values.get("experts")
                            + "; expected at most 64 of at most " + Short.MAX_VALUE + ", and not more than there are");
        }
        return new SimulationSpec(values.get("layers"), values.get("experts"), values.get("top-k"), values.get("devices"),
                values.get("devices-per-node"), values.get("hours"), values.get("window-s"), values.get("tokens"),
                values.get("rate"), values.get("topics"));
    }

    int windows() {
        return Math.max(1, hours * 3600 / windowSeconds);
    }
}
