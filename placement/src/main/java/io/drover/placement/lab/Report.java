package io.drover.placement.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

import org.jspecify.annotations.Nullable;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import io.drover.placement.Measured;
import io.drover.placement.Wire;

/**
 * Everything that a run found out, as JSON: all figures of the tables under {@code figures}, the lower bounds with each, and the courses of
 * online runs under {@code online}. Bytes and vectors are per token-layer; a figure that does not apply is null.
 */
final class Report {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final ObjectNode root = JSON.createObjectNode();
    private final ArrayNode figures = root.putArray("figures");
    private final ArrayNode online = root.putArray("online");

    /** @param source model, or what was simulated */
    Report(final String source, final PlanOptions options) {
        root.put("model", source);
        root.put("split", options.split);
        root.put("seed", options.seed);
        root.put("effort", options.effort);
        root.put("balance", options.balance);
        root.put("decay", options.decay);
        root.put("hidden", options.hidden);
        root.put("wire", options.wire);
        root.put("kv_bytes", options.kvBytes);
        root.put("header_bytes", options.headerBytes);
        root.put("expert_bytes", options.expertBytes());
        root.put("homes", options.homes);
    }

    ObjectNode root() {
        return root;
    }

    void add(final Figures row) {
        final Scenario scenario = row.scenario();
        final ObjectNode node = figures.addObject();
        node.put("policy", row.policy());
        node.put("mode", scenario.mode().name().toLowerCase(Locale.ROOT));
        node.put("devices", scenario.devices());
        node.put("slots", scenario.slots());
        node.put("slack", scenario.cost().slack());
        node.put("min_replicas", scenario.budget().minReplicas());
        node.put("refusal", row.refusal());
        measured(node, "", row.measured(), scenario);
        measured(node, "fitted_", row.fitted(), scenario);
        final LowerBound bound = row.bound();
        if (bound == null) {
            node.putNull("bound_vectors").putNull("bound_copies").putNull("bound_bytes").putNull("bound_imbalance");
        } else {
            node.put("bound_vectors", bound.vectors());
            node.put("bound_copies", bound.copies());
            node.put("bound_bytes", bound.bytes(scenario.wire().withHolders(1, false)));
            number(node, "bound_imbalance", bound.imbalance());
        }
        node.put("ideal_imbalance", 1.0);
        node.put("moves", row.moves());
        number(node, "plan_seconds", row.planSeconds());
    }

    private static void measured(
            final ObjectNode node, final String prefix, final @Nullable Measured measured, final Scenario scenario) {
        if (measured == null) {
            return;
        }
        final Wire wire = scenario.wire();
        final int all = scenario.devices();
        node.put(prefix + "positions", measured.positions());
        node.put(prefix + "vectors", measured.vectors());
        node.put(prefix + "copies", measured.copies());
        node.put(prefix + "dispatches", measured.traffic().dispatches());
        node.put(prefix + "residuals", measured.traffic().residuals());
        node.put(prefix + "returns", measured.traffic().returns());
        node.put(prefix + "bytes_1_holder", measured.bytes(wire.withHolders(1, false)));
        node.put(prefix + "bytes_2_holders_unicast", measured.bytes(wire.withHolders(Math.min(2, all), false)));
        node.put(prefix + "bytes_2_holders_multicast", measured.bytes(wire.withHolders(Math.min(2, all), true)));
        node.put(prefix + "bytes_all_holders_unicast", measured.bytes(wire.withHolders(all, false)));
        node.put(prefix + "bytes_all_holders_multicast", measured.bytes(wire.withHolders(all, true)));
        node.put(prefix + "imbalance", measured.imbalance());
        node.put(prefix + "balancedness", measured.balancedness());
        node.put(prefix + "attention_imbalance", measured.attentionImbalance());
    }

    void add(final List<OnlineReplay.Course> courses, final Scenario scenario, final OnlineRun.Course setting) {
        final ObjectNode run = online.addObject();
        run.put("mode", scenario.mode().name().toLowerCase(Locale.ROOT));
        run.put("devices", scenario.devices());
        run.put("slots", scenario.slots());
        run.put("window_tokens", setting.windowTokens());
        run.put("tokens_per_replayed", setting.scale());
        run.put("tokens_per_second", setting.tokensPerSecond());
        final ArrayNode phases = run.putArray("phases");
        courses.getFirst().windows().forEach(window -> phases.add(window.phase()));
        final ArrayNode policies = run.putArray("policies");
        for (final OnlineReplay.Course course : courses) {
            final ObjectNode node = policies.addObject();
            node.put("policy", course.policy().name());
            node.put("total_bytes", course.totalBytes());
            node.put("traffic_bytes", course.trafficBytes());
            node.put("move_bytes", course.moveBytes());
            node.put("moves", course.moves());
            node.put("imbalance", course.imbalance());
            node.put("settled_imbalance", course.settledImbalance());
            node.put("returns", course.policy().returns());
            node.put("undone", course.policy().undone());
            node.put("plan_seconds", course.planSeconds());
            number(node, "traffic_prediction_error", course.predictionError().meanRelative());
            number(node, "regret", courses.getLast().policy().hindsight() ? course.regret(courses.getLast()) : Double.NaN);
            node.put("judged_steps", course.policy().gains().steps());
            number(node, "predicted_gain", course.policy().gains().predicted());
            number(node, "realised_gain", course.policy().gains().realised());
            final ArrayNode windows = node.putArray("windows");
            for (final OnlineReplay.Window window : course.windows()) {
                final ObjectNode each = windows.addObject();
                each.put("traffic_bytes", window.trafficBytes());
                each.put("move_bytes", window.moveBytes());
                each.put("moves", window.moves());
                each.put("imbalance", window.imbalance());
                each.put("vectors", window.vectors());
                number(each, "predicted_traffic_bytes", window.predicted());
            }
        }
    }

    private static void number(final ObjectNode node, final String name, final double value) {
        if (Double.isFinite(value)) {
            node.put(name, value);
        } else {
            node.putNull(name);
        }
    }

    void write(final Path file) throws IOException {
        Files.writeString(file, JSON.writerWithDefaultPrettyPrinter().writeValueAsString(root) + "\n");
    }
}
