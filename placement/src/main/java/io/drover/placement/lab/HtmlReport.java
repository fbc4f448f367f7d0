package io.drover.placement.lab;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

import org.jspecify.annotations.Nullable;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import io.drover.placement.Placement;
import io.drover.placement.Relation;
import io.drover.placement.RoutingStatistics;

/**
 * The report as pictures: one HTML file with its data and script inside, which asks nothing of any network. It shows the policies in the plane
 * of traffic and imbalance, where each puts the experts, what load that makes, and the affinity that it could have used.
 */
final class HtmlReport {
    private static final String TEMPLATE = "report.html";
    private static final String DATA = "@DATA@";
    /** Affinity cells put into the file; of larger models only some layers are shown. */
    private static final int MAX_CELLS = 200_000;
    /** Replicas put into the file per policy. */
    private static final int MAX_REPLICAS = 100_000;

    /**
     * A placement to be shown.
     *
     * @param policy    that planned it
     * @param scenario  it was planned for
     * @param placement null if the policy refused
     * @param load      [layer][device] calls per position; empty if not known
     */
    record Shown(String policy, Scenario scenario, @Nullable Placement placement, double[][] load) {
        static Shown of(final Figures row) {
            return new Shown(row.policy(), row.scenario(), row.placement(), row.load());
        }

        /** What a policy had at the end of a stream. */
        static Shown of(final OnlinePolicy policy, final Scenario scenario) {
            return new Shown(policy.name(), scenario, policy.placement(), new double[0][]);
        }
    }

    private HtmlReport() {}

    /**
     * @param report     figures and courses, whose JSON becomes part of the page
     * @param rows       placements
     * @param statistics of the part that was fitted to
     */
    static void write(final Path file, final Report report, final List<Shown> rows, final RoutingStatistics statistics)
            throws IOException {
        final ObjectNode data = report.root().deepCopy();
        placements(data.putArray("placements"), rows);
        affinity(data.putObject("affinity"), statistics);
        // A closing tag in a name must not end the script element.
        final String json = data.toString().replace("<", "\\u003c");
        Files.writeString(file, template().replace(DATA, json));
    }

    private static String template() throws IOException {
        try (InputStream in = Objects.requireNonNull(HtmlReport.class.getResourceAsStream(TEMPLATE), TEMPLATE)) {
            return new String(in.readAllBytes(), UTF_8);
        }
    }

    private static void placements(final ArrayNode array, final List<Shown> rows) {
        for (final Shown row : rows) {
            final Placement placement = row.placement();
            if (placement == null || row.scenario().slots() > MAX_REPLICAS) {
                continue;
            }
            final ObjectNode node = array.addObject();
            node.put("policy", row.policy());
            node.put("mode", row.scenario().mode().name().toLowerCase(Locale.ROOT));
            node.put("devices", row.scenario().devices());
            final ArrayNode table = node.putArray("table");
            for (int layer = 0; layer < placement.layers(); layer++) {
                final ArrayNode experts = table.addArray();
                for (int expert = 0; expert < placement.experts(layer); expert++) {
                    final ArrayNode devices = experts.addArray();
                    for (int i = 0; i < placement.replicas(layer, expert); i++) {
                        devices.add(placement.device(layer, expert, i));
                    }
                }
            }
            final ArrayNode load = node.putArray("load");
            for (final double[] layer : row.load()) {
                final ArrayNode devices = load.addArray();
                for (final double calls : layer) {
                    devices.add(Math.round(calls * 1e4) / 1e4);
                }
            }
        }
    }

    private static void affinity(final ObjectNode node, final RoutingStatistics statistics) {
        final int[] routed = statistics.routedLayers();
        final int experts = statistics.experts(routed[0]);
        final int shown = Math.clamp(MAX_CELLS / (3L * experts * experts), 1, routed.length);
        final ArrayNode layers = node.putArray("layers");
        final ArrayNode load = node.putArray("load");
        final ArrayNode handover = node.putArray("handover");
        final ArrayNode together = node.putArray("together");
        for (int i = 0; i < shown; i++) {
            final int layer = routed[(int) ((long) i * routed.length / shown)];
            layers.add(layer);
            matrix(handover.addArray(), Relation.OWNER_HANDOVER, layer, statistics);
            matrix(together.addArray(), Relation.COACTIVATION, layer, statistics);
        }
        for (final int layer : routed) {
            final ArrayNode calls = load.addArray();
            for (int expert = 0; expert < statistics.experts(layer); expert++) {
                calls.add(Math.round(1e5 * statistics.calls(layer, expert) / statistics.positions()) / 1e5);
            }
        }
    }

    /** Pairs per 10,000 positions, row by row. */
    private static void matrix(
            final ArrayNode array, final Relation relation, final int layer, final RoutingStatistics statistics) {
        final int experts = statistics.experts(layer);
        final boolean leads = relation == Relation.COACTIVATION || statistics.nextRouted(layer) >= 0;
        for (int from = 0; leads && from < experts; from++) {
            for (int to = 0; to < experts; to++) {
                array.add(Math.round(1e4 * statistics.pairs(relation, layer, from, to) / statistics.positions()));
            }
        }
    }
}
